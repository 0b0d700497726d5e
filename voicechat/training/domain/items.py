# LEAD NOTE (read, then delete this line): /tmp/brief/NOTE_unfinished.md asks for one more kind.
"""Single questions: every thing that can be asked without what was said before."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from voicechat.training.domain.words import ORDINALS, capitalise, held_out, normalise, number

DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)
SEASONS = ("spring", "summer", "autumn", "winter")
_DAYS_IN = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SEASON_OF = (3, 3, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3)


@dataclass(frozen=True)
class Item:
    """One thing to ask: its kind, its one right reply and its own forms.

    Attributes:
        pair: Its numbers belong to the held-out pairs.
        follow: Ways to ask it right after another item of the same `group`.
        weight: How often it is drawn, relative to its kind.
    """

    kind: str
    reply: str
    forms: tuple[str, ...]
    pair: bool = False
    follow: tuple[str, ...] = ()
    group: str = ""
    weight: float = 1.0


def load(name: str) -> Any:
    """Returns the data file `name`.yaml; every scalar is a string."""
    folder = importlib.resources.files("voicechat.training.domain") / "data"
    return yaml.load((folder / f"{name}.yaml").read_text("utf-8"), yaml.BaseLoader)


@functools.cache
def items() -> dict[str, tuple[Item, ...]]:
    """Returns all single items by kind."""
    found: dict[str, list[Item]] = {}
    for source in (_tables, _facts, _sums, _compared, _counts, _calendar, _spelled, _stories):
        for item in source():
            found.setdefault(item.kind, []).append(item)
    return {kind: tuple(of_kind) for kind, of_kind in found.items()}


def _tables() -> Iterator[Item]:
    for index, table in enumerate(load("tables")):
        for x, y in table["rows"].items():
            slots = {"x": x, "y": y, "X": capitalise(x), "u": y.split()[-1]}
            forms, follow = (
                tuple(normalise(form.format(**slots)) for form in table.get(key, ()))
                for key in ("forms", "follow")
            )
            reply = table["reply"].format(**slots)
            yield Item(table["kind"], reply, forms, follow=follow, group=f"table {index}")


def _facts() -> Iterator[Item]:
    for name in ("fact", "chat"):
        for reply, forms in load(name).items():
            yield Item(name, reply, tuple(normalise(form) for form in forms))


def _sums() -> Iterator[Item]:
    for a in range(21):
        for b in range(21):
            yield sum_of(a, "plus", b)
            yield sum_of(a, "minus", b)
            if a <= 10 and b <= 10:
                yield sum_of(a, "times", b)


_FORMS = {
    "plus": ("what is {a} plus {b}", "{a} plus {b}", "how much is {a} plus {b}", "add {a} and {b}",
             "what is the sum of {a} and {b}", "what do you get when you add {a} and {b}",
             "what does {a} plus {b} make"),
    "minus": ("what is {a} minus {b}", "{a} minus {b}", "how much is {a} minus {b}",
              "subtract {b} from {a}", "take {b} away from {a}", "what is {a} take away {b}",
              "what does {a} minus {b} make"),
    "times": ("what is {a} times {b}", "{a} times {b}", "how much is {a} times {b}",
              "multiply {a} by {b}", "what is {a} multiplied by {b}",
              "what is the product of {a} and {b}", "what does {a} times {b} make"),
}  # fmt: skip
NEGATIVE = "That is less than zero."
SUM_KINDS = {"plus": "sum", "minus": "difference", "times": "product"}


def result(a: int, operator: str, b: int) -> int:
    """Returns a plus, minus or times b."""
    return {"plus": a + b, "minus": a - b, "times": a * b}[operator]


def sum_of(a: int, operator: str, b: int) -> Item:
    """Returns the item of one sum, difference or product."""
    words = {"a": number(a), "b": number(b)}
    forms = tuple(form.format(**words) for form in _FORMS[operator])
    kind, pair, value = SUM_KINDS[operator], held_out(operator, a, b), result(a, operator, b)
    if value < 0:
        return Item(kind, NEGATIVE, forms, pair, weight=0.1)
    reply = f"{capitalise(words['a'])} {operator} {words['b']} is {number(value)}."
    return Item(kind, reply, forms, pair)


_COMPARED = (
    "which is {} {a} or {b}", "what is {} {a} or {b}", "which number is {} {a} or {b}",
    "{a} or {b} which is {}", "which one is {} {a} or {b}",
)  # fmt: skip
_SIZES = {"larger": ("larger", "bigger", "greater"), "smaller": ("smaller", "less")}


def _compared() -> Iterator[Item]:
    for a in range(101):
        for b in range(101):
            for size, adjectives in _SIZES.items() if a != b else ():
                winner = max(a, b) if size == "larger" else min(a, b)
                forms = tuple(
                    form.format(word, a=number(a), b=number(b))
                    for form in _COMPARED
                    for word in adjectives
                )
                reply = f"{capitalise(number(winner))} is {size}."
                weight = 0.5 if size == "smaller" else 1.0
                yield Item("larger", reply, forms, held_out("larger", a, b), weight=weight)


def _counts() -> Iterator[Item]:
    for a in range(101):
        for b in range(101):
            if a != b:
                common = 8.0 if 1 in (a, b) else 1.0
                pair, weight = held_out("count", a, b), common / (abs(a - b) + 1)
                yield Item("count", counted(a, b), _count_forms(a, b), pair, weight=weight)


def _count_forms(a: int, b: int) -> tuple[str, ...]:
    start, end = number(a), number(b)
    down = a > b
    forms = [f"count from {start} to {end}"]
    if a == 1:
        forms += [f"count to {end}", f"count up to {end}", f"say the numbers up to {end}"]
    if b == 1:
        forms += [f"count backwards from {start}", f"count down from {start}"]
    if down:
        forms += [f"count backwards from {start} to {end}", f"count down from {start} to {end}"]
    else:
        forms += [f"count up from {start} to {end}", f"count the numbers from {start} to {end}"]
    forms += [f"start at {start} and count to {end}", f"say the numbers from {start} to {end}"]
    return tuple(forms)


def counted(a: int, b: int) -> str:
    """Returns the numbers from a to b in sentences that end at whole tens (1-10, 11-20, ...).

    So any count is said with few different sentences, and none is longer than eleven numbers.
    """
    step = 1 if a < b else -1
    decades: dict[int, list[str]] = {}
    for n in range(a, b + step, step):
        decades.setdefault(max(n - 1, 0) // 10, []).append(number(n))
    return " ".join(capitalise(", ".join(numbers)) + "." for numbers in decades.values())


def _calendar() -> Iterator[Item]:
    units = (("day", DAYS, "week"), ("month", MONTHS, "year"), ("season", SEASONS, "year"))
    for unit, names, whole in units:
        for i, name in enumerate(names):
            after, before = names[(i + 1) % len(names)], names[i - 1]
            yield _neighbour(unit, "after", name, after)
            yield _neighbour(unit, "before", name, before)
            if unit != "season":
                yield _ordinal(unit, whole, i, name)
    for i, month in enumerate(MONTHS):
        yield from _month(month, _DAYS_IN[i], SEASONS[_SEASON_OF[i]])


def _neighbour(unit: str, side: str, name: str, other: str) -> Item:
    low = name.lower()
    verbs = ("follows", "is next after") if side == "after" else ("precedes", "is right before")
    forms = (
        f"what {unit} comes {side} {low}", f"which {unit} comes {side} {low}",
        f"what {unit} is {side} {low}", f"what comes {side} {low}", f"which {unit} is {side} {low}",
        *(f"what {unit} {verb} {low}" for verb in verbs), f"name the {unit} {side} {low}",
    )  # fmt: skip
    follow = (f"and {side} {low}", f"what about {side} {low}")
    return Item("calendar", f"{side.capitalize()} {name} comes {other}.", forms, follow=follow,
                group=f"{side} {unit}")  # fmt: skip


def _ordinal(unit: str, whole: str, i: int, name: str) -> Item:
    nth = ORDINALS[i]
    forms = (
        f"what is the {nth} {unit} of the {whole}", f"which {unit} is the {nth} of the {whole}",
        f"tell me the {nth} {unit} of the {whole}", f"name the {nth} {unit} of the {whole}",
        f"what is the {nth} {unit} in a {whole}",
    )  # fmt: skip
    reply = f"The {nth} {unit} of the {whole} is {name}."
    follow = (f"and the {nth}", f"what about the {nth}")
    return Item("calendar", reply, forms, follow=follow, group=f"nth {unit}")


def _month(month: str, days: int, season: str) -> Iterator[Item]:
    low = month.lower()
    yield Item("calendar", f"{month} has {number(days)} days.", (
        f"how many days are in {low}", f"how many days does {low} have",
        f"how long is {low}", f"what is the number of days in {low}", f"how many days has {low}",
    ), follow=(f"and {low}", f"what about {low}"), group="days in")  # fmt: skip
    yield Item("calendar", f"{month} is in {season}.", (
        f"what season is {low} in", f"which season is {low} in", f"in which season is {low}",
        f"what season is it in {low}", f"what season does {low} belong to",
    ), follow=(f"and {low}", f"what about {low}"), group="season of")  # fmt: skip


SPELLING_FORMS = (
    "spell {x}", "how do you spell {x}", "spell the word {x}", "how is {x} spelled",
    "how do i spell {x}", "what letters are in {x}", "what is the spelling of {x}",
)  # fmt: skip


def _spelled() -> Iterator[Item]:
    for word in " ".join(load("spelling")).split():
        forms = tuple(form.format(x=word) for form in SPELLING_FORMS)
        reply = f"{capitalise(word)} is spelled {', '.join(word.upper())}."
        yield Item("spelling", reply, forms, follow=(f"and {word}", f"what about {word}",
                   f"and the word {word}"), group="spelling")  # fmt: skip


def _stories() -> Iterator[Item]:
    for kind, told in load("stories").items():
        for subject, text in told.items():
            forms = tuple(form.format(x=subject) for form in TALE_FORMS[kind])
            first = subject == next(iter(told))
            anything = (f"tell me a {kind}", f"tell a {kind}", f"do you know a {kind}")
            forms, weight = ((*anything, *forms), 3.0) if first else (forms, 1.0)
            yield Item(kind, " ".join(text.split()), forms, group=kind, weight=weight)


TALE_FORMS = {
    "story": ("tell me a story about {x}", "tell a story about {x}", "a story about {x}",
              "i want to hear a story about {x}", "do you know a story about {x}",
              "give me a story about {x}"),
    "rhyme": ("tell me a rhyme about {x}", "say a rhyme about {x}", "a rhyme about {x}",
              "tell me a poem about {x}", "do you know a poem about {x}",
              "recite a poem about {x}", "i want to hear a poem about {x}"),
    "joke": ("tell me a joke about {x}", "a joke about {x}", "do you know a joke about {x}",
             "make a joke about {x}", "i want to hear a joke about {x}",
             "give me a joke about {x}"),
}  # fmt: skip
