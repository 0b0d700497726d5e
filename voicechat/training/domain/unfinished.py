"""Turns that were cut before they were complete, whose right reply is nothing at all.

The empty reply lets the model itself judge whether a user's turn is over: how likely it ends its
answer before the first word.
"""

from __future__ import annotations

import functools
import random

from voicechat.training.domain.items import items
from voicechat.training.domain.memory import tell_form
from voicechat.training.domain.outside import aside, unknown_form
from voicechat.training.domain.phrasing import forms_of, opening
from voicechat.training.domain.talks import ASIDE_KINDS, Turn, draw

_DANGLING = frozenset(
    "the a an of is are was does do did to in on at from and or plus minus times by after before "
    "for with about my your than which what how many much i me you can could would who where "
    "tell say give name know that it want have comes called word number color letters".split()
)
_HESITATIONS = ("um", "uh", "er")


def unfinished(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """A turn cut where more must come, perhaps after another turn."""
    before = (aside(rng, split),) if rng.random() < 0.3 else ()
    return (*before, Turn(_beginning(rng, split), ""))


def _beginning(rng: random.Random, split: str) -> str:
    form = _form(rng)
    words = form.split()
    if len(words) < 2:
        return _beginning(rng, split)
    earliest = rng.choice((1, (len(words) + 1) // 2))
    words = words[: rng.randint(earliest, len(words) - 1)]
    hesitates = rng.random() < 0.2
    if not hesitates and (words[-1] not in _DANGLING or " ".join(words) in _complete()):
        return _beginning(rng, split)
    words += [rng.choice(_HESITATIONS)] * hesitates
    return opening(rng, form, split).format(" ".join(words))


def _form(rng: random.Random) -> str:
    kind = rng.choice((*ASIDE_KINDS, "story", "rhyme", "tell", "tell", "outside", "outside"))
    if kind == "tell":
        return tell_form(rng)
    if kind == "outside":
        return unknown_form(rng, new=False)[1]
    return rng.choice(forms_of(draw(rng, kind).forms, "train"))


@functools.cache
def _complete() -> frozenset[str]:
    """Returns what is a question of its own although it also begins a longer one."""
    return frozenset(
        form for of_kind in items().values() for item in of_kind for form in item.forms
    )
