"""The spoken talks of some shards, and batches of them as a microphone catches them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from voicechat.clock import MIC_RATE
from voicechat.errors import UserError
from voicechat.training.augment import Augmentation, augment
from voicechat.training.domain import Talk
from voicechat.training.hearing import log_mel
from voicechat.training.users import read_shard

MOST_LETTERS_A_S = 24  # faster speech is a synthesiser's slip, and too much for 25 vectors a second
LONGEST_S = 8


@dataclass(frozen=True, eq=False)
class Clip:
    """One spoken text, `[samples]` int16 at 16 kHz."""

    text: str
    pcm: np.ndarray

    def wave(self) -> np.ndarray:
        """Returns `[samples]` float32."""
        return self.pcm.astype(np.float32) / 32767


@dataclass(frozen=True)
class SpokenTalk:
    """A talk and a clip for each of its user turns."""

    talk: Talk
    clips: tuple[Clip, ...]
    voice: str

    def plausible(self) -> bool:
        """Whether every clip can hold its text."""
        return all(
            len(c.text) / MOST_LETTERS_A_S <= len(c.pcm) / MIC_RATE <= LONGEST_S
            for c in self.clips
        )  # fmt: skip


def load_talks(folder: Path, pattern: str) -> list[SpokenTalk]:
    """Loads every plausible talk of the shards whose names fit, in the order of the names.

    Raises:
        UserError: there is no such shard.
    """
    talks = []
    for index in sorted(folder.glob(f"{pattern}.json")):
        samples, spoken = read_shard(index.with_suffix(".npy"))
        samples = np.asarray(samples)  # they stay on disk: processes that train together share them
        for s in spoken:
            clips = tuple(
                Clip(turn.user, samples[start : start + length])
                for turn, (start, length) in zip(s.talk.turns, s.spans, strict=True)
            )
            talks.append(SpokenTalk(s.talk, clips, s.voice))
    if not talks:
        raise UserError(f"{folder} holds no shard {pattern}: run 'python main.py train data' first")
    return [t for t in talks if t.plausible()]


def clips_of(talks: Sequence[SpokenTalk]) -> list[Clip]:
    """All clips of the talks."""
    return [clip for talk in talks for clip in talk.clips]


def caught(
    clips: Sequence[Clip], others: Sequence[Clip], augmentation: Augmentation, rng: random.Random
) -> list[torch.Tensor]:
    """Features of clips as a microphone catches them, `[80, frames]` each.

    Half of a batch is bounded as a stream must be, half as a whole clip is (see `log_mel`).

    Args:
        clips: what is said.
        others: drawn from for the babble and the echo behind it.
        augmentation: what may happen on the way.
        rng: the source of chance.
    """
    noise = np.random.default_rng(rng.getrandbits(63))
    behind = [clip.wave() for clip in rng.sample(others, min(len(others), 6))]
    tract = augmentation.tract
    return [
        log_mel(augment(clip.wave(), behind, augmentation, noise), streaming=rng.random() < 0.5,
                tract=noise.uniform(1 - tract, 1 + tract))
        for clip in clips
    ]  # fmt: skip


def similar(clips: Sequence[Clip], count: int, rng: random.Random) -> list[Clip]:
    """Draws clips of about the same length: the window of a larger sample, sorted."""
    drawn = sorted(rng.choices(clips, k=4 * count), key=lambda clip: len(clip.pcm))
    start = rng.randint(0, 3 * count)
    return drawn[start : start + count]
