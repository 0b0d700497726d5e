"""What was recorded, in the place of what made it.

An engine that says again what it said, to ask what other settings would have changed; and the
microphone as the core heard it, which costs a replay the canceller no second time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from voicechat.errors import UserError
from voicechat.events import Heard, Reply, ReplyChunk, Tick
from voicechat.recording.format import Line


class RememberedEcho:
    """Gives the microphone as it was cleaned then.

    Args:
        clean: `[ticks, 320]` int16, 16 kHz, of the recording.
    """

    def __init__(self, clean: np.ndarray) -> None:
        self._frames = iter(clean)

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The next frame."""
        return next(self._frames)


class RememberedEngine:
    """Gives turn k the reply that turn k got, as far as the engine made it then.

    Args:
        ticks: of the recording.
        actions: what the core ordered in these ticks.

    Raises:
        UserError: if no reply was recorded.
    """

    def __init__(self, ticks: list[Tick], actions: list[Line]) -> None:
        self._replies: dict[int, list[ReplyChunk]] = {}
        asked = [line["n"] for line in actions if line["action"] == Reply.__name__]
        made = (
            (bisect_left(asked, tick.n), chunk)
            for tick in ticks
            for chunk in tick.chunks
            if isinstance(chunk, ReplyChunk)
        )
        latest = -1
        for order, chunk in made:
            if order > latest:  # asked for anew: an answer before it was taken back
                self._replies[chunk.turn] = []
            self._replies[chunk.turn].append(chunk)
            latest = order
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
