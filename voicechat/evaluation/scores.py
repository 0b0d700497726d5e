"""What a talk was like, from who spoke when and what the program did.

Definitions. A *takeover* is a reply that begins; in a pause it counts once a second of it or more
than three words were heard (Full-Duplex-Bench). The *perceived gap* runs from the last sample of
the user's turn to the first one of the reply. A reply *stops* with the last sample of it that the
speaker took before it ran empty; a *false interruption* is a stop for something that was no turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from voicechat.clock import CODE, TICKS_PER_S
from voicechat.evaluation.room import Span
from voicechat.events import Event, EventKind, Tick

REPLY_WITHIN_S = 5.0
YIELD_WITHIN_S = 2.0
PREROLL_S = 1.0  # a turn's first piece begins at most so long before its first sound
TAKEOVER_S, TAKEOVER_WORDS = 1.0, 3
NO_TURNS = ("back-channel", "cough", "click", "keyboard", "noise", "music", "aside")


@dataclass
class Score:
    """Counts and times of one talk or of many; `add` sums them up.

    Attributes:
        turns: turns of the user that were over.
        answered: of them.
        gaps_s: the perceived gap of each that was answered.
        pauses: silences within turns.
        taken_over: of them.
        onset_loss_s: how much of the beginning of each turn the engine was not given.
        interruptions: turns over a reply.
        yielded: of them, within 2 s.
        stops_s: from the onset of each interruption to the last sample of the reply.
        others: sounds over a reply that were no turn, and replies under their own echo.
        stopped: of them, for which the reply stopped.
        cut: of them, for which it was lost.
        resumed_s: how long the stop lasted where it was not lost.
    """

    turns: int = 0
    answered: int = 0
    gaps_s: list[float] = field(default_factory=list)
    pauses: int = 0
    taken_over: int = 0
    onset_loss_s: list[float] = field(default_factory=list)
    interruptions: int = 0
    yielded: int = 0
    stops_s: list[float] = field(default_factory=list)
    others: int = 0
    stopped: int = 0
    cut: int = 0
    resumed_s: list[float] = field(default_factory=list)

    def add(self, other: Score) -> None:
        """Adds another talk's."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def score(spans: Sequence[Span], events: Sequence[Event], ticks: Sequence[Tick]) -> Score:
    """Scores one talk."""
    talk = _Talk(events, _silent_from(ticks))
    result = Score()
    for index, span in enumerate(spans):
        until_s = spans[index + 1].on_s if index + 1 < len(spans) else float("inf")
        match span.kind:
            case "turn" | "interruption":
                talk.turn(result, span, until_s)
            case "pause":
                result.pauses += 1
                result.taken_over += talk.takes_over(span)
            case "begin":
                talk.onset(result, span)
        if span.kind == "interruption":
            talk.interruption(result, span)
        elif span.kind in NO_TURNS:
            talk.other(result, span.on_s, span.off_s + YIELD_WITHIN_S)
    return result


def score_echo(events: Sequence[Event], ticks: Sequence[Tick]) -> Score:
    """Scores a talk in which nobody speaks over the replies: whatever stops one is its echo."""
    result = Score()
    _Talk(events, _silent_from(ticks)).other(result, 0.0, float("inf"))
    return result


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """The 50th, 90th and 95th; nothing of nothing."""
    values = list(values)
    return {f"p{p}": round(float(np.percentile(values, p)), 3) for p in (50, 90, 95) if values}


def _silent_from(ticks: Sequence[Tick]) -> np.ndarray:
    """`[stops]` seconds: whenever the speaker ran out of ours, the end of the last of it."""
    stops, ours, before = [], False, 0.0
    for tick in ticks:
        at_s = tick.n / TICKS_PER_S
        if tick.played < len(tick.heard):
            if tick.played or ours:
                stops.append(at_s + tick.played / (CODE * TICKS_PER_S) if tick.played else before)
            ours = False
        elif tick.played:
            ours = True
        before = at_s + len(tick.heard) / (CODE * TICKS_PER_S)
    return np.array(stops)


class _Talk:
    """The program's side of a talk."""

    def __init__(self, events: Sequence[Event], stops_s: np.ndarray) -> None:
        self._events, self._stops_s = events, stops_s

    def _all(
        self, *kinds: EventKind, on_s: float = 0.0, off_s: float = float("inf")
    ) -> list[Event]:
        return [e for e in self._events if e.event in kinds and on_s <= _at(e) < off_s]

    def turn(self, result: Score, span: Span, until_s: float) -> None:
        result.turns += 1
        within_s = min(until_s, span.off_s + REPLY_WITHIN_S)
        starts = self._all(EventKind.REPLY_START, on_s=span.off_s, off_s=within_s)
        if starts:
            result.answered += 1
            result.gaps_s.append(_at(starts[0]) - span.off_s)
        self.onset(result, span)

    def onset(self, result: Score, span: Span) -> None:
        """The first piece of the turn that the engine was given began at `from_s`."""
        begun = [e.detail["from_s"] for e in self._all(EventKind.SPEECH_START)]
        own = [at for at in begun if span.on_s - PREROLL_S <= at < span.off_s]
        if own:
            result.onset_loss_s.append(max(0.0, own[0] - span.on_s))

    def takes_over(self, pause: Span) -> bool:
        starts = self._all(EventKind.REPLY_START, on_s=pause.on_s, off_s=pause.off_s + 0.2)
        return bool(starts) and self._is_takeover(starts[0])

    def _is_takeover(self, start: Event) -> bool:
        ends = self._all(EventKind.CUT, EventKind.REPLY_END, on_s=_at(start))
        if not ends or ends[0].event is EventKind.REPLY_END:
            return True
        heard_s = ends[0].detail["heard_samples"] / (CODE * TICKS_PER_S)
        words = len(ends[0].detail["heard_text"].split())
        return heard_s >= TAKEOVER_S or words > TAKEOVER_WORDS

    def interruption(self, result: Score, span: Span) -> None:
        result.interruptions += 1
        stops = self._stops_s[self._stops_s >= span.on_s]
        stopped = len(stops) and stops[0] - span.on_s <= YIELD_WITHIN_S
        if stopped and self._all(EventKind.CUT, on_s=span.on_s):
            result.yielded += 1
            result.stops_s.append(float(stops[0] - span.on_s))

    def other(self, result: Score, on_s: float, off_s: float) -> None:
        result.others += 1
        pauses = self._all(EventKind.PAUSE, on_s=on_s, off_s=off_s)
        result.stopped += bool(pauses)
        lost = self._all(EventKind.CUT, on_s=on_s, off_s=off_s + YIELD_WITHIN_S)
        result.cut += bool(lost)
        if pauses and not lost:
            back = self._all(EventKind.RESUME, on_s=_at(pauses[0]))
            result.resumed_s += [_at(e) - _at(pauses[0]) for e in back[:1]]


def _at(event: Event) -> float:
    return event.n / TICKS_PER_S
