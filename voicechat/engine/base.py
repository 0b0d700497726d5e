"""What the conversation knows of a model: this protocol, and no torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from voicechat.events import Heard, ReplyChunk


class Engine(Protocol):
    """Turns a user's speech into a spoken reply.

    Knows no devices, no turn taking, no screen, and is called from one thread. Turns are numbered
    upwards; a turn is fed, then answered, then kept, truncated or discarded.
    """

    def feed(self, turn: int, pcm: np.ndarray) -> None:
        """Hears a piece of the user's speech while it is spoken.

        Feeding a turn whose answer was begun takes the answer back: the user went on.

        Args:
            turn: the turn that speaks.
            pcm: `[samples]` int16, 16 kHz, cut anywhere.
        """

    def type(self, turn: int, text: str) -> None:
        """Adds typed text to the turn."""

    def attach(self, turn: int, path: Path) -> None:
        """Adds an image, audio or video file to the turn.

        Raises:
            UserError: if it is too large, broken, or the model cannot perceive it.
        """

    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        """Answers, piece by piece as it is made; closing the iterator cancels within one step.

        Args:
            turn: the turn to answer.
            certain: the turn is known to be over. If not, a model that can tell says by
                `ReplyChunk.complete` on its first chunk whether it sounded so.

        Yields:
            Text and sound in order; the last one is `final`.
        """

    def truncate(self, turn: int, heard: Heard) -> None:
        """Forgets what of the reply was never heard; the next turn sees only the rest."""

    def discard(self, turn: int) -> None:
        """Forgets a turn, and its reply if there was one."""
