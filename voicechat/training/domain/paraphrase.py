"""The same question in other words: rules that hold for many things at once.

A form is written once for each thing; these rules multiply the forms that training sees, so that
what was never trained is still near to something that was.
"""

from __future__ import annotations

import random
import re

_Rule = tuple[re.Pattern[str], tuple[str, ...]]
_SYNONYMS = (
    "largest|biggest|greatest", "fastest|quickest|swiftest",
    "smallest|tiniest|littlest", "larger|bigger|greater", "clever|smart", "person|human",
    "kind of|sort of|type of", "start|begin", "people|humans", "spelled|written",
)  # fmt: skip
_REWRITTEN = {
    r"^which (?=\w+ (?:is|are|has|have|does|do|can|comes?|gives?|makes?|flows)\b)": ("what ",),
    r"^what (?=(?!is|are|do|does|did|was|can|will|would)\w+ (?:is|are|has|have|does|do|can)\b)": (
        "which ", "in your opinion which ",
    ),
    r"^what is the (\w+est) (.+)$": (
        r"which \2 is the \1", r"what \2 is the \1", r"name the \1 \2", r"which is the \1 \2",
        r"the \1 \2 is what", r"what is the very \1 \2", r"which one is the \1 \2",
        r"what would be the \1 \2", r"give me the \1 \2",
        r"what is the \1 \2 there is", r"the \1 \2 which is it",
    ),
    r"^(?:which|what) (\w+) is the (\w+est)$": (
        r"which \1 is the \2 of all", r"which \1 is the very \2", r"which is the \2 \1",
        r"which \1 is the \2 one", r"what is the \2 \1 you know", r"name the \2 \1",
    ),
    r"^how many (\w+) (?:do|does) (.+) have$": (
        r"how many \1 can \2 have", r"what is the number of \1 of \2", r"\2 has how many \1",
        r"how many \1 belong to \2", r"the number of \1 of \2",
        r"how many \1 would \2 have",
    ),
    r"^how many (.+) are (in|on) ": (r"how many \1 are there \2 ", r"how many \1 do we find \2 "),
    r"^how many ": ("exactly how many ", "about how many "),
    r"^what do you call (?!me)": (
        "what do we call ", "what do people call ", "what is the word for ",
        "what is the name for ", "what does one call ", "which word means ",
    ),
    r"^what is (.+) called$": (
        r"what do we call \1", r"what name does \1 have",
        r"what would you call \1", r"what is the word for \1", r"what do people call \1",
    ),
    r"^who (\w+(?:ed|ote|ilt|ew|ade|und)) (.+)$": (
        r"who was it that \1 \2", r"who first \1 \2", r"which person \1 \2", r"which man \1 \2",
        r"do you know the one who \1 \2", r"what is the name of the one who \1 \2",
    ),
    r"^is (.+) an? (\w+) or an? (\w+)$": (
        r"is \1 a \3 or a \2", r"would you call \1 a \2 or a \3", r"\1 is it a \2 or a \3",
    ),
    r"^(?:tell me|tell) an? (story|joke|rhyme|poem)\b": (
        r"let me hear a \1", r"read me a \1", r"i would like a \1", r"could i have a \1",
        r"how about a \1", r"have you got a \1", r"do you have a \1", r"say a \1", r"one \1",
        r"i feel like a \1", r"give us a \1", r"can i hear a \1", r"i would enjoy a \1",
    ),
    r"^what is (\w+) (plus|minus|times) (.+)$": (
        r"what would \1 \2 \3 be",
        r"work out \1 \2 \3", r"what is the result of \1 \2 \3", r"\1 \2 \3 is what",
        r"\1 \2 \3 makes what", r"solve \1 \2 \3", r"what do you get for \1 \2 \3",
        r"\1 \2 \3 equals what", r"how much would \1 \2 \3 be", r"compute \1 \2 \3",
        r"what does \1 \2 \3 give", r"what does \1 \2 \3 equal",
    ),
    r"^where (do|does) (.+) come from$": (
        r"from where \1 \2 come", r"what place \1 \2 come from",
        r"where \1 \2 originally come from",
    ),
    r"^what (day|month|season) comes (after|before) (.+)$": (
        r"which is the \1 \2 \3", r"what is the \1 \2 \3", r"the \1 \2 \3",
        r"which one comes \2 \3",
        r"the \1 that comes \2 \3", r"what would be the \1 \2 \3", r"\2 \3 comes what \1",
    ),
    r"^(what|where|when|how|why) (is|are|do|does) ": (
        r"\1 exactly \2 ", r"\1 actually \2 ", r"\1 then \2 ", r"\1 in fact \2 ",
    ),
}  # fmt: skip
_RULES: tuple[_Rule, ...] = (
    *((re.compile(rf"\b(?:{words})\b"), tuple(words.split("|"))) for words in _SYNONYMS),
    *((re.compile(pattern), others) for pattern, others in _REWRITTEN.items()),
)  # fmt: skip


def paraphrase(rng: random.Random, form: str) -> str:
    """Says a form in other words by one rule that fits, or returns it as it is."""
    fitting = [rule for rule in _RULES if rule[0].search(form)]
    if not fitting:
        return form
    pattern, others = rng.choice(fitting)
    return pattern.sub(rng.choice(others), form, count=1)
