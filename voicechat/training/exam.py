"""Held-out talks and the share of them that the Thinker answers exactly right.

Cheap enough to be sat during training: a reply is checked in one forward pass (`thinker.exact`),
with the earlier replies as they should have been. `main.py bench quality` asks the running engine.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from voicechat.clock import MIC_RATE
from voicechat.training import thinker as thinking
from voicechat.training.bank import Clip, SpokenTalk
from voicechat.training.domain import Talk, talk
from voicechat.training.hearing import encode, log_mel
from voicechat.training.rows import Row, Scribe


def typed(
    thinker: thinking.Thinker, scribe: Scribe, split: str, count: int, seed: int = 7
) -> float:
    """Asks talks of a split in writing; returns the share of right answers."""
    rng = random.Random(seed)
    return _share(thinker, [_typed_row(scribe, talk(rng, split)) for _ in range(count)])


def _typed_row(scribe: Scribe, asked: Talk) -> Row:
    row = scribe.start()
    for turn in asked.turns:
        scribe.typed(row, turn)
    return row


def spoken(thinker: thinking.Thinker, scribe: Scribe, talks: Sequence[SpokenTalk]) -> float:
    """Asks talks aloud, with 150 ms before and 400 ms behind each turn; returns as `typed`."""
    return _share(thinker, [_heard_row(thinker, scribe, t, i) for i, t in enumerate(talks)])


def answered(thinker: thinking.Thinker, scribe: Scribe, talks: Sequence[SpokenTalk]) -> list[bool]:
    """Whether each talk, asked aloud, is answered right."""
    rows = [_heard_row(thinker, scribe, t, seed) for seed, t in enumerate(talks)]
    return thinking.exact(thinker, rows)


def _heard_row(thinker: thinking.Thinker, scribe: Scribe, asked: SpokenTalk, seed: int) -> Row:
    mels = [log_mel(_still(clip, seed), streaming=True) for clip in asked.clips]
    heard, _ = encode(thinker.model.audio_tower, mels)
    row = scribe.start()
    for turn, vectors in zip(asked.talk.turns, heard, strict=True):
        scribe.spoken(row, turn, vectors)
    return row


def _still(clip: Clip, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pcm = np.pad(clip.wave(), (MIC_RATE * 15 // 100, MIC_RATE * 40 // 100))
    return np.clip(pcm + rng.standard_normal(len(pcm)) * 2e-4, -1, 1).astype(np.float32)


def _share(thinker: thinking.Thinker, rows: Sequence[Row]) -> float:
    answers = thinking.exact(thinker, sorted(rows, key=lambda row: len(row.ids)))
    return sum(answers) / len(answers)
