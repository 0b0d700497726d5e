"""A small generated slice of speech: tones with words, enough for every stage to take a step."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from voicechat.training.speech import Utterance, read_aloud
from voicechat.training.teacher import Reading, record, tidy

WORDS = ("Eighty.", "The sky is blue.", "One, two, three.", "Paris.", "A cow says moo.", "Good.")


def tone(text: str, hz: float) -> np.ndarray:
    """Says a text as one note a letter, [samples] float32 at 24 kHz."""
    letters = np.repeat([ord(c) % 7 for c in text.lower()], 1200)
    phase = 2 * np.pi * np.cumsum(hz * (1 + letters / 20)) / 24_000
    return tidy((np.sin(phase) + 0.3 * np.sin(3 * phase)).astype(np.float32))


def reading(text: str, hz: float) -> Reading:
    """Says a text so, and on one tone; where its pulses stand is made up."""
    pcm = tone(text, hz)
    angle = np.arange(len(pcm) // 240, dtype=np.float32) / 9
    flat = tone("g" * len(text), hz)[: len(pcm)]
    return Reading(pcm, flat, np.stack([np.cos(angle), np.sin(angle), angle / 30]))


def slice_of_speech(voices: int = 2) -> list[Utterance]:
    """Six utterances of each voice."""
    return [
        u for v in range(voices) for u in read_aloud(partial(reading, hz=110.0 * (v + 1)), WORDS, v)
    ]


def write_readings(folder: Path, hz: float) -> None:
    """Writes the slice as a teacher's readings."""
    record(partial(reading, hz=hz), enumerate(WORDS), folder)


def write_folder(folder: Path, hz: float, times: int = 1) -> None:
    """Writes the slice as wav + txt pairs."""
    folder.mkdir(parents=True)
    for i, text in enumerate(WORDS * times):
        soundfile.write(folder / f"{i}.wav", tone(text, hz), 24_000)
        (folder / f"{i}.txt").write_text(text)
