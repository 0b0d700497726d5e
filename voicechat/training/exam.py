"""Held-out talks and the share of them that the Thinker answers exactly right.

Cheap enough to be sat during training: a reply is checked in one forward pass (`thinker.exact`),
with the earlier replies as they should have been. `main.py bench quality` asks the running engine.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from voicechat.clock import MIC_RATE
from voicechat.training import thinker as thinking
from voicechat.training.augment import at_snr, noise
from voicechat.training.bank import Clip, SpokenTalk
from voicechat.training.domain import Talk, talk
from voicechat.training.hearing import encode, log_mel
from voicechat.training.rows import Row, Scribe

Right = dict[str, list[bool]]  # by kind


def typed(
    thinker: thinking.Thinker, scribe: Scribe, split: str, count: int, seed: int = 7
) -> Right:
    """Asks talks of a split in writing."""
    rng = random.Random(seed)
    talks = [talk(rng, split) for _ in range(count)]
    return _sit(thinker, talks, [_typed_row(scribe, t) for t in talks])


def _typed_row(scribe: Scribe, asked: Talk) -> Row:
    row = scribe.start()
    for turn in asked.turns:
        scribe.typed(row, turn)
    return row


def spoken(
    thinker: thinking.Thinker,
    scribe: Scribe,
    talks: Sequence[SpokenTalk],
    snr_db: float | None = None,
) -> Right:
    """Asks talks aloud, clean or in noise, with 150 ms before and 400 ms behind each turn."""
    rows = [_heard_row(thinker, scribe, t, snr_db, seed) for seed, t in enumerate(talks)]
    return _sit(thinker, [t.talk for t in talks], rows)


def answered(thinker: thinking.Thinker, scribe: Scribe, talks: Sequence[SpokenTalk]) -> list[bool]:
    """Whether each talk, asked aloud without noise, is answered right."""
    rows = [_heard_row(thinker, scribe, t, None, seed) for seed, t in enumerate(talks)]
    return thinking.exact(thinker, rows)


def _heard_row(
    thinker: thinking.Thinker, scribe: Scribe, asked: SpokenTalk, snr_db: float | None, seed: int
) -> Row:
    mels = [log_mel(_still(clip, snr_db, seed), streaming=True) for clip in asked.clips]
    heard, _ = encode(thinker.model.audio_tower, mels)
    row = scribe.start()
    for turn, vectors in zip(asked.talk.turns, heard, strict=True):
        scribe.spoken(row, turn, vectors)
    return row


def _still(clip: Clip, snr_db: float | None, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pcm = np.pad(clip.wave(), (MIC_RATE * 15 // 100, MIC_RATE * 40 // 100))
    if snr_db is not None:
        kind = ("white", "pink", "hum", "clicks", "tones")[seed % 5]
        pcm = at_snr(clip.wave(), pcm, noise(kind, len(pcm), [], rng), snr_db)
    return np.clip(pcm + rng.standard_normal(len(pcm)) * 2e-4, -1, 1).astype(np.float32)


def _sit(thinker: thinking.Thinker, talks: Sequence[Talk], rows: Sequence[Row]) -> Right:
    asked = sorted(zip(talks, rows, strict=True), key=lambda pair: len(pair[1].ids))
    right: Right = defaultdict(list)
    answers = thinking.exact(thinker, [row for _, row in asked])
    for (one, _), answer in zip(asked, answers, strict=True):
        right[one.kind].append(answer)
    return right


def share(right: Right, kinds: Sequence[str] = ()) -> float:
    """The share of right answers, of some kinds or of all."""
    answers = [a for kind, of_kind in right.items() if not kinds or kind in kinds for a in of_kind]
    return sum(answers) / len(answers)
