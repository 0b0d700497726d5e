"""One answer as it arrives from the engine."""

from __future__ import annotations

from dataclasses import dataclass

from voicechat.clock import TICKS_PER_S
from voicechat.events import Latency, ReplyChunk


@dataclass
class Answer:
    """What is known of the answer to a turn.

    Attributes:
        turn: whose answer it is.
        certain: it was asked for after the turn had been committed.
        text: as far as it was decoded.
        complete: how likely the turn was finished; None while nobody has judged.
        final: the engine has made all of it.
        last_voiced_n: the tick of the user's last voiced frame.
        end_n: the tick at which the turn was committed; None until then.
        sound_n: the tick at which its first sound was there; None until then.
        started: its first sample was handed to the DAC.
    """

    turn: int
    certain: bool
    last_voiced_n: int
    text: str = ""
    complete: float | None = None
    final: bool = False
    end_n: int | None = None
    sound_n: int | None = None
    started: bool = False

    def take(self, chunk: ReplyChunk, n: int) -> None:
        """Adds a chunk that arrived at tick `n`."""
        assert chunk.turn == self.turn, f"turn {chunk.turn} answered while {self.turn} was asked"
        self.text += chunk.text
        self.final |= chunk.final
        if chunk.complete is not None:
            self.complete = chunk.complete
        if len(chunk.pcm) and self.sound_n is None:
            self.sound_n = n
        if self.refused:
            self.complete = 0.0

    @property
    def empty(self) -> bool:
        """The engine has ended without a word or a sound."""
        return self.final and not self.text and self.sound_n is None

    @property
    def refused(self) -> bool:
        """An uncertain answer that is empty: the engine takes the turn for unfinished."""
        return self.empty and not self.certain

    def latency(self, n: int) -> Latency:
        """The parts of the gap, if the first sample was handed out at tick `n`."""
        assert self.end_n is not None and self.sound_n is not None, self
        ready = max(self.end_n, self.sound_n)
        return Latency(
            silence_s=(self.end_n - self.last_voiced_n) / TICKS_PER_S,
            engine_s=(ready - self.end_n) / TICKS_PER_S,
            start_s=(n - ready) / TICKS_PER_S,
        )
