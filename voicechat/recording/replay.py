"""The whole program under the sample clock: no waiting, no threads, the same `Session`.

microphone file ─▶ Session ─▶ ClockedSpeaker
                     │  ▲
                     ▼  │ chunks, when the clock says that they are ready
                  ClockedEngine
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np

from voicechat.audio.ring import Ring
from voicechat.clock import CODE, FRAME, SPEAKER_RATE, TICKS_PER_S
from voicechat.conversation.orders import failure, order
from voicechat.engine.base import Engine
from voicechat.events import Action, Cancel, Reply, ReplyChunk, ReplyFailed

log = logging.getLogger(__name__)
T = TypeVar("T")
Compute = Callable[[Action, Callable[[], T]], tuple[T, float]]


def no_time(action: Action, work: Callable[[], T]) -> tuple[T, float]:
    """Does the work as if it took no time."""
    return work(), 0.0


def fixed_time(seconds: float) -> Compute:
    """Makes every chunk of a reply as if it took so long: a slow engine as a parameter."""
    return lambda action, work: (work(), seconds if isinstance(action, Reply) else 0.0)


def measured_time(stopwatch: Callable[[], float]) -> Compute:
    """Does the work and puts the time that it really took on the sample clock."""

    def compute(action: Action, work: Callable[[], T]) -> tuple[T, float]:
        begun = stopwatch()
        return work(), stopwatch() - begun

    return compute


class ClockedDevices:
    """Microphone and speaker on one sample clock, from and to memory.

    Args:
        mic: frames of `[320]` int16, 16 kHz, one a tick.

    Attributes:
        heard: what the speaker played, tick by tick: `[480]` int16, 24 kHz each.
    """

    def __init__(self, mic: Iterator[np.ndarray]) -> None:
        self._mic = mic
        self._ring = Ring(SPEAKER_RATE)
        self.heard: list[np.ndarray] = []

    def read(self) -> np.ndarray | None:
        """The next frame, at once."""
        return next(self._mic, None)

    def play(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16, 24 kHz."""
        self._ring.write(pcm)

    def flush(self, fade_samples: int) -> None:
        """Drops what is still held, but for a fade."""
        self._ring.fade(fade_samples)

    def take_heard(self) -> tuple[np.ndarray, int]:
        """One tick of sound, and how much of it was ours."""
        block = np.zeros(CODE, dtype=np.int16)
        played = self._ring.read_into(block)
        self.heard.append(block)
        return block, played

    def take_xruns(self) -> int:
        """None."""
        return 0

    def take_message(self) -> str:
        """Nothing ever happens to them."""
        return ""


def frames(pcm: np.ndarray, tail_s: float = 0.0) -> Iterator[np.ndarray]:
    """Cuts `[samples]` int16, 16 kHz, into ticks; the last one is filled up, then silence."""
    count = -(-len(pcm) // FRAME) + round(tail_s * TICKS_PER_S)
    padded = np.pad(pcm, (0, count * FRAME - len(pcm)))
    return iter(padded.reshape(count, FRAME))


class ClockedEngine:
    """Runs an engine under the sample clock, as `EngineThread` does under the real one.

    The engine does one thing after the other; each takes the time that `compute` says, and what it
    makes is delivered at the first tick after that.
    """

    def __init__(self, engine: Engine, compute: Compute = no_time) -> None:
        self._engine, self._compute = engine, compute
        self._orders: deque[tuple[float, Action]] = deque()
        self._made: deque[tuple[float, ReplyChunk | ReplyFailed]] = deque()
        self._replying: Iterator[ReplyChunk] | None = None
        self._order: Action | None = None
        self._now_s = self._free_s = 0.0

    def submit(self, action: Action) -> None:
        """Queues an order for the engine; `Cancel` takes effect at once."""
        if not isinstance(action, Cancel):
            self._orders.append((self._now_s, action))
            return
        self._stop()
        self._made.clear()
        self._orders = deque(o for o in self._orders if not isinstance(o[1], Reply))

    def collect(self, n: int) -> tuple[ReplyChunk | ReplyFailed, ...]:
        """What is ready at tick `n`."""
        self._now_s = n / TICKS_PER_S
        while self._free_s <= self._now_s and (self._replying or self._orders):
            self._work()
        ready = []
        while self._made and self._made[0][0] <= self._now_s:
            ready.append(self._made.popleft()[1])
        return tuple(ready)

    def close(self) -> None:
        """Cancels what is being made."""
        self._stop()

    def _work(self) -> None:
        if not self._replying:
            submitted_s, self._order = self._orders.popleft()
            self._free_s = max(self._free_s, submitted_s)
        made, took_s = self._compute(self._order, self._try)
        self._free_s += took_s
        if made:
            self._made.append((self._free_s, made))
        if made is None or isinstance(made, ReplyFailed):
            self._stop()

    def _try(self) -> ReplyChunk | ReplyFailed | None:
        """The next piece of work: one order, or one chunk of a reply."""
        try:
            if not isinstance(self._order, Reply):
                return order(self._engine, self._order)
            self._replying = self._replying or self._engine.reply(
                self._order.turn, self._order.certain
            )
            return next(self._replying, None)
        except Exception as fault:
            log.exception("the engine failed at %s", type(self._order).__name__)
            return failure(self._order, fault)

    def _stop(self) -> None:
        if self._replying:
            self._replying.close()
            self._replying = None
