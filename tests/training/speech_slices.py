"""A small generated slice of speech: tones with words, enough for every stage to take a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from voicechat.training.speech import Utterance
from voicechat.training.teacher import tidy

WORDS = ("Eighty.", "The sky is blue.", "One, two, three.", "Paris.", "A cow says moo.", "Good.")


def tone(text: str, hz: float) -> np.ndarray:
    """Says a text as one note a letter, [samples] float32 at 24 kHz."""
    letters = np.repeat([ord(c) % 7 for c in text.lower()], 1200)
    phase = 2 * np.pi * np.cumsum(hz * (1 + letters / 20)) / 24_000
    return tidy((np.sin(phase) + 0.3 * np.sin(3 * phase)).astype(np.float32))


def slice_of_speech(voices: int = 2) -> list[Utterance]:
    """Six utterances of each voice."""
    return [
        Utterance(v, text, tone(text, 110.0 * (v + 1)).astype(np.float16))
        for v in range(voices) for text in WORDS
    ]  # fmt: skip


def write_folder(folder: Path, hz: float, times: int = 1) -> None:
    """Writes the slice as wav + txt pairs."""
    folder.mkdir(parents=True)
    for i, text in enumerate(WORDS * times):
        soundfile.write(folder / f"{i}.wav", tone(text, hz), 24_000)
        (folder / f"{i}.txt").write_text(text)
