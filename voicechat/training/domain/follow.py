"""Short questions that lean on the one before: "and plus two", "what about italy"."""

from __future__ import annotations

import functools
import random

from voicechat.spelling import number
from voicechat.training.domain.arithmetic import SUM_KINDS, result, sum_of
from voicechat.training.domain.calendar import DAYS, MONTHS
from voicechat.training.domain.item import Item
from voicechat.training.domain.items import items
from voicechat.training.domain.phrasing import ask
from voicechat.training.domain.talks import Turn

_ANOTHER = (
    "another one", "tell me another one", "one more", "and another one", "tell me one more",
    "another one please", "do you have another one", "one more please",
    "can i hear another one", "do you know another one", "let me hear another one",
    "one more of those", "now another one", "and another", "i want another one",
    "i want one more", "can you tell me another one", "a different one please", "and the next one",
    "have you got another one", "tell me a different one", "the next one please",
    "how about another one", "got any more", "do you have more of those", "any others",
    "let us have another one", "another one like that", "i would like another one",
    "let me have one more", "can i get one more", "i would love to hear another",
    "is there another one", "may i hear another one", "one more like that",
    "what other ones do you know", "do you know any others", "keep them coming",
    "i could hear another",
    "give me another one",
)  # fmt: skip
_PLUS = {
    "plus": ("and plus {b}", "plus {b}", "and if you add {b}", "add {b} to that",
             "now add {b}", "what is that plus {b}", "add another {b}", "then plus {b}",
             "and add {b}", "plus another {b}", "add {b} more", "what if i add {b}",
             "and then plus {b}", "and with {b} added", "what is it plus {b}", "add {b}",
             "and what is that plus {b}", "now plus {b}", "and {b} on top", "and if i add {b}",
             "what do you get if you add {b}",
             "increase that by {b}", "raise it by {b}", "add {b} to it", "add {b} to the result",
             "put {b} on top of that", "what do i get if i add {b}", "with {b} more how much is it",
             "how much is that plus {b}", "that plus {b}", "the result plus {b}",
             "make it {b} more", "what happens if you add {b}", "if i add {b} what do i get",
             "{b} added to that", "throw in {b} more",
             "and {b} more"),
    "minus": ("and minus {b}", "minus {b}", "and if you subtract {b}", "take away {b}",
              "now subtract {b}", "what is that minus {b}", "subtract {b} from that",
              "then minus {b}", "and subtract {b}", "and take away {b}", "take {b} away",
             "what if i take away {b}", "and then minus {b}", "what is it minus {b}",
             "subtract {b}", "and what is that minus {b}", "now minus {b}", "take off {b}",
             "and if i subtract {b}", "take {b} from that",
              "reduce that by {b}", "lower it by {b}", "take {b} off that", "remove {b} from that",
              "deduct {b}", "what is left if i take away {b}", "what remains if you take {b} away",
              "that minus {b}", "the result minus {b}", "how much is that minus {b}",
              "make it {b} less", "what happens if you take away {b}",
              "if i take away {b} what is left", "{b} taken away from that",
              "what do you get if you subtract {b}",
              "and {b} less"),
    "times": ("and times {b}", "times {b}", "and if you multiply by {b}", "multiply that by {b}",
              "now times {b}", "what is that times {b}", "then times {b}",
              "and multiply by {b}", "multiply it by {b}", "what if i multiply by {b}",
              "and then times {b}", "what is it times {b}", "multiply by {b}",
              "and what is that times {b}", "now multiply that by {b}",
              "and if i multiply that by {b}", "take that times {b}",
              "{b} times that", "the result times {b}", "how much is that times {b}",
              "multiply the result by {b}", "now multiply it by {b}",
              "what do you get if you multiply by {b}", "what do i get if i multiply that by {b}",
              "what happens if you multiply it by {b}", "what would that be times {b}",
              "take it {b} times", "how much is it multiplied by {b}",
              "if i multiply it by {b} what do i get", "that multiplied by {b}",
              "and that times {b}"),
}  # fmt: skip


def follow(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """A short question that leans on the one before: "and plus two", "what about italy"."""
    maker = rng.choice((_follow_sum, _follow_table, _follow_table, _follow_calendar, _follow_tale))
    return maker(rng, split)


def _follow_sum(rng: random.Random, split: str) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    last = rng.randint(0, 10)
    for _ in range(rng.choice((2, 2, 3))):
        if not (operators := _next_sums(last)):
            break
        operator = rng.choice(tuple(operators))
        b = rng.choice(operators[operator])
        item = sum_of(last, operator, b)
        leaning = tuple(form.format(b=number(b)) for form in _PLUS[operator])
        turns.append(
            Turn(ask(rng, leaning if turns else item.forms, split, bare=bool(turns)), item.reply)
        )
        last = result(last, operator, b)
    return tuple(turns) if len(turns) > 1 else _follow_sum(rng, split)


@functools.cache
def _next_sums(last: int) -> dict[str, tuple[int, ...]]:
    """Returns what may follow a result: sums within the domain."""
    found = {}
    for operator in SUM_KINDS:
        if last <= (10 if operator == "times" else 20):
            found[operator] = tuple(b for b in range(1, 11) if result(last, operator, b) >= 0)
    return {operator: numbers for operator, numbers in found.items() if numbers}


@functools.cache
def _groups() -> dict[str, tuple[Item, ...]]:
    found: dict[str, list[Item]] = {}
    for of_kind in items().values():
        for item in of_kind:
            if item.follow:
                found.setdefault(item.group, []).append(item)
    return {group: tuple(members) for group, members in found.items()}


def _follow_table(rng: random.Random, split: str) -> tuple[Turn, ...]:
    members = _groups()[rng.choice(tuple(_groups()))]
    first, *others = rng.sample(members, rng.choice((2, 2, 3)))
    leaning = tuple(Turn(ask(rng, other.follow, split, bare=True), other.reply) for other in others)
    return (Turn(ask(rng, first.forms, split), first.reply), *leaning)


def _follow_calendar(rng: random.Random, split: str) -> tuple[Turn, ...]:
    unit, names = rng.choice((("day", DAYS), ("month", MONTHS)))
    side = rng.choice(("after", "before"))
    step, i = (1 if side == "after" else -1), rng.randrange(len(names))
    group = {item.reply: item for item in _groups()[f"{side} {unit}"]}
    turns = []
    for turn in range(rng.choice((2, 2, 3))):
        name, other = names[i % len(names)], names[(i + step) % len(names)]
        reply = f"{side.capitalize()} {name} comes {other}."
        forms = (f"and {side} that", f"what comes {side} that", f"what about {side} that")
        turns.append(
            Turn(ask(rng, forms if turn else group[reply].forms, split, bare=turn > 0), reply)
        )
        i += step
    return tuple(turns)


def _follow_tale(rng: random.Random, split: str) -> tuple[Turn, ...]:
    told = items()[rng.choice(("story", "rhyme", "joke", "joke"))]
    i = rng.randrange(len(told))
    first = Turn(ask(rng, told[i].forms, split), told[i].reply)
    return first, Turn(ask(rng, _ANOTHER, split, bare=True), told[(i + 1) % len(told)].reply)
