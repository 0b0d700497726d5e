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
             "you can call me {x}", "my first name is {x}", "they call me {x}", "i go by {x}",
             "everyone calls me {x}", "you are talking to {x}", "{x} is my name", "this is {x}",
             "please call me {x}", "remember that i am {x}", "remember my name it is {x}",
             "you may call me {x}", "my friends call me {x}", "hi i am {x}", "it is {x} speaking",
             "you can remember me as {x}",
             "my name's {x}", "i'm known as {x}", "my given name is {x}", "my parents named me {x}",
             "let me introduce myself i am {x}", "allow me to introduce myself my name is {x}",
             "you are speaking with {x}", "{x} here", "i was named {x}", "people know me as {x}",
             "just call me {x}", "i answer to {x}", "from now on call me {x}",
             "i would like to be called {x}", "{x} is what everybody calls me",
             "the name is {x}"),
    "color": ("my favorite color is {x}", "i like {x} best of all colors", "i love the color {x}",
              "{x} is my favorite color", "i like {x} most", "i like the color {x}",
              "i like the color {x} best", "remember my favorite color is {x}",
              "of all colors i like {x}", "my favorite is {x}", "the best color is {x}",
              "the color {x} is my favorite", "i think {x} is the best color",
              "my favorite color would be {x}", "no color is as nice as {x}",
              "i prefer {x} to all other colors", "{x} is the color i love",
              "for me the best color is {x}", "if i had to choose a color it would be {x}",
              "i'm fond of the color {x}", "i find {x} the prettiest color",
              "nothing beats {x} as a color", "i love {x} more than any other color",
              "i would choose {x} as my color", "my color is {x}",
              "i have always loved the color {x}",
              "the color i like best is {x}"),
    "number": ("my favorite number is {x}", "i like the number {x}", "my lucky number is {x}",
               "{x} is my favorite number", "{x} is my lucky number", "i love the number {x}",
               "remember my favorite number is {x}", "remember the number {x}",
               "i like the number {x} best", "the number {x} is my favorite",
               "the best number is {x}", "i like {x} best of all numbers",
               "my favorite number would be {x}", "no number is as nice as {x}",
               "i prefer {x} to all other numbers", "{x} is the number i love",
               "for me the best number is {x}", "if i had to choose a number it would be {x}",
               "i'm fond of the number {x}", "the number {x} brings me luck",
               "i always pick the number {x}", "keep the number {x} in mind",
               "i have always liked the number {x}", "my number is {x}",
               "my lucky number has always been {x}",
               "the number i like best is {x}"),
    "pet": ("i have a {x}", "my pet is a {x}", "i have a pet {x}", "we have a {x} at home",
            "i own a {x}", "i keep a {x}", "at home i have a {x}", "i have got a {x}",
            "my family has a {x}", "there is a {x} in my house", "i live with a {x}",
            "i have a {x} as a pet", "i got a {x} for my birthday", "we own a {x}",
            "there is a {x} at home", "a {x} lives with me", "a {x} lives in my house",
            "i bought a {x}", "we got a {x}", "the pet i have is a {x}",
            "i share my home with a {x}", "i am the owner of a {x}", "i take care of a {x}",
            "our family pet is a {x}", "i adopted a {x}", "as a pet i have a {x}",
            "i've got a {x} at home", "we keep a {x} as a pet",
            "my pet at home is a {x}"),
    "city": ("i live in {x}", "my home is in {x}", "my city is {x}",
             "{x} is my home", "i am living in {x}", "i moved to {x}",
             "my home town is {x}", "my house is in {x}", "i live here in {x}", "we live in {x}",
             "{x} is my city", "{x} is where i live", "i stay in {x}",
             "i reside in {x}", "my home is {x}", "you can find me in {x}", "i have a house in {x}",
             "my apartment is in {x}", "i've been living in {x} for years", "home for me is {x}",
             "i recently moved to {x}", "i settled in {x}", "{x} is my home town",
             "the place i call home is {x}", "i live right here in {x}", "i call {x} my home",
             "i live in the city of {x}",
             "the city where i live is {x}"),
}  # fmt: skip
_RECALL = {
    "name": ("what is my name", "do you remember my name", "who am i", "what am i called",
             "tell me my name", "can you remember my name", "do you know my name", "say my name",
             "what was my name", "what name did i tell you", "what did i say my name was",
             "do you still know my name", "which name did i give you", "what is my name again",
             "what do you call me", "have you forgotten my name",
             "do you know who i am", "who is talking to you", "what did i say i am called",
             "do you recall my name", "do you remember who i am", "can you say my name",
             "what is the name i told you", "remind me of my name", "by what name do you know me",
             "what name do i have", "what name do i go by", "i forgot my own name",
             "have you kept my name in mind", "did i tell you my name",
             "do you know what i am called", "who am i again", "who do you think i am",
             "what do people call me"),
    "color": ("what is my favorite color", "do you remember my favorite color",
              "which color do i like", "what color do i like best", "tell me my favorite color",
              "which color is my favorite", "what color is my favorite",
              "what was my favorite color", "which color do i like best", "what color do i like",
              "do you still know my favorite color", "what color did i tell you",
              "what is my favorite color again", "which color did i say i like",
              "say my favorite color",
              "do you recall my favorite color", "what color do i love",
              "which color do i love most", "what color do i prefer", "which color did i tell you",
              "remind me of my favorite color", "can you say my favorite color",
              "what did i say my favorite color was", "which color did i call my favorite",
              "have you forgotten my favorite color", "name my favorite color",
              "did i tell you my favorite color", "what was the color i like",
              "do you know my favorite color"),
    "number": ("what is my favorite number", "do you remember my favorite number",
               "which number do i like", "what number do i like best", "tell me my favorite number",
               "which number is my favorite", "what number is my favorite",
               "what was my favorite number", "which number do i like best",
               "what number do i like", "do you still know my favorite number",
               "what number did i tell you", "what is my favorite number again",
               "which number did i say i like", "what is my lucky number",
               "do you recall my favorite number", "what number do i love",
               "which number do i love most", "what number do i prefer",
               "which number did i tell you", "remind me of my favorite number",
               "can you say my favorite number", "what did i say my favorite number was",
               "which number did i call my favorite", "have you forgotten my favorite number",
               "name my favorite number", "did i tell you my lucky number",
               "which number brings me luck",
               "do you know my favorite number"),
    "pet": ("what pet do i have", "do you remember my pet", "do you know my pet",
            "which pet do i have", "which animal do i have", "what animal do i have",
            "what kind of pet do i have", "do you still know my pet", "what pet did i tell you of",
            "which pet did i say i have", "do you know which pet i have", "tell me my pet",
            "which animal lives with me", "what animal lives with me",
            "do you recall my pet", "what pet is mine", "do i have a pet",
            "what kind of animal do i have", "which animal do i keep", "remind me what pet i have",
            "which animal is my pet", "what pet lives in my house", "what did i say about my pet",
            "can you remember my pet", "what animal do i keep at home", "what pet do i own",
            "have you forgotten my pet", "do you remember which animal i have",
            "what is my pet"),
    "city": ("where do i live", "do you remember where i live", "do you know where i live",
             "which city do i live in", "what is my city", "where is my home",
             "which city am i from", "what city am i from", "do you still know where i live",
             "where did i say i live", "tell me where i live", "where do i come from",
             "which city did i tell you", "what city did i tell you",
             "where am i from", "in which city do i live", "what place do i live in",
             "where am i living", "do you recall where i live", "where is my house",
             "what is my home town", "which city is my home", "remind me where i live",
             "can you remember where i live", "have you forgotten where i live",
             "where did i tell you i live", "did i tell you where i live",
             "do you remember my city", "name the city i live in",
             "what city do i live in"),
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
