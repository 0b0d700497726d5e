"""How many words of a reply were heard, as the history keeps them, against the truth.

The truth is flite's: it tells when each phone that it speaks ends.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from voicechat.audio.resample import to_int16
from voicechat.audio.wav import read_wav
from voicechat.clock import CODE, SPEAKER_RATE
from voicechat.conversation.alignment import heard_text, pace
from voicechat.training import domain, users

VOICES = ("slt", "rms", "awb", "kal16")
REPLIES = ("story", "rhyme", "count", "fact", "joke", "spelling", "chat")
CUTS = 6  # of each reply
AHEAD_S = (0.3, 3.0)  # how far the engine may be ahead of the voice


def errors(count: int, seed: int = 0) -> list[int]:
    """Words kept too many (or, below 0, too few) over `count` replies, each cut six times.

    Half of the cuts fall while the reply is still being made.
    """
    rng = random.Random(seed)
    return [error for _ in range(count) for error in _cuts(rng)]


def _cuts(rng: random.Random) -> Iterator[int]:
    text = domain.talk(rng, "train", rng.choice(REPLIES)).turns[0].reply
    voice, stretch = rng.choice(VOICES), rng.uniform(0.9, 1.2)
    pcm, ends_s = speak(text, voice, stretch)
    # A session learns the voice's pace from whole replies: here, from another one.
    other = domain.talk(rng, "train", "fact").turns[0].reply
    learnt = pace(other, speak(other, voice, stretch)[0])
    for cut in range(CUTS):
        at_s = rng.uniform(0, len(pcm) / SPEAKER_RATE)
        made = pcm if cut % 2 else pcm[: round((at_s + rng.uniform(*AHEAD_S)) * SPEAKER_RATE)]
        whole = len(made) == len(pcm)
        kept = heard_text(text, made, round(at_s * SPEAKER_RATE), whole, learnt)
        yield len(kept.split()) - int(np.sum(ends_s <= at_s))


def speak(text: str, voice: str, stretch: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Speaks a text.

    Returns:
        `[samples]` int16, 24 kHz; and `[words]` when each word ends, in seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "said.wav"
        phones = _flite(text, voice, "-psdur", "--setf", f"duration_stretch={stretch:.3f}",
                        "-o", str(wav))  # fmt: skip
        pcm = read_wav(wav, SPEAKER_RATE)
    ends = [float(end) for name, end in (p.rsplit(":", 1) for p in phones) if name != "pau"]
    counts = np.array([_phones(word.strip(".,?!").lower(), voice) for word in text.split()])
    # A word may have a phone more or less beside its neighbours: share the difference out.
    last = np.round(np.cumsum(counts) * len(ends) / counts.sum()).astype(int) - 1
    return pcm, np.array(ends)[np.maximum(last, 0)]


@cache
def recite(text: str) -> tuple[list[tuple[int, str]], np.ndarray]:
    """A voice for `ScriptedEngine` that is speech: flite's."""
    pcm, ends_s = speak(text, "slt")
    starts = np.rint(np.array([0.0, *ends_s[:-1]]) * SPEAKER_RATE).astype(int).tolist()
    whole = pcm[: len(pcm) // CODE * CODE] / 32768
    words = re.findall(r"\s*\S+", text)
    return list(zip(starts, words, strict=True)), to_int16(users.level(whole))


@cache
def _phones(word: str, voice: str) -> int:
    return sum(phone != "pau" for phone in _flite(word, voice, "-ps", "-o", "none"))


def _flite(text: str, voice: str, *flags: str) -> list[str]:
    return users.output_of(["flite", "-voice", voice, *flags, "-t", text]).decode().split()
