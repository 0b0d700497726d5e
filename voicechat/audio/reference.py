"""What the speaker plays: how loud its echo may be by now, and whether any comes."""

from __future__ import annotations

from collections import deque

import numpy as np

from voicechat.audio.levels import SILENCE_DB, dbfs
from voicechat.clock import MIC_RATE, ticks

REACH_MS = 400  # an echo comes at most so long after its reference


class Reference:
    """The level of what may be echoing now: the loudest of the last 400 ms."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque([SILENCE_DB], maxlen=ticks(REACH_MS))

    def update(self, heard: np.ndarray) -> float:
        """Takes what the DAC took; gives the level in dBFS."""
        self._levels.append(dbfs(heard))
        return max(self._levels)


class EchoFree:
    """Whether no echo comes, as beside a headset, whatever else the microphone hears.

        mic        ──┐
                     ├─▶ cross-correlation at each delay ──▶ a peak: an echo; none: no echo
        reference  ──┘

    Of the last 2 s in which one might come. The spectrum is whitened by half, so that neither a
    loud band nor the many empty ones decide (rho-PHAT, Rabinkin et al. 1996). Measured on synthetic
    voices, peak over RMS: beside noise alone at most 5.5; of an echo no more than 7 dB below the
    noise at least 5.9, and of a user who talks meanwhile at most 5.7, each in 95 %.
    """

    LOUD_DB = -40.0  # the speaker, to be judged by
    SPAN = 2 * MIC_RATE
    DELAYS = MIC_RATE // 2  # samples: later than any that a canceller follows
    PEAK = 5.5
    LEAST, EVERY = ticks(600), ticks(100)  # of a loud speaker: till the first judgement, the next
    # Judgements in a row that are believed. The first words of who interrupts look like an echo as
    # well, of 66 in 30 for three judgements; by the eighth, .8 s, they have stopped the reply.
    ABSENT, PRESENT = 3, 8

    def __init__(self) -> None:
        self._mic = np.zeros(self.SPAN, dtype=np.int16)
        self._reference = np.zeros(self.SPAN + self.DELAYS, dtype=np.int16)
        self._level = Reference()
        self._ticks = self._absent = self._present = 0
        self._free = False

    def update(self, mic: np.ndarray, reference: np.ndarray) -> bool:
        """Takes a frame; gives what is known by now.

        Args:
            mic: `[320]` int16, 16 kHz.
            reference: `[about 320]` int16, 16 kHz: what the DAC took since the last frame.
        """
        if self._level.update(reference) >= self.LOUD_DB:
            self._mic = np.concatenate((self._mic, mic))[-self.SPAN :]
            kept = len(self._reference)
            self._reference = np.concatenate((self._reference, reference))[-kept:]
            self._ticks += 1
            if self._ticks >= self.LEAST and self._ticks % self.EVERY == 0:
                self._judge()
        return self._free

    def _judge(self) -> None:
        found = self._peak() > self.PEAK
        self._present, self._absent = (self._present + 1, 0) if found else (0, self._absent + 1)
        if self._present >= self.PRESENT:
            self._free = False
        elif self._absent >= self.ABSENT:
            self._free = True

    def _peak(self) -> float:
        # So many: round the circle come other delays than are looked at.
        size = len(self._reference)
        cross = np.conj(np.fft.rfft(self._mic, size)) * np.fft.rfft(self._reference)
        cross /= np.sqrt(np.maximum(np.abs(cross), 1e-9))
        match = np.abs(np.fft.irfft(cross, size)[: self.DELAYS])
        return float(match.max() / max(np.sqrt(np.mean(match**2)), 1e-9))
