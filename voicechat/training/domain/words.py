"""Sentences, their first letters, and what is kept from training."""

from __future__ import annotations

import re
import zlib


def capitalise(text: str) -> str:
    """Returns `text` with its first letter, and no other, in upper case."""
    return text[:1].upper() + text[1:]


def sentences(text: str) -> list[str]:
    """Splits a reply into its sentences, each with its closing mark."""
    return [part.strip() for part in re.findall(r"[^.!?]+(?:[.!?]+|$)", text) if part.strip()]


def held_out(*key: object, share: int = 10) -> bool:
    """Tells whether one in `share` keys, always the same ones, is kept from training."""
    return zlib.crc32(repr(key).encode()) % share == 0
