"""Single questions: every thing that can be asked without what was said before."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from voicechat.spelling import normalise
from voicechat.training.domain.arithmetic import compared, counts, sums
from voicechat.training.domain.calendar import calendar
from voicechat.training.domain.item import Item, load
from voicechat.training.domain.words import capitalise

OPENINGS = 9  # the first of chat.yaml: with these people begin
SPELLING_FORMS = (
    "spell {x}", "how do you spell {x}", "spell the word {x}", "how is {x} spelled",
    "how do i spell {x}", "what letters are in {x}", "how do we spell {x}",
    "give me the letters of {x}", "can you spell {x}", "how would you spell {x}",
    "how do people spell {x}", "spell out {x}", "spell {x} letter by letter", "how to spell {x}",
    "say the letters of {x}", "the letters of the word {x}", "which letters make {x}",
    "how is the word {x} spelled", "how should i spell {x}", "spell the word {x} letter by letter",
    "how do you write {x}", "how do i write {x}", "how is {x} written", "spell {x} slowly",
    "what letters does {x} have", "with which letters do you write {x}",
    "what is the spelling of {x}",
)  # fmt: skip
TALE_FORMS = {
    "story": ("tell me a story about {x}", "tell a story about {x}", "a story about {x}",
              "i want to hear a story about {x}", "do you know a story about {x}",
              "i would like a story about {x}", "read me a story about {x}",
              "have you got a story about {x}", "let me hear a story about {x}",
              "what about a story about {x}", "a story with {x} in it",
              "can i hear a story about {x}", "tell us a story about {x}", "the story of {x}",
              "tell me the story of {x}", "a bedtime story about {x}",
              "give me a story about {x}"),
    "rhyme": ("tell me a rhyme about {x}", "say a rhyme about {x}", "a rhyme about {x}",
              "tell me a poem about {x}", "do you know a poem about {x}",
              "recite a poem about {x}", "a poem about {x}", "have you got a rhyme about {x}",
              "let me hear a rhyme about {x}", "say a poem about {x}", "read me a poem about {x}",
              "do you know a rhyme about {x}", "i would like a poem about {x}",
              "recite a rhyme about {x}", "can i hear a rhyme about {x}",
              "give me a rhyme about {x}", "i want to hear a poem about {x}"),
    "joke": ("tell me a joke about {x}", "a joke about {x}", "do you know a joke about {x}",
             "make a joke about {x}", "i want to hear a joke about {x}",
             "have you got a joke about {x}", "let me hear a joke about {x}",
             "i would like a joke about {x}", "can i hear a joke about {x}", "say a joke about {x}",
             "what about a joke about {x}", "tell us a joke about {x}", "any joke about {x}",
             "give me a joke about {x}"),
}  # fmt: skip


@functools.cache
def items() -> dict[str, tuple[Item, ...]]:
    """Returns all single items by kind."""
    found: dict[str, list[Item]] = {}
    for source in (_tables, _written, sums, compared, counts, calendar, _spelled, _tales):
        for item in source():
            found.setdefault(item.kind, []).append(item)
    return {kind: tuple(of_kind) for kind, of_kind in found.items()}


def _tables() -> Iterator[Item]:
    for index, table in enumerate(load("tables")):
        for x, y in table["rows"].items():
            slots = {"x": x, "y": y, "X": capitalise(x), "u": y.split()[-1]}
            forms, follow = (
                tuple(_normal(form.format(**slots)) for form in table.get(key, ()))
                for key in ("forms", "follow")
            )
            reply = table["reply"].format(**slots)
            yield Item(table["kind"], reply, forms, follow=follow, group=f"table {index}")


def _normal(form: str) -> str:
    """Spells a form as it is heard, and the genitive of a plural too: "the Bahamas' capital"."""
    return normalise(re.sub(r"\b(the [\w ]+s)'s\b", r"\1'", form))


def _written() -> Iterator[Item]:
    for name in ("fact", "chat"):
        for place, (reply, forms) in enumerate(load(name).items()):
            weight = 4.0 if name == "chat" and place < OPENINGS else 1.0
            yield Item(name, reply, tuple(normalise(form) for form in forms), weight=weight)


def _spelled() -> Iterator[Item]:
    for word in " ".join(load("spelling")).split():
        forms = tuple(form.format(x=word) for form in SPELLING_FORMS)
        reply = f"{capitalise(word)} is spelled {', '.join(word.upper())}."
        yield Item("spelling", reply, forms, follow=(f"and {word}", f"what about {word}",
                   f"and the word {word}"), group="spelling")  # fmt: skip


def _tales() -> Iterator[Item]:
    for kind, told in load("stories").items():
        for subject, text in told.items():
            forms = tuple(form.format(x=subject) for form in TALE_FORMS[kind])
            first = subject == next(iter(told))
            anything = (f"tell me a {kind}", f"tell a {kind}", f"do you know a {kind}")
            forms, weight = ((*anything, *forms), 3.0) if first else (forms, 1.0)
            yield Item(kind, " ".join(text.split()), forms, group=kind, weight=weight)
