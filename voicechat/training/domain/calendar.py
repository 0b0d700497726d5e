"""Days, months and seasons."""

from __future__ import annotations

from collections.abc import Iterator

from voicechat.spelling import ORDINALS, number
from voicechat.training.domain.item import Item

DAYS = tuple("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split())
MONTHS = tuple(
    "January February March April May June July August September October November December".split()
)
SEASONS = ("spring", "summer", "autumn", "winter")
_DAYS_IN = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SEASON_OF = (3, 3, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3)


def calendar() -> Iterator[Item]:
    """Yields neighbours and ordinals, the days of the months and their seasons."""
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
