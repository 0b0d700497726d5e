"""Sentences, their first letters, and what is kept from training."""

from __future__ import annotations

import re
import zlib

GOES_ON = "..."  # begins a reply that goes on where the last one was interrupted; has no sound


def capitalise(text: str) -> str:
    """Returns `text` with its first letter, and no other, in upper case."""
    return text[:1].upper() + text[1:]


def sentences(text: str) -> list[str]:
    """Splits a reply into its sentences, each with its closing mark and what begins it."""
    found = re.findall(r"(?:^\.\.\.)?[^.!?]+(?:[.!?]+|$)", text)
    return [part.strip() for part in found if part.strip()]


def held_out(*key: object, share: int = 10) -> bool:
    """Tells whether one in `share` keys, always the same ones, is kept from training."""
    return zlib.crc32(repr(key).encode()) % share == 0
