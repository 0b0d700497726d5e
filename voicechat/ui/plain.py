"""The session as plain lines, one an event, for pipes and screen readers.

2.34 s  turn 1  speech start
4.40 s  turn 1  reply start  0.62 s = silence 0.60 + engine 0.00 + start 0.02
4.42 s  turn 1  Wren: The capital of France is Paris.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from voicechat.clock import TICKS_PER_S
from voicechat.events import Event, EventKind, Latency, Meter
from voicechat.ui.view import gap

HELP = """\
Enter    mutes and unmutes the microphone; with --push-to-talk: once to talk, again to end
.        and Enter: stop the reply
a line   and Enter: a written turn
Ctrl-C   once stops the reply, twice leaves"""
_WITHDRAWS = (EventKind.SPEECH_START, EventKind.TURN_END, EventKind.DISCARD)
_SENTENCE = (".", "!", "?")
_DOTS = ". "  # what goes on begins with three


class Transcript:
    """A pure fold of events into lines; a reply's words wait until a sentence is complete."""

    def __init__(self, voice: str) -> None:
        self._voice = voice
        self._words = ""

    def add(self, event: Event) -> tuple[str, ...]:
        """The lines that this event completes."""
        if event.event == EventKind.TEXT:
            self._words += event.detail["text"]
            whole = self._words.endswith(_SENTENCE) and self._words.strip(_DOTS)
            return self._sentence(event) if whole else ()
        if event.event in _WITHDRAWS:  # the answer that had begun is not given
            self._words = ""
        ends = event.event in (EventKind.CUT, EventKind.REPLY_END)
        rest = self._sentence(event) if ends and self._words.strip() else ()
        return (*rest, _line(event, f"{_name(event)}{_detail(event)}"))

    def _sentence(self, event: Event) -> tuple[str, ...]:
        words, self._words = self._words.strip(), ""
        return (_line(event, f"{self._voice}: {words}"),)


class Plain:
    """One line an event on standard output."""

    def __init__(self, voice: str) -> None:
        self._voice = voice
        self._transcript = Transcript(voice)
        self._muted = False
        self._news: deque[str] = deque()

    def __enter__(self) -> Plain:
        print(f"{self._voice} listens; ? and Enter shows the keys", flush=True)
        return self

    def __exit__(self, *fault: Any) -> None:
        self.draw()

    def show(self, meter: Meter, events: tuple[Event, ...]) -> None:
        """Takes what a tick brought; from the loop's thread, and never blocks."""
        for event in events:
            self._news.extend(self._transcript.add(event))
        if meter.muted != self._muted:
            self._muted = meter.muted
            self._news.append("muted" if meter.muted else "no longer muted")

    def draw(self, typing: str = "") -> None:
        """Prints what came since the last call; from the main thread."""
        while self._news:
            print(self._news.popleft(), flush=True)

    def help(self) -> None:
        """Prints the keys."""
        print(HELP, flush=True)


def _line(event: Event, text: str) -> str:
    turn = "" if event.turn is None else f"turn {event.turn}  "
    return f"{event.n / TICKS_PER_S:7.2f} s  {turn}{text}"


def _name(event: Event) -> str:
    return event.event.value.replace("_", " ")


def _detail(event: Event) -> str:
    detail = event.detail
    match event.event:
        case EventKind.REPLY_START:
            return f"  {gap(Latency(**detail['latency']))}"
        case EventKind.CUT:
            return f"  heard: {detail['heard_text'].strip()}"
        case EventKind.XRUN:
            return f"  {detail['count']}"
        case EventKind.ERROR | EventKind.DEVICE:
            return f"  {detail['message']}"
        case EventKind.TURN_END if detail.get("text"):
            return f"  you: {detail['text']}"
        case _:
            return ""
