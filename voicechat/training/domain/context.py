"""Talks of several turns, whose last question can only be understood with what was said before."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from voicechat.training.domain.items import (
    DAYS,
    MONTHS,
    SUM_KINDS,
    Item,
    items,
    load,
    result,
    sum_of,
)
from voicechat.training.domain.phrasing import ask
from voicechat.training.domain.words import capitalise, held_out, number

NOT_CAUGHT = "Sorry, I did not catch that."
NOTHING_SAID = "I have not said anything yet."
ALL_SAID = "That was all."
NOT_TOLD = "You have not told me yet."
REMEMBERED = "I will remember that."
PAIR_KINDS = ("sum", "difference", "product", "larger", "count")

_REPEAT = (
    "say that again", "what did you say", "repeat that", "can you repeat that", "what was that",
    "come again", "say it again", "once more", "i did not hear you", "one more time",
    "repeat what you said",
)  # fmt: skip
_RESUME = (
    "go on", "continue", "keep going", "carry on", "go ahead", "what comes next", "and then",
    "please go on", "you can go on", "go on from there", "finish it", "keep on going",
)  # fmt: skip
_ANOTHER = (
    "another one", "tell me another one", "one more", "and another one", "tell me one more",
    "another one please", "let me hear another one", "give me another one",
)  # fmt: skip
_PLUS = {
    "plus": ("and plus {b}", "plus {b}", "and if you add {b}", "add {b} to that",
             "now add {b}", "and {b} more"),
    "minus": ("and minus {b}", "minus {b}", "and if you subtract {b}", "take away {b}",
              "now subtract {b}", "and {b} less"),
    "times": ("and times {b}", "times {b}", "and if you multiply by {b}", "multiply that by {b}",
              "now times {b}", "and that times {b}"),
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """What the user said and the reply.

    Attributes:
        heard: The reply as the history keeps it when it was interrupted: its first whole words.
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
    item = draw(rng, kind, pair=split == "pairs")
    return Turn(ask(rng, item.forms, split, chat=kind == "chat"), item.reply)


@functools.cache
def _pool(kind: str, pair: bool) -> tuple[tuple[Item, ...], tuple[float, ...]]:
    pool = tuple(item for item in items()[kind] if item.pair == pair)
    return pool, tuple(item.weight for item in pool)


def draw(rng: random.Random, kind: str, pair: bool = False) -> Item:
    """Draws an item by its weight."""
    pool, weights = _pool(kind, pair)
    return rng.choices(pool, weights)[0]


_ASIDE = (
    "chat", "sum", "difference", "product", "larger", "count", "calendar", "capital", "color",
    "opposite", "sound", "fact", "spelling", "joke", "outside",
)  # fmt: skip


def aside(rng: random.Random, split: str) -> Turn:
    """Draws an unrelated turn; some are interrupted."""
    kind = rng.choice(_ASIDE)
    turn = outside(rng, split) if kind == "outside" else single(rng, split, kind)
    if rng.random() < 0.2 and len(turn.reply.split()) > 1:
        return _cut(rng, turn)
    return turn


def mixed(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Unrelated turns: what was said before must not disturb the last answer."""
    return tuple(aside(rng, split) for _ in range(rng.choice((1, 1, 2)))) + (
        single(rng, split, rng.choice(_ASIDE[:-1])),
    )


def follow(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """A short question that leans on the one before: "and plus two", "what about italy"."""
    maker = rng.choice((_follow_sum, _follow_table, _follow_table, _follow_calendar, _follow_tale))
    return maker(rng, split)


def _follow_sum(rng: random.Random, split: str) -> tuple[Turn, ...]:
    first = draw(rng, rng.choice(tuple(SUM_KINDS.values())))
    turns = [Turn(ask(rng, first.forms, split), first.reply)]
    for _ in range(rng.choice((1, 1, 2))):
        last = _VALUES[turns[-1].reply.rstrip(".").split(" is ")[1]]
        operator, b = _next_sum(rng, last)
        if operator:
            forms = tuple(form.format(b=number(b)) for form in _PLUS[operator])
            turns.append(Turn(ask(rng, forms, split), sum_of(last, operator, b).reply))
    return tuple(turns) if len(turns) > 1 else _follow_sum(rng, split)


_VALUES = {number(n): n for n in range(401)}


def _next_sum(rng: random.Random, last: int) -> tuple[str, int]:
    """Draws what may follow: no operand is larger than in a sum asked at once."""
    choices = [
        (operator, b)
        for operator in SUM_KINDS
        for b in range(1, 11)
        if last <= (10 if operator == "times" else 20)
        and result(last, operator, b) >= 0
        and not held_out(operator, last, b)
    ]
    operators = sorted({operator for operator, _ in choices})
    if not operators:
        return "", 0
    operator = rng.choice(operators)
    return operator, rng.choice([b for name, b in choices if name == operator])


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
    leaning = tuple(Turn(ask(rng, other.follow, split), other.reply) for other in others)
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
        turns.append(Turn(ask(rng, forms if turn else group[reply].forms, split), reply))
        i += step
    return tuple(turns)


def _follow_tale(rng: random.Random, split: str) -> tuple[Turn, ...]:
    told = items()[rng.choice(("story", "rhyme", "joke", "joke"))]
    i = rng.randrange(len(told))
    first = Turn(ask(rng, told[i].forms, split), told[i].reply)
    return first, Turn(ask(rng, _ANOTHER, split), told[(i + 1) % len(told)].reply)


_TELL = {
    "name": ("my name is {x}", "i am called {x}", "call me {x}", "people call me {x}",
             "you can call me {x}", "the name is {x}"),
    "color": ("my favorite color is {x}", "i like {x} best of all colors", "i love the color {x}",
              "the color i like best is {x}"),
    "number": ("my favorite number is {x}", "i like the number {x}", "my lucky number is {x}",
               "the number i like best is {x}"),
    "pet": ("i have a {x}", "my pet is a {x}", "i have a pet {x}", "we have a {x} at home",
            "my pet at home is a {x}"),
    "city": ("i live in {x}", "my home is in {x}", "my city is {x}", "i come from {x}",
             "the city where i live is {x}"),
}  # fmt: skip
_RECALL = {
    "name": ("what is my name", "do you remember my name", "who am i", "what am i called",
             "do you know my name", "say my name", "tell me what my name is"),
    "color": ("what is my favorite color", "do you remember my favorite color",
              "which color do i like", "what color do i like best",
              "do you know my favorite color"),
    "number": ("what is my favorite number", "do you remember my favorite number",
               "which number do i like", "what number do i like best",
               "do you know my favorite number"),
    "pet": ("what pet do i have", "do you remember my pet", "which animal do i have",
            "what animal do i have", "what is my pet"),
    "city": ("where do i live", "do you remember where i live", "which city do i live in",
             "what is my city", "what city do i live in"),
}  # fmt: skip
_RECALLED = {
    "name": "Your name is {x}.",
    "color": "Your favorite color is {x}.",
    "number": "Your favorite number is {x}.",
    "pet": "You have a {x}.",
    "city": "You live in {x}.",
}


@functools.cache
def values(about: str) -> tuple[str, ...]:
    """Returns what a user may tell: names, colors, numbers, pets or cities."""
    if about == "number":
        return tuple(number(n) for n in range(1, 51))
    return tuple(load("memory")[{"city": "cities"}.get(about, about + "s")].split())


def recalled(about: str, value: str) -> str:
    """Returns the reply that remembers a value."""
    proper = value.capitalize() if about in ("name", "city") else value
    return _RECALLED[about].format(x=proper)


def told(rng: random.Random, split: str, about: str, value: str) -> Turn:
    """Returns the turn in which the user tells something of themselves."""
    forms = tuple(form.format(x=value) for form in _TELL[about])
    reply = f"Nice to meet you, {value.capitalize()}." if about == "name" else REMEMBERED
    return Turn(ask(rng, forms, split), reply)


def memory(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Tells one or two things, perhaps talks of something else, then asks for one of them."""
    if rng.random() < 0.1:
        about = rng.choice(tuple(_RECALL))
        before = (aside(rng, split),) if rng.random() < 0.5 else ()
        return (*before, Turn(ask(rng, _RECALL[about], split), NOT_TOLD))
    abouts = rng.sample(tuple(_TELL), rng.choice((1, 1, 2)))
    known = {about: rng.choice(values(about)) for about in abouts}
    turns = [told(rng, split, about, value) for about, value in known.items()]
    if len(turns) < 3 and rng.random() < 0.6:
        turns.insert(rng.randint(1, len(turns)), aside(rng, split))
    about = rng.choice(abouts)
    turns.append(Turn(ask(rng, _RECALL[about], split), recalled(about, known[about])))
    return tuple(turns)


def tell(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Tells something, which is acknowledged."""
    about = rng.choice(("name", "name", *_TELL))
    return (told(rng, split, about, rng.choice(values(about))),)


def repeat(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Asks for the last reply once more."""
    if rng.random() < 0.1:
        return (Turn(ask(rng, _REPEAT, split), NOTHING_SAID),)
    first = single(rng, split, rng.choice(_ASIDE[:-1]))
    again = Turn(ask(rng, _REPEAT, split), first.reply)
    return (aside(rng, split), first, again) if rng.random() < 0.25 else (first, again)


def resume(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Interrupts a reply and asks to go on: the answer starts at the next word, cut or not."""
    chance = rng.random()
    if chance < 0.05:
        return (Turn(ask(rng, _RESUME, split), NOTHING_SAID),)
    kind = rng.choice(("count", "count", "story", "story", "rhyme", "spelling", "fact", "joke"))
    turn = single(rng, split, kind)
    if chance < 0.12:
        return turn, Turn(ask(rng, _RESUME, split), ALL_SAID)
    turns = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        if len(turn.reply.split()) > 1:
            turns.append(_cut(rng, turn))
            turn = Turn(ask(rng, _RESUME, split), rest(turn.reply, turns[-1].heard or ""))
    return (*turns, turn) if turns else resume(rng, split)


def _cut(rng: random.Random, turn: Turn) -> Turn:
    words = turn.reply.split()
    heard = " ".join(words[: rng.randint(1, len(words) - 1)])
    if rng.random() < 0.5:
        heard = heard.rstrip(",.!?")
    return Turn(turn.user, turn.reply, heard)


def rest(reply: str, heard: str) -> str:
    """Returns what remains of a reply after the words heard, with a capital at its start."""
    words = reply.split()[len(heard.split()) :]
    return capitalise(" ".join(words))


@functools.cache
def _outside() -> dict[bool, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Returns (reply, templates) by whether the templates are held out of training."""
    replies = {key: value for key, value in load("outside").items() if key != "slots"}
    return {
        held: tuple(
            (reply, tuple(t for t in templates if held_out(t, share=8) == held))
            for reply, templates in replies.items()
        )
        for held in (False, True)
    }


def outside(rng: random.Random, split: str) -> Turn:
    """Draws a question outside the domain, answered honestly."""
    (reply, templates), *_ = rng.choices(_outside()[split == "phrasing"], (6, 3, 2))
    slots = load_slots()
    fill: Callable[[re.Match[str]], str] = lambda match: rng.choice(slots[match[1]])  # noqa: E731
    form = re.sub(r"\{(\w+)\}", fill, rng.choice(templates))
    return Turn(ask(rng, (form,), "train"), reply)


@functools.cache
def load_slots() -> dict[str, list[str]]:
    """Returns the words that fill the templates of questions outside the domain."""
    return load("outside")["slots"]


def unclear(rng: random.Random, split: str) -> Turn:
    """Draws what noise left of a question: its first words, or words in no order."""
    kind = rng.choice(_ASIDE[4:13])
    words = single(rng, split, kind).user.split()
    if rng.random() < 0.5 and len(words) > 4:
        words = words[: rng.randint(2, 3)]
        if words[-1] not in _DANGLING:
            return unclear(rng, split)
    else:
        words += single(rng, split, rng.choice(_ASIDE[4:13])).user.split()
        words = rng.sample(words, min(len(words), rng.randint(4, 9)))
    text = " ".join(words)
    return unclear(rng, split) if text in _chat_forms() else Turn(text, NOT_CAUGHT)


@functools.cache
def _chat_forms() -> frozenset[str]:
    return frozenset(form for item in items()["chat"] for form in item.forms)


_DANGLING = set("the of is are does a an do tell to which how many what from in me can you".split())
