"""`main.py bench turns`: scenes by the dozen, through the whole program under the sample clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from voicechat.clock import FRAME, TICKS_PER_S
from voicechat.conversation.core import Core
from voicechat.conversation.session import Session
from voicechat.engine.base import Engine
from voicechat.evaluation.room import Room, Scene, Span
from voicechat.evaluation.scenarios import draw
from voicechat.evaluation.scores import Score, percentiles, score, score_echo
from voicechat.events import Event, EventKind, Meter, Step, Tick
from voicechat.recording.replay import (
    ClockedDevices,
    ClockedEngine,
    Compute,
    frames,
    measured_time,
    no_time,
)

BEGINS = (EventKind.SPEECH_START, EventKind.TURN_END)
ENDS = (EventKind.REPLY_END, EventKind.CUT, EventKind.DISCARD, EventKind.ERROR)
COMPUTE = {  # what the engine's work costs on the sample clock
    "zero": no_time,
    "measured": measured_time(time.perf_counter),
    "cpu": measured_time(time.process_time),  # on a machine that is busy with other things
}


@dataclass
class Log:
    """All that happened in a talk: a recorder in memory."""

    ticks: list[Tick] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def write(self, tick: Tick, step: Step) -> None:
        """Keeps what is scored."""
        self.ticks.append(replace(tick, chunks=()))
        self.events.extend(step.events)

    def take_message(self) -> str:
        """Never fails."""
        return ""


@dataclass(frozen=True)
class Played:
    """A scene that was played; `missed` if a part's moment never came."""

    spans: Sequence[Span]
    log: Log
    missed: bool


def play(
    scene: Scene, core: Core, make_engine: Callable[[Room], Engine], compute: Compute
) -> Played:
    """Plays a scene to its end."""
    room, log = Room(scene), Log()
    Session(core, ClockedEngine(make_engine(room), compute), room, room.notice, log).run()
    return Played(room.spans, log, room.missed)


@dataclass(frozen=True)
class Row:
    """The scenes of one kind.

    Attributes:
        kind: of `scenarios.KINDS`, or `all`.
        scenes: that were scored.
        missed: scenes that came to nothing, as a reply was too short to be interrupted.
        score: their sum.
    """

    kind: str
    scenes: int
    missed: int
    score: Score

    def figures(self) -> dict[str, Any]:
        """What there is to say of these scenes."""
        s = self.score
        shares = {
            "answered": (s.answered, s.turns),
            "taken over in pauses": (s.taken_over, s.pauses),
            "yielded": (s.yielded, s.interruptions),
            "falsely stopped": (s.stopped, s.others),
            "falsely cut": (s.cut, s.others),
        }
        times = {
            "gap": s.gaps_s,
            "stop": s.stops_s,
            "resumed": s.resumed_s,
            "onset loss": s.onset_loss_s,
        }
        return {
            "scenes": self.scenes,
            "missed": self.missed,
            **{name: round(n / of, 3) for name, (n, of) in shares.items() if of},
            **{f"{name} s": percentiles(values) for name, values in times.items() if values},
        }


def measure(
    kinds: Iterable[str],
    count: int,
    make_core: Callable[[Scene], Core],
    make_engine: Callable[[Room], Engine],
    compute: Compute,
    seed: int = 0,
    report: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Plays `count` scenes of each kind; the last row is of all of them together."""
    rows, whole = [], Score()
    for kind in kinds:
        total, missed = Score(), 0
        for index in range(count):
            scene = draw(kind, index, seed)
            played = play(scene, make_core(scene), make_engine, compute)
            if played.missed:
                missed += 1
                continue
            total.add(score(played.spans, played.log.events, played.log.ticks))
            if scene.kind.startswith("echo"):
                total.add(score_echo(played.log.events, played.log.ticks))
        rows.append(Row(kind, count - missed, missed, total))
        whole.add(total)
        report(rows[-1])
    scenes, missed = sum(row.scenes for row in rows), sum(row.missed for row in rows)
    return [*rows, Row("all", scenes, missed, whole)]


def described(row: Row) -> str:
    """A row in one line."""
    figures = row.figures().items()
    return ", ".join(f"{name} {_short(value)}" for name, value in figures)


def _short(value: float | dict[str, float]) -> str:
    if isinstance(value, dict):
        return "/".join(f"{number:.2f}" for number in value.values())
    return f"{value:g}"


class Tape(ClockedDevices):
    """A recorded microphone, and a speaker beside it on the same sample clock.

    Args:
        pcm: `[samples]` int16, 16 kHz.
        tail_s: silence after its end; None: until the reply to it is over.
    """

    QUIET_S = 3.0  # without a word: nothing more will come

    def __init__(self, pcm: np.ndarray, tail_s: float | None) -> None:
        super().__init__(self._frames(pcm, tail_s))
        self._busy = False

    def notice(self, meter: Meter, events: tuple[Event, ...]) -> None:
        """Is shown what a screen is shown: knows so when the talk is over."""
        for event in events:
            if event.event in BEGINS:
                self._busy = True
            elif event.event in ENDS:
                self._busy = False

    def _frames(self, pcm: np.ndarray, tail_s: float | None) -> Iterator[np.ndarray]:
        yield from frames(pcm, tail_s or 0.0)
        quiet = 0 if tail_s is None else np.inf
        while quiet < self.QUIET_S * TICKS_PER_S:
            yield np.zeros(FRAME, dtype=np.int16)
            quiet = 0 if self._busy else quiet + 1


def replay(
    pcm: np.ndarray, core: Core, engine: Engine, compute: Compute, tail_s: float | None = None
) -> tuple[Log, np.ndarray]:
    """Runs a recorded microphone through the whole program.

    Returns:
        What happened, and what the speaker played: `[samples]` int16, 24 kHz, from the same moment.
    """
    tape, log = Tape(pcm, tail_s), Log()
    Session(core, ClockedEngine(engine, compute), tape, tape.notice, log).run()
    return log, np.concatenate(tape.heard)
