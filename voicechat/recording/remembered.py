"""An engine that says again what was recorded: to ask what other settings would have changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from voicechat.errors import UserError
from voicechat.events import Heard, ReplyChunk, Tick


class RememberedEngine:
    """Gives turn k the reply that turn k got, as far as the engine made it then.

    Args:
        ticks: of the recording.

    Raises:
        UserError: if no reply was recorded.
    """

    def __init__(self, ticks: list[Tick]) -> None:
        self._replies: dict[int, list[ReplyChunk]] = {}
        for chunk in (chunk for tick in ticks for chunk in tick.chunks):
            if isinstance(chunk, ReplyChunk):
                # A reply that starts anew was taken back before: the later one counts.
                begins = chunk.from_code == 0 and not chunk.final
                made = self._replies.setdefault(chunk.turn, [])
                if begins and made and made[-1].to_code:
                    made.clear()
                made.append(chunk)
        if not self._replies:
            raise UserError("nothing was answered in this recording: there is nothing to sweep")

    def feed(self, turn: int, pcm: np.ndarray) -> None:
        """Needs not to hear."""

    def type(self, turn: int, text: str) -> None:
        """Needs not to read."""

    def attach(self, turn: int, path: Path) -> None:
        """Needs not to see."""

    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        """Says what was said then."""
        known = sorted(self._replies)
        chunks = self._replies[min(known, key=lambda other: abs(other - turn))]
        for chunk in chunks:
            yield replace(chunk, turn=turn, final=False)
        yield ReplyChunk(turn, final=True)

    def truncate(self, turn: int, heard: Heard) -> None:
        """Remembers everything anyway."""

    def discard(self, turn: int) -> None:
        """Remembers everything anyway."""
