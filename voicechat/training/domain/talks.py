"""Turns and talks, and how a single question is drawn."""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass

from voicechat.training.domain.item import Item
from voicechat.training.domain.items import items
from voicechat.training.domain.phrasing import ask, forms_of
from voicechat.training.domain.words import GOES_ON

PAIR_KINDS = ("larger", "count")  # of some, pairs of numbers are never trained
ASIDE_KINDS = (
    "chat", "sum", "difference", "product", "larger", "count", "calendar", "capital", "color",
    "opposite", "sound", "fact", "spelling", "joke",
)  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """What the user said and the reply.

    Attributes:
        heard: The reply as the history keeps it when it was interrupted: its first whole words,
            with or without the mark that closes the last of them.
    """

    user: str
    reply: str
    heard: str | None = None


@dataclass(frozen=True)
class Talk:
    """A conversation; the reply of its last turn is what a test scores."""

    kind: str
    turns: tuple[Turn, ...]


def single(rng: random.Random, split: str, kind: str) -> Turn:
    """Draws a question of a kind that needs no context."""
    return _asked(rng, split, draw(rng, kind, pair=split == "pairs"))


def evenly(rng: random.Random, kind: str) -> Turn:
    """Draws a question to train on whose thing is asked in many ways, all of them alike often."""
    pool, ways = _ways(kind)
    return _asked(rng, "train", rng.choices(pool, cum_weights=ways)[0])


def _asked(rng: random.Random, split: str, item: Item) -> Turn:
    return Turn(ask(rng, item.forms, split, bare=item.kind == "chat"), item.reply)


@functools.cache
def _ways(kind: str) -> tuple[tuple[Item, ...], tuple[int, ...]]:
    pool, _ = _pool(kind, pair=False)
    return pool, tuple(itertools.accumulate(len(forms_of(i.forms, "train")) for i in pool))


@functools.cache
def _pool(kind: str, pair: bool) -> tuple[tuple[Item, ...], tuple[float, ...]]:
    pool = tuple(item for item in items()[kind] if item.pair == pair)
    return pool, tuple(itertools.accumulate(item.weight for item in pool))


def draw(rng: random.Random, kind: str, pair: bool = False) -> Item:
    """Draws an item by its weight."""
    pool, weights = _pool(kind, pair)
    return rng.choices(pool, cum_weights=weights)[0]


def cut(rng: random.Random, turn: Turn) -> Turn:
    """Interrupts a reply of two and more words anywhere between two of them."""
    words = turn.reply.split()
    heard = " ".join(words[: rng.randint(1, len(words) - 1)])
    if rng.random() < 0.5:
        heard = heard.rstrip(",.!?")
    return Turn(turn.user, turn.reply, heard)


def rest(reply: str, heard: str) -> str:
    """Returns what remains of a reply after the words heard, behind three dots.

    The dots keep every word as it stood in the reply: going on is then reading on.
    """
    words = reply.split()[len(heard.split()) :]
    return " ".join([GOES_ON, *words[words[:1] == [GOES_ON] :]])
