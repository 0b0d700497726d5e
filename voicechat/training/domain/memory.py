"""What users tell of themselves, and later ask for."""

from __future__ import annotations

import functools
import random

from voicechat.spelling import number
from voicechat.training.domain.item import load
from voicechat.training.domain.outside import aside
from voicechat.training.domain.phrasing import ask, forms_of
from voicechat.training.domain.talks import Turn

NOT_TOLD = "You have not told me yet."
REMEMBERED = "I will remember that."
_TELL = {
    "name": ("my name is {x}", "i am {x}", "i am called {x}", "call me {x}",
             "hello i am {x}", "hi my name is {x}", "people call me {x}",
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
             "tell me my name", "can you remember my name", "do you know my name", "say my name",
             "what do people call me"),
    "color": ("what is my favorite color", "do you remember my favorite color",
              "which color do i like", "what color do i like best", "tell me my favorite color",
              "which color is my favorite", "do you know my favorite color"),
    "number": ("what is my favorite number", "do you remember my favorite number",
               "which number do i like", "what number do i like best", "tell me my favorite number",
               "which number is my favorite", "do you know my favorite number"),
    "pet": ("what pet do i have", "do you remember my pet", "do you know my pet",
            "which pet do i have", "which animal do i have", "what animal do i have",
            "what is my pet"),
    "city": ("where do i live", "do you remember where i live", "do you know where i live",
             "which city do i live in", "what is my city", "what city do i live in"),
}  # fmt: skip
_RECALLED = {
    "name": "Your name is {x}.",
    "color": "Your favorite color is {x}.",
    "number": "Your favorite number is {x}.",
    "pet": "You have a {x}.",
    "city": "You live in {x}.",
}

ABOUT = tuple(_TELL)


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
    greeting = f"Nice to meet you, {value.capitalize()}."
    reply = greeting if about == "name" else f"{recalled(about, value)} {REMEMBERED}"
    return Turn(ask(rng, forms, split, bare=True), reply)


def tell_form(rng: random.Random) -> str:
    """Draws a trained way to tell something."""
    about = rng.choice(tuple(_TELL))
    return rng.choice(forms_of(_TELL[about], "train")).format(x=rng.choice(values(about)))


def memory(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Tells one or two things, perhaps talks of something else, then asks for one of them."""
    if rng.random() < 0.1:
        about = rng.choice(tuple(_RECALL))
        before = (aside(rng, split),) if rng.random() < 0.5 else ()
        return (*before, Turn(ask(rng, _RECALL[about], split), NOT_TOLD))
    abouts = rng.choices(tuple(_TELL), k=rng.choice((1, 1, 2)))
    turns, known = [], {}
    for about in abouts:  # told twice, the last counts
        known[about] = rng.choice(values(about))
        turns.append(told(rng, split, about, known[about]))
    if rng.random() < 0.6:
        turns.insert(rng.randint(1, len(turns)), aside(rng, split))
    about = rng.choice(abouts)
    turns.append(Turn(ask(rng, _RECALL[about], split), recalled(about, known[about])))
    return tuple(turns)


def tell(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Tells something, which is acknowledged."""
    about = rng.choice(("name", "name", *_TELL))
    return (told(rng, split, about, rng.choice(values(about))),)


def replies() -> set[str]:
    """Returns every reply of this file."""
    found = {recalled(about, value) for about in _TELL for value in values(about)}
    found |= {f"Nice to meet you, {name.capitalize()}." for name in values("name")}
    return found | {NOT_TOLD, REMEMBERED}
