"""The many ways to ask: a thing's own forms inside wrappers that all things share.

A form is a question ("what is the capital of italy"), a request ("count to ten") or a phrase
("three plus four"); its first word tells which, and so which wrappers fit. Some wrappers, and the
last form of everything that has four, are never used in training: they make the split "phrasing".
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Sequence

from voicechat.training.domain.paraphrase import paraphrase

_ASKING = set("what what's which who who's where when why how whose".split())
_REQUEST = set(
    "tell count add subtract multiply spell say give name sing list repeat take explain "
    "play call open set turn send order read find show start write remind translate recommend "
    "search look buy book check make remember describe recite".split()
)
_CALLED = tuple(  # whoever is called so, the question stays the same
    f"{how}{whom}"
    for how in ("", "", "", "my ", "my ", "dear ", "my dear ", "old ", "good ", "my good ", "you ")
    for whom in (
        "assistant boss boy brother buddy captain chief child colleague companion comrade computer "
        "cousin dear doctor fellow genius girl guest helper hero king lady lord love machine "
        "madam man mate neighbor pal partner professor queen robot sir sister teacher "
        "uncle wizard"
    ).split()
)  # fmt: skip
_OUTER = (
    "hey {}", "okay {}", "so {}", "oh {}", "hmm {}", "um {}", "alright {}", "listen {}", "yes {}",
    "{} please", "{} thanks", "{} pocket", "{} now", "{} by the way", "good {}", "wait {}", "ah {}",
)  # fmt: skip
_AROUND = frozenset((  # what may stand before and behind a wrapped form
    ("", ""), *(tuple(outer.split("{}")) for outer in _OUTER),
    *((f"{who} ", "") for who in _CALLED), *(("", f" {who}") for who in _CALLED),
))  # fmt: skip
_SHARED = (
    "{}", "{}", "{}", "{}", "{}", "{}", "{} please", "hey pocket {}", "pocket {}", "okay {}",
    "now {}", "hmm {}", "hello there {}", "oh {}", "alright {}",
)  # fmt: skip
_TRAIN = {
    "question": (
        *_SHARED, "tell me {}", "please tell me {}", "can you tell me {}", "do you know {}",
        "i would like to know {}", "so {}", "excuse me {}", "i have a question {}", "um {}",
        "do you happen to know {}", "could you please tell me {}", "i am wondering {}",
        "hi pocket {}", "hey {}", "just tell me {}", "i need to know {}", "let me know {}",
        "any idea {}", "{} thanks", "well {}", "and {}", "my question is {}", "quick question {}",
        "tell me please {}", "pocket tell me {}", "actually {}", "i wonder {}", "all right {}",
        "listen {}", "can you say {}", "would you know {}", "i was wondering {}", "may i ask {}",
        "hello {}", "i would love to know {}", "do tell me {}", "let me ask {}", "right {}",
        "may i know {}", "would you say {}", "i would like to hear {}", "yes {}", "{} then",
        "can you answer me {}", "one question {}", "here is a question {}", "next question {}",
        "another question {}", "i want you to tell me {}", "i need an answer {}", "help me {}",
        "can i ask you {}", "{} do you know", "{} thank you", "{} can you tell me",
        "would you tell me {}", "please say {}", "and tell me {}", "uh {}", "no {}", "i ask {}",
    ),
    "request": (
        *_SHARED, "please {}", "can you {}", "could you {}", "can you please {}", "um {}",
        "i want you to {}", "i would like you to {}", "{} for me", "hey can you {}",
        "hi pocket {}", "i need you to {}", "just {}", "go and {}", "{} thanks", "well {}",
        "and {}", "let us {}", "may i ask you to {}", "would you mind and {}", "why don't you {}",
        "pocket can you {}", "{} if you can", "all right {}", "actually {}", "hello {}",
        "you can {}", "{} right now", "please {} for me", "could you please {}", "so {}",
        "may i have you {}", "kindly {}", "please could you {}", "yes {}", "{} would you",
        "now please {}", "can you now {}", "would you be so kind and {}", "uh {}", "no {}",
        "could you {} for me", "i would love you to {}", "try to {}", "{} thank you",
        "can you {} for us", "be so good and {}", "i ask you to {}", "you could {}",
    ),
    "phrase": (*_SHARED, "um {}", "so {}", "well {}", "and {}", "all right {}", "hello {}",
               "{} thanks", "hey {}", "uh {}", "no {}", "yes {}"),
    "bare": (*_SHARED, "{}", "{}", "{}", "{}", "{} pocket", "hey {}", "so {}", "um {}",
             "all right {}", "right {}", "yes {}", "{} thanks", "excuse me {}", "hello {}",
             "hi {}", "uh {}", "no {}", "{} then", "{} now", "{} by the way", "okay so {}",
             "good {}", "nice {}", "listen {}", "wait {}", "sorry {}", "you know {}",
             "ah {}", "now then {}"),
}  # fmt: skip
_HELD_OUT = {
    "question": ("could you tell me {}", "i want to know {}", "hello pocket {}", "{} my friend"),
    "request": ("would you {}", "will you please {}", "hello pocket {}", "{} my friend"),
    "phrase": ("hello pocket {}", "{} my friend", "and now {} please"),
    "bare": ("well {}", "{} my friend"),
}
_EMBEDDING = ("tell me {}", "know {}", "wondering {}", "idea {}")
_NO_NOUN = re.compile(  # what is more than a noun ("made from milk") cannot stand before "is"
    r"^(?:it|you .+|left|in|on|behind|beyond|inside|most|wrong|right|good|fun|too|possible|there"
    r"|difficult|responsible|listening|talking|speaking)\b"
    r"|\b(?:or|than|if|before|at|able|afraid|special|again|now|today|tomorrow|tonight|doing|going"
    r"|called|made|produced|known|used|meant|mixed|carved|carried|baked|grown|buried|married"
    r"|like [io]n|good for)\b"
    r"|(?:ing|\b(?:for|from|of|about|on|to|in|up|like))$"
)
_VERBS = "say make have eat live grow taste speak show become cost mean belong breathe lay do rise"
_PRESENT = {"have": "has", "do": "does"}
_SHORT = {
    "what is": "what's", "who is": "who's", "where is": "where's", "when is": "when's",
    "i would": "i'd", "i am": "i'm", "do not": "don't", "does not": "doesn't", "it is": "it's",
    "cannot": "can't",
}  # fmt: skip
_ENDINGS = {
    "is": "'s", "has": "'s", "us": "'s", "am": "'m", "are": "'re", "have": "'ve", "will": "'ll",
    "would": "'d", "had": "'d", "not": "n't",
}  # fmt: skip
_CONTRACTIONS = re.compile(rf" ({'|'.join(_ENDINGS)})\b")
_TRIES = 1000  # few are needed: one drawing in thirty is trained all the same
_LONG = re.compile(rf"\b({'|'.join(_SHORT)})\b(?= )")


def shape(form: str) -> str:
    """Returns "question", "request" or "phrase"."""
    first = form.split(" ", 1)[0]
    return "question" if first in _ASKING else "request" if first in _REQUEST else "phrase"


def forms_of(forms: Sequence[str], split: str) -> Sequence[str]:
    """Returns the forms that belong to a split: of four and more, the last is never trained."""
    if len(forms) < 4:
        return forms
    return forms[-1:] if split == "phrasing" else forms[:-1]


def ask(rng: random.Random, forms: Sequence[str], split: str, bare: bool = False) -> str:
    """Draws one way to ask.

    Args:
        rng: The source of chance.
        forms: The thing's own forms, the one to hold out last.
        split: Of `SPLITS`; "phrasing" draws a held-out form or a held-out wrapper, the others
            may say a trained form in other words, but never in those of the held-out one.
        bare: Small talk, or a question that leans on the one before: few wrappers fit.
    """
    if split == "phrasing":
        return _ask_anew(rng, forms, bare)
    form = rng.choice(forms_of(forms, "train"))
    if rng.random() < 0.35:
        other = paraphrase(rng, form)
        form = form if other in forms_of(forms, "phrasing") else other
    text = _wrap(rng, rng.choice(_TRAIN[_fitting(form, bare)]), form)
    return hesitate(rng, contract(rng, _addressed(rng, text)))


def _ask_anew(rng: random.Random, forms: Sequence[str], bare: bool) -> str:
    """Draws a held-out form in a trained wrapper, or a trained form in a held-out wrapper.

    What training says all the same ("hello" before "can you hear me") is drawn again.
    """
    for _ in range(_TRIES):
        new_form = len(forms) >= 4 and rng.random() < 0.5
        form = rng.choice(forms_of(forms, "phrasing" if new_form else "train"))
        wrappers = (_TRAIN if new_form else _HELD_OUT)[_fitting(form, bare)]
        text = _wrap(rng, rng.choice(wrappers), form)
        if new_form:
            text = _addressed(rng, text)
        if not any(_is_trained(new, forms, bare) for new in (text, *[form] * new_form)):
            return hesitate(rng, contract(rng, text))
    raise AssertionError(f"Every way to ask is trained: {forms}")


def _is_trained(text: str, forms: Sequence[str], bare: bool) -> bool:
    """Tells whether training wraps one of its forms of the thing to this text."""
    text = _leveled(text)
    return any(
        tuple(text.split(_leveled(wrapper).format(known), 1)) in _AROUND
        for form in forms_of(forms, "train")
        if (known := _leveled(form)) in text
        for wrapper in _TRAIN[_fitting(form, bare)]
    )


@functools.lru_cache(1 << 16)
def _leveled(text: str) -> str:
    """Shortens all that can be and never hesitates: "it is um me" and "it's me" are the same."""
    return _CONTRACTIONS.sub(lambda match: _ENDINGS[match[1]], re.sub(r"\b(um|uh) ", "", text))


def _fitting(form: str, bare: bool) -> str:
    """Returns which wrappers fit a form."""
    return "bare" if bare else shape(form)


def _addressed(rng: random.Random, text: str) -> str:
    """Wraps one text in four once more, half of these in whom the user speaks to."""
    chance = rng.random()
    if chance < 0.13:
        return rng.choice(_OUTER).format(text)
    if chance < 0.26:
        called = rng.choice(_CALLED)
        return f"{called} {text}" if chance < 0.16 else f"{text} {called}"
    return text


def opening(rng: random.Random, form: str, split: str) -> str:
    """Draws a wrapper with nothing after the form, for a form that breaks off."""
    wrappers = (_HELD_OUT if split == "phrasing" else _TRAIN)[shape(form)]
    return rng.choice([wrapper for wrapper in wrappers if wrapper.endswith("{}")])


def _wrap(rng: random.Random, wrapper: str, form: str) -> str:
    embed = wrapper.endswith(_EMBEDDING) and rng.random() < 0.6
    return wrapper.format(indirect(form) if embed else form)


def indirect(question: str) -> str:
    """Turns a question into its indirect form where a simple rule can.

    "what is the capital of italy" becomes "what the capital of italy is", "what does a cow say"
    "what a cow says" and "how do you spell cat" "how you spell cat".
    """
    if direct := re.fullmatch(r"(what|who|where) (is|are) (.+)", question):
        word, verb, rest = direct.groups()
        return question if _NO_NOUN.search(rest) else f"{word} {rest} {verb}"
    if direct := re.fullmatch(r"(.+?) does (.+) (\w+)", question):
        start, subject, verb = direct.groups()
        if verb in _VERBS.split():
            return f"{start} {subject} {_PRESENT.get(verb, verb + 's')}"
    if direct := re.fullmatch(r"(.+?) do (you|i|we|they|people) (.+)", question):
        return " ".join(direct.groups())
    return question


def hesitate(rng: random.Random, text: str) -> str:
    """Puts an "um" between two words of one text in thirty: what follows it still belongs."""
    words = text.split()
    if len(words) > 3 and rng.random() < 1 / 30:
        words.insert(rng.randint(1, len(words) - 1), rng.choice(("um", "uh")))
    return " ".join(words)


def contract(rng: random.Random, text: str) -> str:
    """Shortens "what is" to "what's" and the like in four of ten texts."""
    if rng.random() < 0.4:
        text = _LONG.sub(lambda match: _SHORT[match.group()], text)
    return text
