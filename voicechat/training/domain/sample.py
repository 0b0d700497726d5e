"""Draws talks evenly over the kinds and lists questions and reply sentences."""

from __future__ import annotations

import functools
import random
import zlib
from collections import Counter
from collections.abc import Callable

from voicechat.spelling import normalise
from voicechat.training.domain import again, memory, outside
from voicechat.training.domain.arithmetic import SUM_KINDS
from voicechat.training.domain.calendar import DAYS, MONTHS, SEASONS
from voicechat.training.domain.follow import follow
from voicechat.training.domain.item import load
from voicechat.training.domain.items import items
from voicechat.training.domain.talks import PAIR_KINDS, Talk, Turn, evenly, rest, single
from voicechat.training.domain.unfinished import unfinished
from voicechat.training.domain.words import sentences

SPLITS = ("train", "phrasing", "pairs")
_SINGLE = {
    "chat": 12.0, "sum": 7.0, "difference": 5.0, "product": 4.0, "larger": 5.0, "count": 9.0,
    "calendar": 5.0, "capital": 9.0, "color": 3.0, "opposite": 5.0, "sound": 2.0,
    "spelling": 5.0, "fact": 14.0, "story": 3.0, "rhyme": 1.5, "joke": 1.5,
}  # fmt: skip
ANNOUNCED = 16  # one in so many of the sentences that begin a count is listed: they are all alike
REMAINDERS = 2  # of each sentence that may be cut
_Makers = dict[str, tuple[float, Callable[[random.Random, str], "tuple[Turn, ...]"]]]
_SEVERAL: _Makers = {
    "outside": (13.0, outside.outside),
    "unclear": (1.5, outside.unclear),
    "tell": (1.5, memory.tell),
    "memory": (8.0, memory.memory),
    "follow": (12.0, follow),
    "repeat": (5.0, again.repeat),
    "resume": (18.0, again.resume),
    "unfinished": (16.0, unfinished),
    "mixed": (4.0, outside.mixed),
}
_WEIGHTS = {**_SINGLE, **{kind: weight for kind, (weight, _) in _SEVERAL.items()}}
KINDS = tuple(_WEIGHTS)
# What is asked in thousands of ways, each of them seldom, and "say that again", where the reply is
# never the same. The shares are set by what is answered wrong when all are drawn alike: of small
# talk a way is a word or two, and none helps to guess another.
SELDOM = {
    "chat": 0.4, "outside": 0.2, "fact": 0.18, "repeat": 0.09, "capital": 0.08, "unclear": 0.05,
}  # fmt: skip


def talk(rng: random.Random, split: str = "train", kind: str | None = None) -> Talk:
    """Draws a talk.

    Args:
        rng: The source of chance.
        split: "train", "phrasing" (ways of asking never trained) or "pairs" (pairs of numbers
            never trained, of the kinds in `PAIR_KINDS`).
        kind: Of `KINDS`; by default drawn by weights that let the rare kinds be learned.
    """
    assert split in SPLITS, split
    assert kind is None or kind in (PAIR_KINDS if split == "pairs" else KINDS), (kind, split)
    if kind is None:
        kinds = PAIR_KINDS if split == "pairs" else KINDS
        kind = rng.choices(kinds, [_WEIGHTS[k] for k in kinds])[0]
    if kind in _SINGLE:
        return Talk(kind, (single(rng, split, kind),))
    return Talk(kind, _SEVERAL[kind][1](rng, split))


def taught_talk(rng: random.Random, seldom: float) -> Talk:
    """Draws a talk to train on; a share are of `SELDOM`, every trained way of these alike often."""
    if rng.random() >= seldom:
        return talk(rng)
    kind = rng.choices(list(SELDOM), list(SELDOM.values()))[0]
    return Talk(kind, (evenly(rng, kind),)) if kind in _SINGLE else talk(rng, kind=kind)


def questions(
    split: str, kind: str | None = None, n: int = 1000, seed: int = 0
) -> list[tuple[str, str, str]]:
    """Returns up to `n` different single-turn (kind, question, reply), less where few exist."""
    rng, found = random.Random(f"{split} {kind} {seed}"), {}
    for _ in range(20 * n):
        if len(found) == n:
            break
        drawn = talk(rng, split, kind)
        if len(drawn.turns) == 1:
            found.setdefault(drawn.turns[0].user, (drawn.kind, drawn.turns[0].reply))
    return [(kind_, user, reply) for user, (kind_, reply) in found.items()]


def reply_sentences() -> tuple[str, ...]:
    """Returns every sentence of every reply, in a fixed order.

    What begins a count and what remains of a cut reply is sampled.

    The order is that of the sentences' checksums: any prefix is a fair sample, and a sentence
    added later moves no other.
    """
    found = {s for reply in _replies() for s in sentences(reply)}
    found |= {s for sentence in _interrupted() for s in _remainders(sentence)}
    return tuple(sorted(found, key=lambda s: (zlib.crc32(s.encode()), s)))


@functools.cache
def said() -> tuple[tuple[str, ...], ...]:
    """Returns the assistant's replies in 20,000 talks, each as its sentences."""
    rng = random.Random(0)
    return tuple(tuple(sentences(t.reply)) for _ in range(20_000) for t in talk(rng).turns)


@functools.cache
def said_often() -> Counter[str]:
    """Returns how often each sentence is `said`."""
    return Counter(sentence for reply in said() for sentence in reply)


@functools.cache
def rare_words() -> tuple[str, ...]:
    """Returns the things of the domain that are each asked seldom: names, places, words to spell.

    They are told apart by hearing alone, so the ears need more of them than the talks bring.
    """
    found = {word for about in memory.ABOUT for word in memory.values(about)}
    found |= {x for table in load("tables") for row in table["rows"].items() for x in row}
    found |= set(" ".join(load("spelling")).split()) | {*DAYS, *MONTHS, *SEASONS}
    return tuple(sorted(normalise(word) for word in found))


def _replies() -> set[str]:
    found = {item.reply for kind in items() if kind != "count" for item in items()[kind]}
    for item in items()["count"]:
        announced, *counted = sentences(item.reply)
        found |= {*counted, *[announced] * (zlib.crc32(announced.encode()) % ANNOUNCED == 0)}
    return found | memory.replies() | outside.replies() | {again.NOTHING_SAID, again.ALL_SAID}


def _interrupted() -> set[str]:
    """Returns the sentences that are long enough to be cut: all but sums and their like."""
    found = {s for item in items()["count"] for s in sentences(item.reply)[1:]}
    for kind in set(items()).difference((*PAIR_KINDS, *SUM_KINDS.values())):
        found |= {s for item in items()[kind] for s in sentences(item.reply)}
    return {s for s in found if len(s.split()) > 2}


def _remainders(sentence: str) -> set[str]:
    """Returns some rests of a sentence, as they are said after an interruption."""
    words = sentence.split()
    rng = random.Random(sentence)
    cuts = rng.sample(range(1, len(words)), min(REMAINDERS, len(words) - 1))
    return {rest(sentence, " ".join(words[:cut])) for cut in cuts}
