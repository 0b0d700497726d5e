"""Conversations to learn from: drawn, in writing or aloud, and written as rows."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from voicechat.training.bank import Clip, SpokenTalk
from voicechat.training.domain import Turn
from voicechat.training.rows import Row, Scribe, draw_talks, string

DRILLS = 0.15  # share of the rows that are drills


def text_row(scribe: Scribe, turns: int, typed: float, rng: random.Random) -> Row:
    """Draws a conversation of so many turns, a share of them typed and the others spelled.

    Some rows are drills in copying instead.
    """
    row = scribe.start()
    if rng.random() < DRILLS:
        for _ in range(turns):
            scribe.drill(row, rng)
        return row
    for talk in draw_talks(rng, turns):
        for turn in talk.turns:
            if rng.random() < typed:
                scribe.typed(row, turn)
            else:
                scribe.spelled(row, turn, rng)
    return row


Said = list[tuple[Turn, Clip | None]]  # the turns of a row; None: typed


def spoken_row(talks: Sequence[SpokenTalk], turns: int, typed: float, rng: random.Random) -> Said:
    """Draws a conversation whose users speak, but for a share of the turns."""
    drawn = string(lambda: rng.choice(talks), lambda spoken: spoken.talk, turns)
    turns_clips = [
        pair for talk in drawn for pair in zip(talk.talk.turns, talk.clips, strict=True)
    ]  # fmt: skip
    return [
        (turn, clip if i == 0 or rng.random() >= typed else None)  # never all typed
        for i, (turn, clip) in enumerate(turns_clips)
    ]


def write(scribe: Scribe, rows: Sequence[Said], heard: Sequence[torch.Tensor]) -> list[Row]:
    """Writes drawn conversations with what was heard of their spoken turns."""
    vectors = iter(heard)
    written = []
    for said in rows:
        row = scribe.start()
        for turn, clip in said:
            if clip is None:
                scribe.typed(row, turn)
            else:
                scribe.spoken(row, turn, next(vectors))
        written.append(row)
    return written
