"""Text as it is heard: lower case, numbers in words, no punctuation but apostrophes."""

from __future__ import annotations

import re

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
)
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_AMERICAN = {
    "colour": "color",
    "colours": "colors",
    "favourite": "favorite",
    "grey": "gray",
    "ok": "okay",
}
_OPERATORS = {"+": " plus ", "*": " times ", "×": " times ", "−": " minus "}


def number(n: int) -> str:
    """Returns `n` (0 to 999999) in words without hyphens or "and": 142, "one hundred forty two"."""
    assert 0 <= n < 1_000_000, n
    if n < 20:
        return _UNITS[n]
    if n < 100:
        return _TENS[n // 10] + (f" {_UNITS[n % 10]}" if n % 10 else "")
    size, name = (100, "hundred") if n < 1000 else (1000, "thousand")
    rest = f" {number(n % size)}" if n % size else ""
    return f"{number(n // size)} {name}{rest}"


def normalise(text: str) -> str:
    """Spells a typed line as it would be heard.

    Lower case, numbers in words, no punctuation but apostrophes, American spelling.
    """
    text = text.lower().replace("\u2019", "'")
    for sign, word in _OPERATORS.items():
        text = text.replace(sign, word)
    text = re.sub(r"(?<=\d)\s*-\s*(?=\d)", " minus ", text)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"(?<=\d)\s*x\s*(?=\d)", " times ", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", " point ", text)
    text = re.sub(r"(\d+)(st|nd|rd|th)\b", _ordinal, text)
    text = re.sub(r"\d+", _digits, text)
    found = re.findall(r"[^\W_]+(?:'[^\W_]+)*", text)
    return " ".join(_AMERICAN.get(word, word) for word in found)


def _ordinal(match: re.Match[str]) -> str:
    nth = int(match[1])
    return ORDINALS[nth - 1] if 1 <= nth <= len(ORDINALS) else match[1]


def _digits(match: re.Match[str]) -> str:
    digits = match.group()
    if len(digits) <= 6:
        return f" {number(int(digits))} "
    return " " + " ".join(_UNITS[int(digit)] for digit in digits) + " "
