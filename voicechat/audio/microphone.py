"""What the microphone heard, in frames."""

from __future__ import annotations

import queue
import time
from collections import deque
from typing import Any

import numpy as np

from voicechat.audio.resample import Blocks, Resampler
from voicechat.clock import FRAME, MIC_RATE, TICKS_PER_S

BACKLOG_BLOCKS = 10 * TICKS_PER_S  # how far the loop may lag behind before sound is lost


class Microphone:
    """A queue between PortAudio's callback, which copies, and the loop, which makes frames.

    Args:
        rate: what the device runs at.

    Attributes:
        called_at: when the device last delivered, as the watchdog's clock tells it.
    """

    def __init__(self, rate: int = MIC_RATE) -> None:
        self.called_at = time.monotonic()
        self._queue: queue.Queue[np.ndarray] = queue.Queue(BACKLOG_BLOCKS)
        self._resampler = Resampler(rate, MIC_RATE)
        self._cutter = Blocks(FRAME)
        self._frames: deque[np.ndarray] = deque()
        self._xruns = self._xruns_taken = 0  # the first one is the callback's alone

    def frame(self, timeout_s: float) -> np.ndarray | None:
        """The next `[320]` int16 at 16 kHz, mono; None if `timeout_s` passes without a block."""
        while not self._frames:
            try:
                block = self._queue.get(timeout_s > 0, timeout_s)
            except queue.Empty:
                return None
            mono = block[:, 0] if block.shape[1] == 1 else np.rint(block.mean(axis=1))
            self._frames.extend(self._cutter.cut(self._resampler.process(mono.astype(np.int16))))
        return self._frames.popleft()

    def take_xruns(self) -> int:
        """Overflows since the last call: of the device, and of the queue when the loop is late."""
        new = self._xruns - self._xruns_taken
        self._xruns_taken += new
        return new

    def callback(self, block: np.ndarray, frames: int, timing: Any, status: Any) -> None:
        """PortAudio's: takes `[frames, channels]` int16 at the device's rate."""
        del frames, timing
        self.called_at = time.monotonic()
        self._xruns += bool(status and status.input_overflow)
        try:
            self._queue.put_nowait(block.copy())
        except queue.Full:
            self._xruns += 1
