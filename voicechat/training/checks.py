"""The numbers that settings of the stages may be."""

from __future__ import annotations

from math import inf
from typing import Any

from voicechat.config import within
from voicechat.errors import UserError


def check(settings: Any, shares: str = "", **units: int) -> None:
    """Refuses numbers that no stage can work with: below 0, too large, or a range upside down.

    Args:
        settings: A frozen dataclass.
        shares: Names of those that are at most 1, with spaces between.
        units: Those that are at least this, and a multiple of it.

    Raises:
        UserError: One of them does not fit.
    """
    for name, value in vars(settings).items():
        if isinstance(value, tuple) and (len(value) != 2 or value[0] > value[1]):
            raise UserError(f"{name} is {value}; it is a range, [low, high]")
        if isinstance(value, int | float):
            within(settings, units.get(name, 0), 1 if name in shares.split() else inf, name)
        if name in units and value % units[name]:
            raise UserError(f"{name} is {value}; it is a multiple of {units[name]}")
