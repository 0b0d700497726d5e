"""Sums, differences and products, the larger of two numbers, and counting."""

from __future__ import annotations

from collections.abc import Iterator

from voicechat.spelling import number
from voicechat.training.domain.item import Item
from voicechat.training.domain.words import capitalise, held_out

_FORMS = {
    "plus": ("what is {a} plus {b}", "{a} plus {b}", "how much is {a} plus {b}", "add {a} and {b}",
             "what is the sum of {a} and {b}", "what do you get when you add {a} and {b}",
             "{a} and {b} together", "what is {a} and {b} together", "calculate {a} plus {b}",
             "what does {a} plus {b} make"),
    "minus": ("what is {a} minus {b}", "{a} minus {b}", "how much is {a} minus {b}",
              "subtract {b} from {a}", "take {b} away from {a}", "what is {a} take away {b}",
              "what is left when you take {b} from {a}", "calculate {a} minus {b}",
              "what does {a} minus {b} make"),
    "times": ("what is {a} times {b}", "{a} times {b}", "how much is {a} times {b}",
              "multiply {a} by {b}", "what is {a} multiplied by {b}", "calculate {a} times {b}",
              "what is the product of {a} and {b}", "what does {a} times {b} make"),
}  # fmt: skip
NEGATIVE = "That is less than zero."
SUM_KINDS = {"plus": "sum", "minus": "difference", "times": "product"}


def sums() -> Iterator[Item]:
    """Yields sums and differences of numbers to 20 and products of numbers to 10."""
    for a in range(21):
        for b in range(21):
            yield sum_of(a, "plus", b)
            yield sum_of(a, "minus", b)
            if a <= 10 and b <= 10:
                yield sum_of(a, "times", b)


def result(a: int, operator: str, b: int) -> int:
    """Returns a plus, minus or times b."""
    return {"plus": a + b, "minus": a - b, "times": a * b}[operator]


def sum_of(a: int, operator: str, b: int) -> Item:
    """Returns the item of one sum, difference or product.

    None is kept from training: a table is known by heart or not.
    """
    words = {"a": number(a), "b": number(b)}
    forms = tuple(form.format(**words) for form in _FORMS[operator])
    kind, value = SUM_KINDS[operator], result(a, operator, b)
    if value < 0:
        return Item(kind, NEGATIVE, forms, weight=0.1)
    reply = f"{capitalise(words['a'])} {operator} {words['b']} is {number(value)}."
    return Item(kind, reply, forms)


_COMPARED = (
    "which is {} {a} or {b}", "what is {} {a} or {b}", "which number is {} {a} or {b}",
    "{a} or {b} which is {}", "is {a} or {b} {}", "{a} or {b} what is {}",
    "which of {a} and {b} is {}", "which one is {} {a} or {b}",
)  # fmt: skip
_SIZES = {"larger": ("larger", "bigger", "greater"), "smaller": ("smaller", "less")}


def compared() -> Iterator[Item]:
    """Yields which of two numbers to 100 is larger or smaller."""
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
                # "three or five" gives "five or three" away: new is what is kept in both orders
                pair = held_out("larger", a, b) and held_out("larger", b, a)
                yield Item("larger", reply, forms, pair, weight=weight)


def counts() -> Iterator[Item]:
    """Yields every count between two numbers to 100; short ones, and from or to one, weigh more."""
    for a in range(101):
        for b in range(101):
            if a != b:
                common = 1 in (a, b)
                pair = not common and held_out("count", a, b)
                weight = (8.0 if common else 1.0) / (abs(a - b) + 1)
                reply = f"{announced(a, b)} {counted(a, b)}"
                yield Item("count", reply, _count_forms(a, b), pair, weight=weight)


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


def announced(a: int, b: int) -> str:
    """Returns the sentence that begins a count, so that the user knows what was understood."""
    return f"From {number(a)} to {number(b)}."


def counted(a: int, b: int) -> str:
    """Returns the numbers from a to b in sentences that end at whole tens (1-10, 11-20, ...).

    So any count is said with few different sentences, and none is longer than eleven numbers.
    """
    step = 1 if a < b else -1
    decades: dict[int, list[str]] = {}
    for n in range(a, b + step, step):
        decades.setdefault(max(n - 1, 0) // 10, []).append(number(n))
    return " ".join(capitalise(", ".join(numbers)) + "." for numbers in decades.values())
