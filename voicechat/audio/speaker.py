"""What is about to sound, and what the DAC took of it."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from voicechat.audio.resample import Resampler
from voicechat.audio.ring import Ring
from voicechat.clock import CODE, SPEAKER_RATE

CAPACITY_S = 60  # a reply is handed out 120 to 240 ms ahead; a test tone may come whole


class Speaker:
    """A ring between the loop, which appends, and PortAudio's callback, which takes.

    The callback fills the whole output always; what the ring lacks is silence ("fill"). Counts are
    samples at 24 kHz whatever the device runs at, so that no position is ever rounded:

        given = played + dropped by flushes + held

    Attributes:
        called_at: when the device last asked, as the watchdog's clock tells it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ring = Ring(CAPACITY_S * SPEAKER_RATE)
        self._taken: list[np.ndarray] = []
        self._played = 0
        self._xruns = self._xruns_taken = 0  # the first one is the callback's alone
        self.connect(SPEAKER_RATE)

    def connect(self, rate: int) -> None:
        """Prepares for a device that runs at `rate`; what the ring holds stays."""
        self.called_at = time.monotonic()
        self._native = rate == SPEAKER_RATE
        self._resampler = Resampler(SPEAKER_RATE, rate)
        self._ready = np.zeros(0, dtype=np.int16)  # at the device's rate

    def play(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16, 24 kHz."""
        with self._lock:
            self._ring.write(pcm)

    def flush(self, fade_samples: int) -> None:
        """Drops what the ring holds, but for a fade of at most `fade_samples`."""
        with self._lock:
            self._ring.fade(fade_samples)

    def take_heard(self) -> tuple[np.ndarray, int]:
        """What the DAC took since the last call.

        Returns:
            `[samples]` int16, 24 kHz, fill included, and how many of these samples were ours.
            They sound one output latency later, and nothing can stop them any more.
        """
        with self._lock:
            taken, self._taken = self._taken, []
            played, self._played = self._played, 0
        return np.concatenate(taken) if taken else np.zeros(0, dtype=np.int16), played

    def take_xruns(self) -> int:
        """Underflows that the device reported since the last call."""
        new = self._xruns - self._xruns_taken
        self._xruns_taken += new
        return new

    @property
    def held(self) -> int:
        """Samples that the ring still holds."""
        with self._lock:
            return self._ring.held

    def callback(self, out: np.ndarray, frames: int, timing: Any, status: Any) -> None:
        """PortAudio's: fills `out`, `[frames, channels]` int16, at the device's rate."""
        del timing
        self.called_at = time.monotonic()
        self._xruns += bool(status and status.output_underflow)
        out[:] = (self._take(frames) if self._native else self._take_resampled(frames))[:, None]

    def _take(self, samples: int) -> np.ndarray:
        block = np.zeros(samples, dtype=np.int16)
        with self._lock:
            self._played += self._ring.read_into(block)
            self._taken.append(block)
        return block

    def _take_resampled(self, frames: int) -> np.ndarray:
        """As many blocks at 24 kHz as it takes; only on devices that refuse 24 kHz (70 us each)."""
        while len(self._ready) < frames:
            self._ready = np.concatenate((self._ready, self._resampler.process(self._take(CODE))))
        out, self._ready = self._ready[:frames], self._ready[frames:]
        return out
