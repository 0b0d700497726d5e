"""What pocket cannot answer or did not catch; and turns that stand beside the point."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator

from voicechat.training.domain.items import SPELLING_FORMS, TALE_FORMS, items, load
from voicechat.training.domain.phrasing import ask, forms_of
from voicechat.training.domain.talks import ASIDE_KINDS, Turn, cut, single
from voicechat.training.domain.words import held_out, normalise

NOT_CAUGHT = "Sorry, I did not catch that."
UNKNOWN = "I am sorry, I don't know that."


@functools.cache
def _templates(split: str) -> dict[str, tuple[str, ...]]:
    """Returns the templates by reply; one in eight is kept for the split "phrasing"."""
    held = split == "phrasing"
    found = {
        reply: tuple(t for t in templates if held_out(t, share=8) == held)
        for reply, templates in load("outside").items()
        if reply != "slots"
    }
    return found | {"": tuple(_unknown_things(split))}


def _unknown_things(split: str) -> Iterator[str]:
    """Yields the domain's own forms with slots for what it does not know."""
    for table in load("tables"):
        if "unknown" in table:
            for form in forms_of([f for f in table["forms"] if "{y}" not in f], split):
                yield form.format(x=f"{{{table['unknown']}}}")
    for forms, slot in ((SPELLING_FORMS, "word"), *((f, "hero") for f in TALE_FORMS.values())):
        yield from (form.format(x=f"{{{slot}}}") for form in forms_of(forms, split))


@functools.cache
def _slots() -> dict[str, tuple[str, ...]]:
    return {slot: tuple(map(normalise, words)) for slot, words in load("outside")["slots"].items()}


def replies() -> set[str]:
    """Returns every reply of this file."""
    return {reply for reply in load("outside") if reply != "slots"} | {NOT_CAUGHT}


_WEIGHTS = {"": 4.0, UNKNOWN: 6.0, "I can only count to one hundred.": 0.4}


def outside(rng: random.Random, split: str) -> Turn:
    """Draws a question outside the domain, answered honestly."""
    by_reply = _templates("phrasing" if split == "phrasing" else "train")
    reply = rng.choices(tuple(by_reply), [_WEIGHTS.get(reply, 2.0) for reply in by_reply])[0]
    template = rng.choice(by_reply[reply])
    form = re.sub(r"\{(\w+)\}", lambda slot: rng.choice(_slots()[slot[1]]), template)
    return Turn(ask(rng, (form,), "train"), reply or UNKNOWN)


def unclear(rng: random.Random, split: str) -> Turn:
    """Draws what noise left of a question: its first words, or words in no order."""
    words = single(rng, split, rng.choice(ASIDE_KINDS[1:])).user.split()
    if rng.random() < 0.5:
        words = words[: rng.randint(2, 4)]
        meant = words[-1] not in _DANGLING
    else:
        words += single(rng, split, rng.choice(ASIDE_KINDS[1:])).user.split()
        words = rng.sample(words, min(len(words), rng.randint(4, 9)))
        meant = False
    text = " ".join(words)
    trained = split != "phrasing"
    if meant or text in _chat_forms() or held_out(text, share=4) == trained:
        return unclear(rng, split)
    return Turn(text, NOT_CAUGHT)


@functools.cache
def _chat_forms() -> frozenset[str]:
    return frozenset(form for item in items()["chat"] for form in item.forms)


_DANGLING = set("the of is are does a an do tell to which how many what from in me can you".split())


def aside(rng: random.Random, split: str) -> Turn:
    """Draws an unrelated turn; some are interrupted."""
    kind = rng.choice((*ASIDE_KINDS, "outside"))
    turn = outside(rng, split) if kind == "outside" else single(rng, split, kind)
    if rng.random() < 0.2 and len(turn.reply.split()) > 1:
        return cut(rng, turn)
    return turn


def mixed(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Unrelated turns: what was said before must not disturb the last answer."""
    before = tuple(aside(rng, split) for _ in range(rng.choice((1, 1, 2))))
    return (*before, single(rng, split, rng.choice(ASIDE_KINDS)))
