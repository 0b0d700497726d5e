"""The numbers that settings of the stages may be."""

from __future__ import annotations

from typing import Any

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
        fits, kind = True, ""
        if isinstance(value, tuple):
            fits, kind = len(value) == 2 and value[0] <= value[1], "a range, [low, high]"
        elif name in shares.split():
            fits, kind = 0 <= value <= 1, "a share, 0 to 1"
        elif name in units:
            unit = units[name]
            fits = value >= unit and value % unit == 0
            kind = f"at least {unit}" + ", and a multiple of it" * (unit > 1)
        elif isinstance(value, int | float):
            fits, kind = value >= 0, "at least 0"
        if not fits:
            raise UserError(f"{name} is {value}; it is {kind}")
