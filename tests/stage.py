"""A small stage for talks under the sample clock: users are noise, the assistant is tones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from voicechat.clock import MIC_RATE
from voicechat.config import Config, load
from voicechat.conversation.core import Core
from voicechat.conversation.session import Recorder, Session
from voicechat.engine.base import Engine
from voicechat.engine.scripted import ScriptedEngine
from voicechat.events import Action, Event, Key, Meter, Step, Tick, Typed
from voicechat.recording.replay import ClockedDevices, ClockedEngine, Compute, frames, no_time

LONG_REPLY = "hello there, this is a long answer. it goes on, and on, and on. until the very end."


class Loud:
    """A detector for a world in which only users are loud."""

    def probability(self, frame: np.ndarray) -> float:
        return float(np.abs(frame).max() > 1000)


class NoEcho:
    """A headset."""

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        return mic


FIXED = (  # so that the tests' times do not follow the tuning of the defaults
    "audio.echo=headset",
    "turns.soft_end_ms=300",
    "turns.end_ms=600",
    "turns.end_unjudged_ms=700",
    "barge_in.stop_ms=300",
)


def config(*overrides: str) -> Config:
    return load(None, [*FIXED, *overrides])


def core(settings: Config | None = None) -> Core:
    return Core(settings or config(), Loud(), NoEcho())


def mic(*lengths_s: float, hiss: bool = False) -> np.ndarray:
    """`[samples]` int16, 16 kHz: silence, user, silence, user, ... of these lengths.

    The user hums, or with `hiss` says only s.
    """
    whole = np.random.default_rng(0).uniform(-1, 1, round(sum(lengths_s) * MIC_RATE) + 1)
    if not hiss:
        whole = np.sin(2 * np.pi * 150 * np.arange(len(whole)) / MIC_RATE)
    ends = np.round(np.cumsum([0, *lengths_s]) * MIC_RATE).astype(int)
    for start, end in zip(ends[:-1:2], ends[1::2], strict=False):
        whole[start:end] *= 0.0004
    return (8000 * whole[: ends[-1]]).astype(np.int16)


@dataclass
class Talk:
    """What came of a talk."""

    engine: Engine
    ticks: list[Tick] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    meters: list[Meter] = field(default_factory=list)
    heard: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int16))

    @property
    def events(self) -> list[Event]:
        return [event for step in self.steps for event in step.events]

    @property
    def actions(self) -> list[Action]:
        return [action for step in self.steps for action in step.actions]

    def kinds(self, *without: str) -> list[str]:
        return [e.event.value for e in self.events if e.event not in without]

    def one(self, kind: str) -> Event:
        (found,) = (event for event in self.events if event.event == kind)
        return found

    def write(self, tick: Tick, step: Step) -> None:
        self.ticks.append(tick)
        self.steps.append(step)

    def take_message(self) -> str:
        return ""


def talk(
    pcm: np.ndarray,
    engine: Engine | Sequence[str] = (LONG_REPLY,),
    settings: Config | None = None,
    compute: Compute = no_time,
    keys: dict[int, Key | Typed] | None = None,
    also: Recorder | None = None,
    show: Callable[[Meter, tuple[Event, ...]], None] | None = None,
) -> Talk:
    """Holds a talk; `keys` are pressed before the tick of their number is cut."""
    engine = ScriptedEngine(engine) if isinstance(engine, Sequence) else engine
    played = Talk(engine)
    recorder = _Both(played, also) if also else played

    def mic_frames() -> Iterator[np.ndarray]:
        for n, frame in enumerate(frames(pcm)):
            if keys and n in keys:
                session.press(keys[n])
            yield frame

    devices = ClockedDevices(mic_frames())
    session = Session(
        core(settings),
        ClockedEngine(engine, compute),
        devices,
        show or (lambda meter, events: played.meters.append(meter)),
        recorder,
    )
    session.run()
    played.heard = np.concatenate(devices.heard)
    return played


@dataclass
class _Both:
    """Two recorders."""

    first: Talk
    second: Recorder

    def write(self, tick: Tick, step: Step) -> None:
        self.first.write(tick, step)
        self.second.write(tick, step)

    def take_message(self) -> str:
        return self.second.take_message()
