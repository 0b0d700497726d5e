"""Conversations to learn from: drawn, in writing or aloud, and written as rows."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import torch

from voicechat.training.bank import Clip, SpokenTalk
from voicechat.training.domain import SELDOM, Talk, Turn
from voicechat.training.domain.talks import cut
from voicechat.training.rows import Row, Scribe, draw_talks, string

DRILLS = 0.15  # share of the rows that are drills
INTERRUPTED = 0.4  # share of the talks whose last reply the next one cuts


def text_row(scribe: Scribe, turns: int, typed: float, seldom: float, rng: random.Random) -> Row:
    """Draws a conversation of so many turns, a share of them typed and the others spelled.

    Some rows are drills in copying instead. `seldom` is that of `domain.taught_talk`.
    """
    row = scribe.start()
    if rng.random() < DRILLS:
        for _ in range(turns):
            scribe.drill(row, rng)
        return row
    for turns_of_talk in interrupted(draw_talks(rng, turns, seldom), rng):
        for turn in turns_of_talk:
            if rng.random() < typed:
                scribe.typed(row, turn)
            else:
                scribe.spelled(row, turn, rng)
    return row


Said = list[tuple[Turn, Clip | None]]  # the turns of a row; None: typed
DrawTalk = Callable[[random.Random], SpokenTalk]


def mixed(usual: DrawTalk, other: DrawTalk, share: float) -> DrawTalk:
    """Returns what draws as usual, but for a share that is drawn otherwise."""
    return lambda rng: (other if rng.random() < share else usual)(rng)


def recorded(talks: Sequence[SpokenTalk], seldom: float) -> DrawTalk:
    """Returns what draws recorded talks, a share of them of the kinds `domain.SELDOM`."""
    often = [t for t in talks if t.talk.kind not in SELDOM] or talks
    rare = {kind: [t for t in talks if t.talk.kind == kind] for kind in SELDOM}
    shares = [SELDOM[kind] if of_kind else 0.0 for kind, of_kind in rare.items()]

    def draw(rng: random.Random) -> SpokenTalk:
        if any(shares) and rng.random() < seldom:
            return rng.choice(rng.choices(list(rare.values()), shares)[0])
        return rng.choice(often)

    return draw


def spoken_row(draw: DrawTalk, turns: int, typed: float, rng: random.Random) -> Said:
    """Strings drawn talks to a conversation whose users speak, but for a share of the turns."""
    drawn = string(lambda: draw(rng), lambda spoken: spoken.talk, turns)
    said = interrupted([spoken.talk for spoken in drawn], rng)
    turns_clips = [
        pair
        for turns_of_talk, spoken in zip(said, drawn, strict=True)
        for pair in zip(turns_of_talk, spoken.clips, strict=True)
    ]
    return [
        (turn, clip if i == 0 or rng.random() >= typed else None)  # never all typed
        for i, (turn, clip) in enumerate(turns_clips)
    ]


def interrupted(talks: Sequence[Talk], rng: random.Random) -> list[tuple[Turn, ...]]:
    """The turns of talks in a row, some of which are interrupted by the next.

    Who interrupts mostly asks for something else. A Thinker that has seen cut replies before "go
    on" alone goes on whatever is asked.
    """
    said = [talk.turns for talk in talks]
    for i, turns in enumerate(said[:-1]):
        if len(turns[-1].reply.split()) > 1 and rng.random() < INTERRUPTED:
            said[i] = (*turns[:-1], cut(rng, turns[-1]))
    return said


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
