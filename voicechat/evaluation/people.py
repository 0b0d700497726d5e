"""What is understood of a person, whom no training heard: Allison Smith's recordings of words.

Debian's `asterisk-core-sounds-en-wav` (CC BY-SA 3.0) has them, for telephones: 8 kHz. Single words
are compared with what the audio encoder hears (see `transcript`); differences are asked, "nine
minus four", each word as she said it, and are right if every word of the answer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from voicechat.audio.wav import read_wav
from voicechat.clock import MIC_RATE
from voicechat.engine.local import LocalEngine
from voicechat.errors import UserError
from voicechat.evaluation.quality import LEAD_S, TAIL_S, hear, listen
from voicechat.evaluation.transcript import transcript
from voicechat.spelling import number
from voicechat.training.domain.calendar import DAYS, MONTHS
from voicechat.training.users import level, trim

RECORDINGS = Path("/usr/share/asterisk/sounds/en_US_f_Allison/digits")
BETWEEN_S = 0.05
LARGEST = 20


def file_names() -> dict[str, str]:
    """The recordings' names: numbers to 20 and the tens, days, months, and "minus"."""
    names = {number(n): str(n) for n in (*range(LARGEST + 1), *range(30, 100, 10))}
    names |= {day.lower(): f"day-{(n + 1) % 7}" for n, day in enumerate(DAYS)}  # 0 is Sunday
    names |= {month.lower(): f"mon-{n}" for n, month in enumerate(MONTHS)}
    return names | {"minus": "minus"}


def words(folder: Path = RECORDINGS) -> dict[str, np.ndarray]:
    """Every recorded word: `[samples]` float32 at 16 kHz, trimmed.

    Raises:
        UserError: They are not installed.
    """
    if not folder.is_dir():
        raise UserError(f"no recordings in {folder}: apt-get install asterisk-core-sounds-en-wav")
    sounds = {word: read_wav(folder / f"{name}.wav") for word, name in file_names().items()}
    return {word: level(trim(pcm.astype(np.float32) / 32768)) for word, pcm in sounds.items()}


def said(text: str, recorded: Mapping[str, np.ndarray]) -> np.ndarray:
    """Joins recorded words, with silence around: `[samples]` int16."""
    gap = np.zeros(int(BETWEEN_S * MIC_RATE), np.float32)
    joined = np.concatenate([part for word in text.split() for part in (recorded[word], gap)])
    pcm = np.pad(joined, (int(LEAD_S * MIC_RATE), int(TAIL_S * MIC_RATE)))
    return np.round(np.clip(pcm, -1, 1) * 32767).astype(np.int16)


def differences(count: int) -> list[tuple[str, str]]:
    """So many (question, answer) of the differences of two numbers that are not negative."""
    every = []
    for most in range(LARGEST + 1):
        for less in range(most + 1):
            asked = f"{number(most)} minus {number(less)}"
            every.append((asked, f"{asked.capitalize()} is {number(most - less)}."))
    count = min(count, len(every))
    return [every[i * len(every) // count] for i in range(count)]


def measure(
    engine: LocalEngine, recorded: Mapping[str, np.ndarray], asked: Sequence[tuple[str, str]]
) -> dict[str, float]:
    """The share of recorded words that are heard, and of questions that are answered right.

    The checkpoint must be one that `transcript` can read.
    """
    heard = [transcript(engine.checkpoint, said(word, recorded)).strip() == word
             for word in recorded if word != "minus"]  # fmt: skip
    right = []
    for question, answer in asked:
        hear(engine, 1, said(question, recorded))
        right.append(listen(engine, 1).text.strip() == answer)
        engine.discard(1)
    return {"a person's words": sum(heard) / len(heard),
            "a person's differences": sum(right) / len(right)}  # fmt: skip
