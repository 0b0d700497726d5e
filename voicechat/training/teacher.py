"""The teacher reads sentences in pocket's two preset voices.

Both are one reader (`hibari`), the second in a larger body.

Each sentence is read twice, at the same pace: with its melody, as it is to be heard, and on one
tone, for the codec. Codes that name no melody are fewer to learn; the DiT finds one to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from voicechat.clock import CODE, SPEAKER_HOP, SPEAKER_RATE, speaker_samples
from voicechat.errors import UserError
from voicechat.training.domain import said_often
from voicechat.training.files import whole
from voicechat.training.hibari import VOICED_HZ, Spectra, network

LEVEL = 0.09
HELD_OUT_PERCENT = 4
SAID_SELDOM = 3  # times in the talks of `said_often`
READER_HZ = 193.0  # her own mean pitch
# How much of a melody is kept, and how far it may go from the mean, as logarithms of pitch: five
# semitones, so that a woman's pulses turn by half from one frame to the next, and seldom by more
MELODY, MELODY_RANGE = 0.6, 0.3


@dataclass(frozen=True)
class Body:
    """What makes a preset voice.

    Attributes:
        formants: Factor on its formants; a man's vocal tract is about 15 % longer than a woman's
            (Peterson and Barney 1952).
        tone_hz: Its mean pitch, a multiple of the 100 frames a second.
    """

    formants: float
    tone_hz: float


VOICES: Mapping[str, Body] = {  # the token of the first is <|voice_0|>, and so on
    "Wren": Body(formants=1.0, tone_hz=200.0),
    "Alder": Body(formants=0.87, tone_hz=100.0),
}


@dataclass(frozen=True)
class Reading:
    """A sentence as the teacher reads it in a preset voice.

    Attributes:
        pcm: [samples] float32, 24 kHz, tidied.
        flat: The same on one tone, for the codec.
        pulses: Where the pulses of `pcm` stand, [3, samples / 240] float32 (`with_pulses`).
    """

    pcm: np.ndarray
    flat: np.ndarray
    pulses: np.ndarray


Reader = Callable[[str], Reading]


def teachers() -> dict[str, Reader]:
    """The readers by voice: each takes a sentence, and reads it the same way each time.

    Raises:
        UserError: The teacher's package is not installed.
    """
    network()  # if it is not installed, that is said here
    return {name: partial(read, body) for name, body in VOICES.items()}


def read(body: Body, text: str) -> Reading:
    """Reads a text in a preset voice."""
    spectra = Spectra.of(text, body.formants)
    melody = around(body.tone_hz, np.maximum(spectra.hz, VOICED_HZ) / READER_HZ)
    flat, _ = spectra.sound(np.full_like(melody, body.tone_hz))
    pcm, pulses = spectra.sound(melody)
    pulses[2] -= body.tone_hz * SPEAKER_HOP / SPEAKER_RATE
    begin, end = spoken_span(flat)
    pcm, flat = (levelled(sound[begin:end]) for sound in (pcm, flat))
    pulses = pulses[:, begin // SPEAKER_HOP :][:, : len(pcm) // SPEAKER_HOP]
    missing = len(pcm) // SPEAKER_HOP - pulses.shape[1]
    return Reading(pcm, flat, np.pad(pulses, ((0, 0), (0, missing))))


def around(tone_hz: float, melody: np.ndarray) -> np.ndarray:
    """The pitch in Hz of a melody as the preset voices have it.

    Args:
        tone_hz: Their mean.
        melody: Pitch as a factor on the mean of whoever spoke.
    """
    away = np.clip(MELODY * np.log(melody), -MELODY_RANGE, MELODY_RANGE)
    return tone_hz * np.exp(away)


def tidy(pcm: np.ndarray) -> np.ndarray:
    """Trims silence, sets the level, fills whole codes.

    Args:
        pcm: [samples] 24 kHz.

    Returns:
        [n x 480] float32.

    Raises:
        UserError: The recording is silent or shorter than a code.
    """
    begin, end = spoken_span(pcm)
    return levelled(pcm[begin:end])


def spoken_span(pcm: np.ndarray) -> tuple[int, int]:
    """Where a recording [samples] begins and ends if 60 ms stay in front and 120 ms behind.

    Raises:
        UserError: The recording is silent or shorter than a code.
    """
    frames = pcm[: len(pcm) // SPEAKER_HOP * SPEAKER_HOP].reshape(-1, SPEAKER_HOP)
    energy = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    if len(pcm) < CODE or not energy.max() > 0:
        raise UserError(f"a recording of {len(pcm)} samples has no sound: remove it")
    loud = np.flatnonzero(energy > energy.max() * 0.008)
    begin = loud[0] * SPEAKER_HOP - speaker_samples(60)
    return max(0, begin), (loud[-1] + 1) * SPEAKER_HOP + speaker_samples(120)


def levelled(pcm: np.ndarray) -> np.ndarray:
    """[samples] with RMS 0.09 of the loud ones, silence behind them up to a whole code."""
    strong = pcm[np.abs(pcm) > 0.02 * np.abs(pcm).max()]
    pcm = np.clip(pcm * (LEVEL / np.sqrt((strong**2).mean())), -0.99, 0.99)
    return np.pad(pcm, (0, -len(pcm) % CODE)).astype(np.float32)


def held_out(text: str) -> bool:
    """Whether a sentence is kept from training: 4 of 100, by the checksum, but none said often."""
    return crc32(text.encode()) % 100 < HELD_OUT_PERCENT and said_often()[text] <= SAID_SELDOM


def record(reader: Reader, sentences: Iterable[tuple[int, str]], folder: Path) -> None:
    """Writes `folder/NUMBER.wav`, `.npz` and `.txt` for each numbered sentence not yet there.

    The wav is what is to be heard; beside it `flat` and `pulses` (see `Reading`), in 16 bits.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in sentences:
        written = folder / f"{number:010d}.txt"
        if not written.exists():
            said = reader(text)
            soundfile.write(written.with_suffix(".wav"), said.pcm, SPEAKER_RATE, subtype="PCM_16")
            flat, pulses = said.flat.astype(np.float16), said.pulses.astype(np.float16)
            np.savez(written.with_suffix(".npz"), flat=flat, pulses=pulses)
            with whole(written) as part:  # last: the others are complete
                part.write_text(text + "\n", encoding="utf-8")
