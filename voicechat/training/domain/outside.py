"""What pocket cannot answer or did not catch; and turns that stand beside the point."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Iterator

from voicechat.spelling import normalise
from voicechat.training.domain.item import load
from voicechat.training.domain.items import SPELLING_FORMS, TALE_FORMS
from voicechat.training.domain.phrasing import ask, forms_of
from voicechat.training.domain.talks import ASIDE_KINDS, Turn, cut, single
from voicechat.training.domain.words import held_out

NOT_CAUGHT = "Sorry, I did not catch that."
UNKNOWN = "I am sorry, I don't know that."


_SLOT = re.compile(r"\{(\w+)\}")
_WEIGHTS = {UNKNOWN: 6.0, "I can only count to one hundred.": 0.4}


@functools.cache
def _templates(new: bool) -> tuple[tuple[float, str, tuple[str, ...]], ...]:
    """Returns (weight, reply, templates); one template in eight is never trained, but `new`."""
    found = [
        (_WEIGHTS.get(reply, 2.0), reply, tuple(t for t in some if held_out(t, share=8) == new))
        for reply, some in load("outside").items()
        if reply != "slots"
    ]
    return (*found, (4.0, UNKNOWN, tuple(_unknown_things("phrasing" if new else "train"))))


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


def unknown_form(rng: random.Random, new: bool) -> tuple[str, str]:
    """Draws (reply, form) of a question outside the domain, of the trained or the `new` ones."""
    choices = _templates(new)
    _, reply, templates = rng.choices(choices, [weight for weight, _, _ in choices])[0]
    form = _fill(rng, rng.choice(templates))
    # Another template may be filled to the same words, or be paraphrased to them.
    if new and not _trained().isdisjoint((form, form.replace("which ", "what ", 1))):
        return unknown_form(rng, new)
    return reply, form


def _fill(rng: random.Random, template: str) -> str:
    """Puts words into the slots of a template, and into equal slots different words."""
    taken: set[tuple[str, str]] = set()
    for slot in _SLOT.findall(template):
        word = rng.choice([word for word in _slots()[slot] if (slot, word) not in taken])
        taken.add((slot, word))
        template = _SLOT.sub(word, template, count=1)
    return template


def fillings(template: str) -> Iterator[str]:
    """Yields all that a template can be filled to."""
    slots = _SLOT.findall(template)
    for words in itertools.product(*(_slots()[slot] for slot in slots)):
        if len(set(zip(slots, words, strict=True))) == len(slots):
            yield _SLOT.sub("{}", template).format(*words)


@functools.cache
def _trained() -> frozenset[str]:
    """Returns all that the trained templates can be filled to."""
    trained = (template for _, _, some in _templates(new=False) for template in some)
    return frozenset(form for template in trained for form in fillings(template))


def outside(rng: random.Random, split: str) -> tuple[Turn]:
    """A question outside the domain, answered honestly."""
    reply, form = unknown_form(rng, new=split == "phrasing")
    return (Turn(ask(rng, (form,), "train"), reply),)


def unclear(rng: random.Random, split: str) -> tuple[Turn]:
    """What noise makes of speech: words of two questions in no order."""
    first, second = (single(rng, split, rng.choice(ASIDE_KINDS[1:])) for _ in range(2))
    words = f"{first.user} {second.user}".split()
    text = " ".join(rng.sample(words, min(len(words), rng.randint(4, 9))))
    if held_out(text, share=4) != (split == "phrasing"):  # noise has no phrasings, but splits
        return unclear(rng, split)
    return (Turn(text, NOT_CAUGHT),)


def aside(rng: random.Random, split: str) -> Turn:
    """Draws an unrelated turn; some are interrupted."""
    kind = rng.choice((*ASIDE_KINDS, "outside"))
    turn = outside(rng, split)[0] if kind == "outside" else single(rng, split, kind)
    if rng.random() < 0.2 and len(turn.reply.split()) > 1:
        return cut(rng, turn)
    return turn


def mixed(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Unrelated turns: what was said before must not disturb the last answer."""
    before = tuple(aside(rng, split) for _ in range(rng.choice((1, 1, 2))))
    return (*before, single(rng, split, rng.choice(ASIDE_KINDS)))
