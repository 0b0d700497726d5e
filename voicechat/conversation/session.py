"""The shell around the core: devices, the engine's thread, and what the screen gets to see.

Live: one thread runs `Session.run` (the loop), one the engine (`EngineThread`), main draws.
Replayed: the same `Session` over a file's microphone, a speaker on the sample clock and
`recording.replay.ClockedEngine`, in one thread, faster than real time.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
from collections.abc import Callable
from typing import Protocol

import numpy as np

from voicechat.conversation.core import Core
from voicechat.conversation.orders import failure, order
from voicechat.engine.base import Engine
from voicechat.events import (
    Action,
    Cancel,
    Event,
    Flush,
    Key,
    Leave,
    Meter,
    Play,
    Reply,
    ReplyChunk,
    ReplyFailed,
    Step,
    Tick,
    Typed,
)

log = logging.getLogger(__name__)
ALWAYS = sys.maxsize  # the number of an order that no `Cancel` means


class Devices(Protocol):
    """As `audio.devices.Devices`; under the sample clock `recording.replay.ClockedDevices`."""

    def read(self) -> np.ndarray | None:
        """Waits for the next `[320]` int16 frame at 16 kHz; None when the source has ended."""

    def play(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16, 24 kHz, to what will sound."""

    def flush(self, fade_samples: int) -> None:
        """Drops what has not yet gone to the DAC, but for a fade."""

    def take_heard(self) -> tuple[np.ndarray, int]:
        """What the DAC took since the last call, and how much of it was ours."""

    def take_xruns(self) -> int:
        """Under- and overflows since the last call."""

    def take_message(self) -> str:
        """What happened to the devices since the last call, for the user; mostly nothing."""


class Worker(Protocol):
    """Runs the engine; `EngineThread` live, `ClockedEngine` under the sample clock."""

    def submit(self, action: Action) -> None:
        """Queues an order for the engine; `Cancel` takes effect at once."""

    def collect(self, n: int) -> tuple[ReplyChunk | ReplyFailed, ...]:
        """What the engine delivered until tick `n`, without what was cancelled."""

    def close(self) -> None:
        """Ends the worker."""


class Recorder(Protocol):
    """As `recording.writer.Recorder`."""

    def write(self, tick: Tick, step: Step) -> None:
        """Records a tick and what it led to; never blocks."""

    def take_message(self) -> str:
        """Why the recording stopped, once; mostly nothing."""


class Session:
    """One conversation.

    Args:
        core: the pure middle.
        worker: runs the engine.
        devices: the microphone, which gives the time, and the speaker.
        show: called in the loop after each tick with what is new: `show(meter, events)`. It must
            not block; a live screen puts both into a queue.
        recorder: if the session is recorded.
    """

    def __init__(
        self,
        core: Core,
        worker: Worker,
        devices: Devices,
        show: Callable[[Meter, tuple[Event, ...]], None] = lambda meter, events: None,
        recorder: Recorder | None = None,
    ) -> None:
        self._core, self._worker, self._devices = core, worker, devices
        self._show, self._recorder = show, recorder
        self._keys: queue.SimpleQueue[Key | Typed] = queue.SimpleQueue()
        self._left = False

    def press(self, key: Key | Typed) -> None:
        """Passes on what the user pressed or typed; from any thread."""
        self._keys.put(key)

    def leave(self) -> None:
        """Ends `run` after the present tick; from any thread."""
        self._left = True

    def run(self) -> None:
        """The loop: until the microphone ends or the user leaves."""
        n = 0
        while not self._left and (mic := self._devices.read()) is not None:
            tick = self._cut(n, mic)
            step = self._core.advance(tick)
            for action in step.actions:
                self._do(action)
            if self._recorder:
                self._recorder.write(tick, step)
            self._show(self._core.meter(), step.events)
            n += 1

    def _cut(self, n: int, mic: np.ndarray) -> Tick:
        """The tick: the only place where something that is not deterministic enters."""
        devices = self._devices
        heard, played = devices.take_heard()
        chunks = self._worker.collect(n)
        keys = tuple(self._keys.get_nowait() for _ in range(self._keys.qsize()))
        messages = [source.take_message() for source in (devices, self._recorder) if source]
        message = "; ".join(filter(None, messages))
        return Tick(n, mic, heard, played, chunks, keys, devices.take_xruns(), message)

    def _do(self, action: Action) -> None:
        match action:
            case Play(_, pcm):
                self._devices.play(pcm)
            case Flush(fade_samples):
                self._devices.flush(fade_samples)
            case Leave():
                self._left = True
            case _:
                self._worker.submit(action)


class EngineThread:
    """The one thread that runs the engine.

    A cancelled reply is known by its number: what it still delivers is dropped in `collect`, on the
    thread that cancelled it, so nothing of it can reach a later tick.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._orders: queue.SimpleQueue[tuple[int, Action] | None] = queue.SimpleQueue()
        self._made: queue.SimpleQueue[tuple[int, ReplyChunk | ReplyFailed]] = queue.SimpleQueue()
        self._asked = self._cancelled = 0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def submit(self, action: Action) -> None:
        """Queues an order for the engine; `Cancel` takes effect at once."""
        if isinstance(action, Cancel):
            self._cancelled = self._asked
            return
        if isinstance(action, Reply):
            self._asked += 1
            self._orders.put((self._asked, action))
        else:
            self._orders.put((ALWAYS, action))

    def collect(self, n: int) -> tuple[ReplyChunk | ReplyFailed, ...]:
        """What the engine delivered until now, without what was cancelled."""
        made = [self._made.get_nowait() for _ in range(self._made.qsize())]
        return tuple(chunk for number, chunk in made if number > self._cancelled)

    def close(self) -> None:
        """Cancels what is being made and ends the thread."""
        self._cancelled = self._asked
        self._orders.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._orders.get()) is not None:
            number, action = item
            try:
                self._do(number, action)
            except Exception as fault:  # shown to the user by the core, kept whole in the log
                log.exception("the engine failed at %s", type(action).__name__)
                self._made.put((number, failure(action, fault)))

    def _do(self, number: int, action: Action) -> None:
        if not isinstance(action, Reply):
            return order(self._engine, action)
        if number <= self._cancelled:
            return
        chunks = self._engine.reply(action.turn, action.certain)
        try:
            for chunk in chunks:
                self._made.put((number, chunk))
                if number <= self._cancelled:
                    return
        finally:
            chunks.close()
