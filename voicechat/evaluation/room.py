"""A room in which a scene of a talk is played: who says what when, whatever the assistant does.

A scene is a list of parts; each waits for its moment (after the part before, after the reply has
begun, after it has ended) and then sounds in the microphone. What was really said when comes out as
spans, so that the talk can be scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from voicechat.audio.resample import Resampler, to_int16
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, TICKS_PER_S
from voicechat.events import Event, EventKind, Meter
from voicechat.recording.replay import ClockedDevices

ROOM_RMS = 3e-4  # a quiet room, -70 dBFS
PATIENCE_S = 8.0  # how long a part waits for its moment
TAIL_S = 3.0  # of quiet end a scene: more than any turn is waited for


class After(Enum):
    """What a part waits for."""

    BEFORE = "the part before has ended"
    REPLY = "a reply has begun"
    QUIET = "the reply has ended"


@dataclass(frozen=True, eq=False)
class Part:
    """Something that sounds in the microphone.

    Attributes:
        kind: `turn`, `pause` (a silence within a turn), `interruption`, or what else it is.
        pcm: `[samples]` float32, 16 kHz.
        after: the moment that it waits for.
        delay_s: and for so long after that.
        text: what is said.
    """

    kind: str
    pcm: np.ndarray
    after: After = After.BEFORE
    delay_s: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Span:
    """When a part sounded, on the sample clock, and what it was."""

    kind: str
    on_s: float
    off_s: float
    text: str = ""


@dataclass(frozen=True, eq=False)
class Scene:
    """A kind of scene, drawn from a seed.

    Attributes:
        kind: of `scenarios.KINDS`.
        parts: in order.
        echo: gain in dB and delay in ms of the way from speaker to microphone, if there is one.
        path_rate: the microphone's own rate, if it is another.
        jitter: the speaker takes sound in bursts of up to so many ticks.
    """

    kind: str
    parts: tuple[Part, ...]
    echo: tuple[float, int] | None = None
    path_rate: int = MIC_RATE
    jitter: int = 1


class Room(ClockedDevices):
    """Devices in which a scene is played.

    Attributes:
        spans: what sounded when; complete once the scene is over.
        missed: a part's moment never came.
    """

    def __init__(self, scene: Scene, seed: int = 0) -> None:
        super().__init__(self._frames())
        self._scene = scene
        self._noise = np.random.default_rng(seed)
        self._echo = _EchoPath(*scene.echo) if scene.echo else None
        self._path = [
            Resampler(a, b) for a, b in ((MIC_RATE, scene.path_rate), (scene.path_rate, MIC_RATE))
        ]
        self._rest = np.zeros(0, dtype=np.int16)
        self._n = 0
        self._replying, self._began_n, self._ended_n = False, -1, -1
        self.spans: list[Span] = []
        self.missed = False

    @property
    def complete(self) -> bool:
        """Whether the user's latest turn is over, as only the scene knows."""
        return bool(self.spans) and self.spans[-1].kind not in ("begin", "pause")

    def notice(self, meter: Meter, events: tuple[Event, ...]) -> None:
        """Is shown what a screen is shown: knows so what the assistant does."""
        for event in events:
            match event.event:
                case EventKind.TURN_END:
                    self._replying = True
                case EventKind.REPLY_START:
                    self._began_n = meter.n
                case EventKind.REPLY_END | EventKind.CUT | EventKind.ERROR | EventKind.DISCARD:
                    self._replying, self._ended_n = False, meter.n

    def take_heard(self) -> tuple[np.ndarray, int]:
        """One tick of sound, or with jitter none for a while and then all at once."""
        if self._n % self._scene.jitter:
            return np.zeros(0, dtype=np.int16), 0
        taken = [super(Room, self).take_heard() for _ in range(self._scene.jitter)]
        heard = np.concatenate([block for block, _ in taken])
        if self._echo:
            self._echo.hear(heard)
        return heard, sum(played for _, played in taken)

    def _frames(self) -> Iterator[np.ndarray]:
        yield from self._sound(np.zeros(MIC_RATE // 2))
        for part in self._scene.parts:
            began_n = self._began_n
            yield from self._wait(part, began_n)
            if self.missed:
                return
            on_s = self._n * FRAME / MIC_RATE
            off_s = on_s + len(part.pcm) / MIC_RATE
            self.spans.append(Span(part.kind, on_s, off_s, part.text))
            yield from self._sound(part.pcm)
        yield from self._end()

    def _wait(self, part: Part, began_n: int) -> Iterator[np.ndarray]:
        since, delay, idle = self._n, round(part.delay_s * TICKS_PER_S), 0
        while True:
            start = {
                After.BEFORE: since,
                After.REPLY: self._began_n if self._began_n > began_n or self._replying else -1,
                After.QUIET: self._ended_n if self._ended_n >= since - 1 else -1,
            }[part.after]
            if start >= 0 and self._n >= start + delay:
                return
            gone = part.after is After.REPLY and start >= 0 and not self._replying
            if gone or idle > (PATIENCE_S + part.delay_s) * TICKS_PER_S:
                self.missed = True
                return
            idle += not self._replying
            yield from self._sound(np.zeros(FRAME))

    def _end(self) -> Iterator[np.ndarray]:
        quiet = waited = 0
        while quiet < TAIL_S * TICKS_PER_S and waited < 40 * TICKS_PER_S:
            yield from self._sound(np.zeros(FRAME))
            quiet = 0 if self._replying else quiet + 1
            waited += 1

    def _sound(self, pcm: np.ndarray) -> Iterator[np.ndarray]:
        """Frames of this sound in the room, through the microphone's path."""
        count = -(-len(pcm) // FRAME)
        for frame in np.pad(pcm, (0, count * FRAME - len(pcm))).reshape(count, FRAME):
            mixed = frame + self._noise.normal(0, ROOM_RMS, FRAME)
            if self._echo:
                mixed = mixed + self._echo.frame(self._n)
            yield self._through(to_int16(mixed))
            self._n += 1

    def _through(self, frame: np.ndarray) -> np.ndarray:
        if self._scene.path_rate == MIC_RATE:
            return frame
        for resampler in self._path:
            frame = resampler.process(frame)
        self._rest = np.concatenate((self._rest, frame))
        lacking = max(0, FRAME - len(self._rest))  # the lag of the first frames
        frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
        return np.pad(frame, (lacking, 0))


class _EchoPath:
    """The assistant's own voice on its way to the microphone: delayed, softer, reflected."""

    def __init__(self, gain_db: float, delay_ms: int) -> None:
        self._resampler = Resampler(SPEAKER_RATE, MIC_RATE)
        self._sound, self._gone = np.zeros(0), 0  # the last second, and what was before it
        room = np.random.default_rng(5).normal(0, 1, MIC_RATE // 20)
        room *= np.exp(-np.arange(len(room)) / (MIC_RATE * 0.012)) * 0.1
        room[0] = 1.0
        self._room = room / np.sqrt(np.sum(room**2)) * 10 ** (gain_db / 20)
        self._delay = delay_ms * MIC_RATE // 1000

    def hear(self, heard: np.ndarray) -> None:
        fresh = self._resampler.process(heard).astype(np.float64) / 32768
        self._gone += max(0, len(self._sound) - MIC_RATE)
        self._sound = np.concatenate((self._sound[-MIC_RATE:], fresh))

    def frame(self, n: int) -> np.ndarray:
        stop = (n + 1) * FRAME - self._delay - self._gone
        reach = FRAME + len(self._room) - 1
        dry = self._sound[max(0, stop - reach) : max(0, stop)]
        dry = np.pad(dry, (reach - len(dry), 0))
        return np.convolve(dry, self._room, mode="valid")
