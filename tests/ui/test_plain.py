"""One line an event, and sentences instead of tokens."""

import pytest

from voicechat.events import Event, EventKind, Meter
from voicechat.ui.plain import Plain, Transcript

LATENCY = {"silence_s": 0.6, "engine_s": 0.0, "start_s": 0.02}


def lines(*events: Event) -> list[str]:
    transcript = Transcript("Wren")
    return [line for event in events for line in transcript.add(event)]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Event(117, EventKind.SPEECH_START, 1), "   2.34 s  turn 1  speech start"),
        (Event(50, EventKind.TURN_END, 2, {"text": "hi"}), "   1.00 s  turn 2  turn end  you: hi"),
        (
            Event(220, EventKind.REPLY_START, 1, {"latency": LATENCY}),
            "   4.40 s  turn 1  reply start  0.62 s = silence 0.60 + engine 0.00 + start 0.02",
        ),
        (
            Event(1, EventKind.CUT, 1, {"heard_text": "It is", "text": "It is Paris."}),
            "   0.02 s  turn 1  cut  heard: It is",
        ),
        (Event(1, EventKind.XRUN, None, {"count": 3}), "   0.02 s  xrun  3"),
        (Event(1, EventKind.DEVICE, None, {"message": "gone"}), "   0.02 s  device  gone"),
        (Event(1, EventKind.ERROR, 4, {"message": "bad"}), "   0.02 s  turn 4  error  bad"),
    ],
)
def test_an_event_is_a_line(event: Event, line: str) -> None:
    assert lines(event) == [line]


def test_words_wait_for_their_sentence_or_the_reply_s_end() -> None:
    def text(words: str) -> Event:
        return Event(0, EventKind.TEXT, 1, {"text": words})

    end = Event(0, EventKind.REPLY_END, 1, {"text": ""})
    said = lines(text("It is"), text(" Paris."), text(" And"), text(" so"), end)
    assert [line.split("  ")[-1] for line in said] == [
        "Wren: It is Paris.",
        "Wren: And so",
        "reply end",
    ]
    dots = [text("."), text("."), text(".")]
    assert [line.split("  ")[-1] for line in lines(*dots, text(" four,"), text(" five."))] == [
        "Wren: ... four, five."
    ]


def test_the_words_of_an_answer_that_is_withdrawn_are_not_said() -> None:
    begun, rest = (Event(0, EventKind.TEXT, 1, {"text": text}) for text in ("The cap", "Yes."))
    for event in (EventKind.SPEECH_START, EventKind.TURN_END, EventKind.DISCARD):
        assert lines(begun, Event(0, event, 1), rest)[-1].endswith("Wren: Yes.")


def test_muting_is_said_once(capsys: pytest.CaptureFixture) -> None:
    with Plain("Wren") as plain:
        for muted in (False, True, True, False):
            plain.show(Meter(muted=muted), ())
    assert capsys.readouterr().out.splitlines()[1:] == ["muted", "no longer muted"]
