"""The view is a fold: what was said, heard, cut and taken back."""

from functools import reduce

import pytest

from voicechat.events import Event, EventKind, Meter
from voicechat.ui.view import STATES, USER, View, measure, see

LATENCY = {"silence_s": 0.6, "engine_s": 0.08, "start_s": 0.04}


def fold(*news: Event | Meter) -> View:
    def step(view: View, new: Event | Meter) -> View:
        return see(view, new) if isinstance(new, Event) else measure(view, new)

    return reduce(step, news, View(voice="Wren"))


def event(kind: EventKind, turn: int | None = 1, n: int = 0, **detail: object) -> Event:
    times = {"from_s": n / 50, "last_voiced_s": n / 50}
    return Event(n, kind, turn, {**times, **detail})


ASKED = (event(EventKind.SPEECH_START), event(EventKind.TURN_END))
ANSWERED = (
    *ASKED,
    event(EventKind.TEXT, text="It is"),
    event(EventKind.REPLY_START, latency=LATENCY),
    event(EventKind.TEXT, text=" Paris."),
)


def test_words_come_together_and_are_marked_as_they_are_heard() -> None:
    view = fold(*ANSWERED, Meter(n=1, heard=5))
    reply = view.says[-1]
    assert (reply.who, reply.text, reply.heard, reply.open) == ("Wren", "It is Paris.", 5, True)
    assert reply.latency.engine_s == 0.08


def test_what_was_heard_never_grows_unheard_again() -> None:
    assert fold(*ANSWERED, Meter(heard=9), Meter(heard=0)).says[-1].heard == 9


def test_a_cut_reply_keeps_what_was_heard_and_a_whole_one_is_heard() -> None:
    cut = fold(*ANSWERED, event(EventKind.CUT, heard_text="It is", text="It is Paris."))
    assert (cut.says[-1].heard, cut.says[-1].cut, cut.says[-1].open) == (5, True, False)
    whole = fold(*ANSWERED, event(EventKind.REPLY_END, text="It is Paris."))
    assert (whole.says[-1].heard, whole.says[-1].cut, whole.says[-1].open) == (12, False, False)


def test_the_users_voice_is_drawn_from_its_beginning_to_its_end() -> None:
    meters = [Meter(n=n, level_db=-float(n)) for n in range(60)]
    start = event(EventKind.SPEECH_START, n=26, from_s=0.3)
    end = event(EventKind.TURN_END, n=51, last_voiced_s=0.8)
    view = fold(*meters[:26], start, *meters[26:51], end, *meters[51:])
    assert view.says[0].wave == (-20.0, -25.0, -30.0, -35.0, -40.0)


def test_a_cough_leaves_nothing_and_the_reply_goes_on() -> None:
    view = fold(*ANSWERED, event(EventKind.SPEECH_START, 2), event(EventKind.DISCARD, 2))
    assert [say.turn for say in view.says] == [1, 1] and view.state == "speaking"


def test_a_typed_turn_shows_its_words() -> None:
    (say,) = fold(event(EventKind.TURN_END, text="hello")).says
    assert (say.who, say.text, say.open) == (USER, "hello", False)


def test_a_turn_taken_up_again_after_its_end_is_shown_again() -> None:
    view = fold(*ASKED, event(EventKind.SPEECH_START))
    assert [say.open for say in view.says] == [False, True]


@pytest.mark.parametrize("goes_on", [EventKind.SPEECH_START, EventKind.TURN_END])
def test_an_answer_that_had_begun_is_gone_when_the_user_goes_on(goes_on: EventKind) -> None:
    begun = (*ASKED, event(EventKind.TEXT, text="The cap"))
    view = fold(*begun, event(goes_on), event(EventKind.TEXT, text="Yes."))
    assert [say.text for say in view.says if say.who == "Wren"] == ["Yes."]


def test_a_failure_is_shown_and_the_assistant_listens() -> None:
    view = fold(*ASKED, event(EventKind.ERROR, message="no memory"), event(EventKind.DISCARD))
    assert view.says[-1].fault == "no memory" and view.state == "listening"


def test_counts_and_messages_of_the_devices_are_kept() -> None:
    lost = event(EventKind.DEVICE, None, message="the microphone is gone")
    view = fold(event(EventKind.XRUN, None, count=2), event(EventKind.XRUN, None, count=1), lost)
    assert (view.xruns, view.notice, view.says) == (3, "the microphone is gone", ())


@pytest.mark.parametrize(("kind", "state"), STATES.items())
def test_each_event_has_its_state(kind: EventKind, state: str) -> None:
    detail = {"text": "", "heard_text": "", "message": "", "latency": LATENCY}
    before = fold(*ASKED) if kind is EventKind.DISCARD else fold(*ANSWERED)
    assert see(before, event(kind, **detail)).state == state


def test_a_view_of_a_long_talk_stays_small() -> None:
    turns = (event(EventKind.TURN_END, turn, text="hi") for turn in range(100))
    view = fold(*turns)
    assert len(view.says) == 12 and view.begun == 100 and view.says[-1].key == 99
