"""The talk as a whole, tick by tick: what the user does, and what the assistant does then."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import LONG_REPLY, Talk, config, mic, talk

from voicechat.clock import CODE
from voicechat.conversation.core import Core
from voicechat.conversation.floor import TRANSITIONS, Cue, Floor
from voicechat.engine.scripted import ScriptedEngine, speak
from voicechat.events import (
    Cancel,
    Discard,
    Feed,
    Heard,
    Key,
    Leave,
    Play,
    Reply,
    ReplyChunk,
    Truncate,
    Type,
    Typed,
)
from voicechat.recording.replay import Compute, fixed_time, no_time

ASKED = mic(0.5, 1.5, 12)  # a question from 0.5 to 2.0 s; the reply starts at 2.7 s
START = 135  # ... which is this tick
PUSH = config("turns.push_to_talk=true")
GATE = config("audio.echo=gate")
SLOW = fixed_time(3.0)
FADE = 360  # samples: 15 ms


def over(*lengths_s: float, hiss: bool = False) -> np.ndarray:
    """The question, and sounds over the reply: the first so long after its start."""
    return mic(0.5, 1.5, 0.7 + lengths_s[0], *lengths_s[1:], 12, hiss=hiss)


class TextOnly(ScriptedEngine):
    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        yield ReplyChunk(turn, "only words", final=True)


class Broken(ScriptedEngine):
    """Fails in the middle of its reply."""

    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        for chunk in super().reply(turn, certain):
            yield chunk
            if chunk.to_code > 40:
                raise RuntimeError("out of ideas")


TALKS = {  # between them they walk every way of the floor's table
    "an answer": lambda: talk(ASKED),
    "the user goes on at 400 ms": lambda: talk(mic(0.5, 1, 0.4, 1, 12)),
    "a pushed turn": lambda: talk(ASKED, settings=PUSH, keys={20: Key.SPACE, 100: Key.SPACE}),
    "Esc while guessing": lambda: talk(ASKED, keys={120: Key.ESCAPE}),
    "Esc while thinking": lambda: talk(ASKED, ["so"], compute=SLOW, keys={140: Key.ESCAPE}),
    "Esc while speaking": lambda: talk(ASKED, keys={200: Key.ESCAPE}),
    "Esc while ducked": lambda: talk(over(1, 0.2), keys={196: Key.ESCAPE}),
    "Esc while paused": lambda: talk(over(1, 2), keys={210: Key.ESCAPE}),
    "Esc while withheld": lambda: talk(over(1, 1), ["so"], compute=SLOW, keys={196: Key.ESCAPE}),
    "words without sound": lambda: talk(ASKED, TextOnly(["-"])),
    "a cough over a slow answer": lambda: talk(over(1, 0.2), ["so"], compute=SLOW),
    "more words over a slow answer": lambda: talk(over(1, 1), ["so"], compute=SLOW),
    "a line over a slow answer": lambda: talk(
        ASKED, ["so"], compute=SLOW, keys={140: Typed("and?")}
    ),
    "a cough": lambda: talk(over(1, 0.2)),
    "mm-hm": lambda: talk(over(1, 0.5)),
    "an interruption": lambda: talk(over(1, 2)),
    "a word where no echo is cancelled": lambda: talk(over(1, 0.4, hiss=True), settings=GATE),
    "a sound as the reply ends": lambda: talk(over(0.1, 0.25), ["so."]),
}


@cache
def moves(name: str) -> frozenset[tuple[Floor, Cue]]:
    """The moves of the floor in a talk."""
    seen = set()
    with pytest.MonkeyPatch.context() as patch:
        enact = Core._enact

        def spy(self: Core, before: Floor, cue: Cue) -> None:
            seen.add((before, cue))
            enact(self, before, cue)

        patch.setattr(Core, "_enact", spy)
        TALKS[name]()
    return frozenset(seen)


@pytest.mark.parametrize("way", TRANSITIONS, ids=lambda way: f"{way[0].value}-{way[1].name}")
def test_every_way_of_the_floor_is_walked(way: tuple[Floor, Cue]) -> None:
    assert any(way in moves(name) for name in TALKS)


@pytest.mark.parametrize("name", TALKS)
def test_every_talk_ends_with_a_free_floor_and_a_true_history(name: str) -> None:
    played = TALKS[name]()
    kinds = played.kinds("text", "xrun")
    assert kinds[-1] in ("reply_end", "cut", "discard")
    for event in played.events:
        if event.event == "cut":
            assert played.engine.history[event.turn] == event.detail["heard_text"]


def test_an_answer_is_begun_silently_at_the_soft_end_and_sounds_at_the_turns_end() -> None:
    played = talk(ASKED)
    assert played.kinds("text") == [
        "speech_start", "soft_end", "turn_end", "reply_start", "reply_end",
    ]  # fmt: skip
    assert [a for a in played.actions if isinstance(a, Reply)] == [Reply(1, certain=False)]
    assert played.one("reply_start").n == START
    assert played.one("reply_start").detail["latency"] == {
        "silence_s": 0.7, "engine_s": 0.0, "start_s": 0.02,
    }  # fmt: skip
    sounded = np.concatenate([a.pcm for a in played.actions if isinstance(a, Play)])
    np.testing.assert_array_equal(sounded, speak(LONG_REPLY)[1])


def test_the_engine_hears_the_turn_from_its_preroll_on_without_a_gap() -> None:
    played = talk(mic(0.5, 1, 0.4, 1, 12))
    fed = np.concatenate([a.pcm for a in played.actions if isinstance(a, Feed)])
    whole = mic(0.5, 1, 0.4, 1, 12)
    start = 29 * 320 + 320 - len(next(a for a in played.actions if isinstance(a, Feed)).pcm)
    np.testing.assert_array_equal(fed, whole[start : start + len(fed)])
    assert start <= 0.5 * 16_000 - 0.4 * 16_000  # the pre-roll
    assert start + len(fed) >= 2.9 * 16_000


def test_a_user_who_goes_on_takes_the_answer_back_and_keeps_the_turn() -> None:
    played = talk(mic(0.5, 1, 0.4, 1, 12), compute=SLOW)
    orders = [a for a in played.actions if isinstance(a, Reply | Cancel)]
    assert orders == [Reply(1, False), Cancel(1), Reply(1, False)]
    assert "reply_start" not in played.kinds()[: played.kinds().index("turn_end")]


@pytest.mark.parametrize(("complete", "wait_s"), [(1.0, 0.6), (0.9, 0.6), (0.4, 2.0), (None, 0.7)])
def test_the_turn_ends_sooner_the_more_complete_it_sounds(
    complete: float | None, wait_s: float
) -> None:
    judge = None if complete is None else lambda pcm: complete
    played = talk(ASKED, ScriptedEngine([LONG_REPLY], judge))
    assert played.one("turn_end").n - played.one("soft_end").n == (wait_s - 0.3) * 50
    assert (Reply(1, certain=True) in played.actions) == (complete == 0.4)
    assert "reply_end" in played.kinds()


def test_a_cough_ducks_the_reply_and_costs_nothing_of_it() -> None:
    played = talk(over(1, 0.2))
    assert played.kinds("text")[4:] == ["duck", "resume", "reply_end"]
    assert sum(len(a.pcm) for a in played.actions if isinstance(a, Play)) == len(
        speak(LONG_REPLY)[1]
    )
    assert {a.turn for a in played.actions if isinstance(a, Feed)} == {1}


def test_a_back_channel_pauses_and_the_reply_goes_on_from_a_silence_shortly_before() -> None:
    played = talk(over(1, 0.5))
    assert played.kinds("text")[4:] == ["duck", "pause", "resume", "reply_end"]
    again = sum(len(a.pcm) for a in played.actions if isinstance(a, Play)) - len(
        speak(LONG_REPLY)[1]
    )
    assert 0 < again <= 0.25 * 24_000 + 0.12 * 24_000  # backtracked, and what the flush dropped
    assert played.one("reply_end").detail["heard_samples"] == len(speak(LONG_REPLY)[1])
    assert not any(isinstance(a, Truncate) for a in played.actions)


def test_a_short_word_with_an_s_is_an_interruption() -> None:
    played = talk(over(1, 0.5, hiss=True), [LONG_REPLY, "yes."])
    assert played.kinds("text")[4:7] == ["duck", "pause", "cut"]
    assert played.engine.history[2] == "yes."


def test_a_voice_far_away_is_not_the_users() -> None:
    pcm = over(1, 2)
    pcm[round(3 * 16_000) :] //= 5  # 14 dB
    near, far = config("barge_in.distance_db=15"), config("barge_in.distance_db=12")
    assert "cut" in talk(pcm, settings=near).kinds()
    assert "duck" not in talk(pcm, settings=far).kinds()


def test_an_interruption_stops_the_reply_and_is_answered() -> None:
    played = talk(over(1, 2), [LONG_REPLY, "yes."])
    assert played.kinds("text")[4:] == [
        "duck", "pause", "cut", "speech_start", "soft_end", "turn_end", "reply_start", "reply_end",
    ]  # fmt: skip
    onset_n = (0.5 + 1.5 + 0.7 + 1) * 50
    assert played.one("pause").n - onset_n == 14  # 300 ms of voice
    assert played.engine.history[2] == "yes."


def test_what_is_kept_is_what_was_heard() -> None:
    played = talk(over(1, 2), [LONG_REPLY, "yes."])
    cut = played.one("cut")
    (truncate,) = (a for a in played.actions if isinstance(a, Truncate))
    assert truncate == Truncate(1, Heard(cut.detail["heard_samples"], cut.detail["heard_text"]))
    sounding = played.heard[START * CODE : cut.n * CODE]
    silent_from = np.flatnonzero(sounding)[-1] + 1
    assert 0 <= cut.detail["heard_samples"] - silent_from < 12 * CODE  # but for a pause in it
    assert cut.detail["text"] == LONG_REPLY


def test_before_a_word_was_heard_the_user_just_goes_on() -> None:
    played = talk(over(0.02, 2), ["mmmmmmmmmmmm, well."])
    assert played.one("cut").detail["heard_text"] == ""
    assert not any(isinstance(a, Truncate) for a in played.actions)
    assert {a.turn for a in played.actions if isinstance(a, Feed)} == {1}


def test_a_failure_of_the_engine_is_told_and_the_assistant_listens_again() -> None:
    played = talk(mic(0.5, 1, 5, 1, 5), Broken([LONG_REPLY]))
    errors = [e for e in played.events if e.event == "error"]
    assert [e.detail["message"] for e in errors] == ["RuntimeError: out of ideas"] * 2
    assert [e.turn for e in errors] == [1, 2]


class Deaf(ScriptedEngine):
    """Fails to hear the first piece of the first turn, and could answer it all the same."""

    def feed(self, turn: int, pcm: np.ndarray) -> None:
        first = turn not in self.turns
        super().feed(turn, pcm)
        if turn == 1 and first:
            raise RuntimeError("no memory to hear with")


def test_a_failure_to_hear_takes_the_answer_back_that_was_asked_for_meanwhile() -> None:
    took_s = iter([2.0])  # until it fails: the answer is asked for by then
    played = talk(
        mic(0.5, 1, 5, 1, 12),
        Deaf([LONG_REPLY]),
        compute=lambda action, work: (work(), next(took_s, 0.0)),
    )
    assert [e.turn for e in played.events if e.event == "error"] == [1]
    assert [e.turn for e in played.events if e.event == "reply_start"] == [2]


@pytest.mark.parametrize(
    ("key", "others"),
    [(Typed("and?"), None), (Typed("and?"), SLOW), (Key.SPACE, SLOW)],
    ids=["a line while guessing", "a line while thinking", "a push while thinking"],
)
def test_who_goes_on_before_the_answer_sounds_takes_nothing_back(
    key: Key | Typed, others: Compute | None
) -> None:
    pushed = key is Key.SPACE
    keys = {20: Key.SPACE, 100: Key.SPACE, 140: key, 200: Key.SPACE} if pushed else {120: key}
    settings = PUSH if pushed else None
    played = talk(ASKED, ["so."], settings, others or no_time, keys)
    assert {a.turn for a in played.actions if isinstance(a, Feed | Type | Reply)} == {1}
    assert not any(isinstance(a, Discard) for a in played.actions)
    assert played.kinds("text")[-1] == "reply_end"


def test_the_silence_before_an_answer_asked_for_twice_ends_with_the_turn() -> None:
    class Hesitant(ScriptedEngine):
        """Takes the turn for unfinished, and says so late."""

        def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
            if not certain:
                yield ReplyChunk(turn, complete=0.9, final=False)
                yield ReplyChunk(turn, final=True)
            else:
                yield from super().reply(turn)

    played = talk(ASKED, Hesitant([LONG_REPLY]), compute=fixed_time(0.5))
    parts = played.one("reply_start").detail["latency"]
    ended_s = played.one("turn_end").n / 50
    assert parts["silence_s"] == pytest.approx(ended_s - 1.96, abs=0.05)
    assert parts["engine_s"] > 0.4


def test_a_typed_line_is_a_turn() -> None:
    played = talk(mic(12), keys={10: Typed("hello")})
    assert [a for a in played.actions if isinstance(a, Type | Reply)] == [
        Type(1, "hello"), Reply(1, certain=True),
    ]  # fmt: skip
    assert played.one("turn_end").detail["text"] == "hello"


def test_a_line_typed_over_a_reply_interrupts_it() -> None:
    played = talk(ASKED, [LONG_REPLY, "yes."], keys={200: Typed("stop, what is two plus two")})
    assert played.kinds("text")[4:] == ["cut", "turn_end", "reply_start", "reply_end"]


def test_ctrl_c_once_stops_the_speech_and_twice_leaves() -> None:
    once = talk(ASKED, keys={200: Key.INTERRUPT, 400: Key.INTERRUPT})
    assert "cut" in once.kinds() and not any(isinstance(a, Leave) for a in once.actions)
    twice = talk(ASKED, keys={200: Key.INTERRUPT, 250: Key.INTERRUPT})
    assert isinstance(twice.actions[-1], Leave) and len(twice.ticks) == 251


def test_a_muted_microphone_is_not_heard() -> None:
    played = talk(ASKED, keys={5: Key.SPACE})
    assert played.kinds() == [] and played.meters[10].muted


def test_without_interruption_the_user_is_not_heard_over_a_reply() -> None:
    played = talk(over(1, 2), settings=config("barge_in.enabled=false"))
    assert played.kinds("text")[3:] == ["reply_start", "reply_end"]
    assert not any(meter.muted for meter in played.meters)


def test_a_pushed_turn_lasts_from_press_to_press() -> None:
    played = talk(mic(0.5, 1, 1, 1, 9), settings=PUSH, keys={20: Key.SPACE, 180: Key.SPACE})
    assert played.kinds("text") == ["speech_start", "turn_end", "reply_start", "reply_end"]
    assert played.one("turn_end").n == 180


def test_a_soft_reply_is_ducked_by_20_db_and_comes_back() -> None:
    played = talk(over(1, 0.2))
    level = np.sqrt(np.square(played.heard.reshape(-1, CODE), dtype=np.float64).mean(axis=1))
    ducked, resumed = played.one("duck").n, played.one("resume").n
    during, before = level[ducked + 8 : resumed].max(), level[ducked - 20 : ducked].max()
    assert during == pytest.approx(before / 10, rel=0.05)
    assert level[resumed + 10 : resumed + 40].max() == pytest.approx(before, rel=0.05)


def test_the_same_ticks_lead_to_the_same_steps() -> None:
    first, second = talk(over(1, 0.5)), talk(over(1, 0.5))
    assert first.events == second.events
    np.testing.assert_array_equal(first.heard, second.heard)


keys = st.sampled_from([Key.ESCAPE, Key.SPACE, Typed("and?"), Key.INTERRUPT])
lengths = st.lists(st.floats(0.02, 2.5), min_size=2, max_size=14)


@settings(max_examples=25)
@given(
    lengths_s=lengths,
    keys=st.dictionaries(st.integers(0, 800), keys, max_size=4),
    slow_s=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    complete=st.sampled_from([None, 0.1, 0.9]),
    push=st.booleans(),
)
def test_whatever_the_user_does_a_cut_reply_is_silent_but_for_the_fade(
    lengths_s: list[float],
    keys: dict[int, Key | Typed],
    slow_s: float,
    complete: float | None,
    push: bool,
) -> None:
    judge = None if complete is None else lambda pcm: complete
    played = talk(
        mic(*lengths_s),
        ScriptedEngine([LONG_REPLY, "so be it."], judge),
        PUSH if push else None,
        fixed_time(slow_s),
        keys,
    )
    check_silence(played)
    assert "error" not in played.kinds()
    heard = {e.turn: e.detail["heard_text"] for e in played.events if e.event == "cut"}
    for turn, text in heard.items():
        assert played.engine.history.get(turn, "").startswith(text)


def check_silence(played: Talk) -> None:
    """After a pause at most the fade sounds, after a cut nothing, until the core plays again."""
    allowed = None
    for tick, step in zip(played.ticks, played.steps, strict=True):
        if allowed is not None:
            allowed -= tick.played
            assert allowed >= 0, tick.n
        for kind in (event.event for event in step.events):
            allowed = FADE if kind == "pause" else 0 if kind == "cut" else allowed
        for action in step.actions:
            if isinstance(action, Play):
                allowed = None
