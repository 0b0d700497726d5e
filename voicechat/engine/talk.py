"""The talk as it stands, from which every prompt is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from voicechat.engine.hearing import Hearing
from voicechat.engine.prompt import ChatML, Segment


class Speech:
    """The user's speech in one turn.

    Args:
        chat: writes segments.
        hearing: of this turn.
    """

    def __init__(self, chat: ChatML, hearing: Hearing) -> None:
        self._hearing, self._audio = hearing, chat.token("<|AUDIO|>")
        self._begin, self._end = chat.special("<|audio_bos|>"), chat.special("<|audio_eos|>")
        self._finished: list[Segment] = []
        self._rest: list[Segment] | None = None

    def hear(self, pcm: np.ndarray) -> bool:
        """Takes `[samples]` int16, 16 kHz; says whether that finished a block."""
        blocks = self._hearing.push(pcm)
        self._finished += self._segments(blocks)
        self._rest = None
        return bool(blocks)

    def so_far(self) -> list[Segment]:
        """What will not change any more while the user speaks on."""
        return [self._begin, *self._finished]

    def whole(self) -> list[Segment]:
        """The speech as if it ended here."""
        if self._rest is None:
            self._rest = self._segments([self._hearing.rest()])
        return [self._begin, *self._finished, *self._rest, self._end]

    def _segments(self, blocks: list[Tensor]) -> list[Segment]:
        return [Segment((self._audio,) * len(block), block) for block in blocks if len(block)]


@dataclass
class Turn:
    """One turn of the user and its reply.

    Attributes:
        parts: texts, media and the speech, in the order of their arrival.
        reply: what was answered, as far as it was heard; none while there is no answer.
    """

    parts: list[str | Segment | Speech] = field(default_factory=list)
    reply: str | None = None

    @property
    def speech(self) -> Speech | None:
        """What the user said in this turn."""
        return next((part for part in self.parts if isinstance(part, Speech)), None)

    def so_far(self) -> Iterator[str | Segment]:
        """The parts up to where the speech still grows."""
        for part in self.parts:
            if isinstance(part, Speech):
                yield from part.so_far()
                return
            yield part

    def whole(self) -> Iterator[str | Segment]:
        """The parts as if the turn ended here."""
        for part in self.parts:
            if isinstance(part, Speech):
                yield from part.whole()
            else:
                yield part


class Talk:
    """The system prompt and the turns that are still remembered.

    Attributes:
        turns: by number, oldest first.
    """

    def __init__(self, chat: ChatML, system: str) -> None:
        self._chat, self._system = chat, system
        self.turns: dict[int, Turn] = {}

    def system(self) -> list[Segment]:
        """How every prompt begins."""
        return self._chat.message("system", [self._system])

    def prompt(self, last: int) -> list[Segment]:
        """What `generate` would be given to answer turn `last`."""
        user = self._chat.message("user", self.turns[last].whole())
        return [*self._before(last), *user, *self._chat.opening("assistant")]

    def beginning(self, last: int) -> list[Segment]:
        """What of that prompt is settled while turn `last` is still spoken."""
        return [*self._before(last), *self._chat.opening("user", self.turns[last].so_far())]

    def forget_oldest(self, last: int) -> bool:
        """Drops the oldest turn, unless that is `last`; says whether it did."""
        oldest = next(iter(self.turns))
        if oldest == last:
            return False
        del self.turns[oldest]
        return True

    def _before(self, last: int) -> Iterator[Segment]:
        yield from self.system()
        for number, turn in self.turns.items():
            if number == last:
                return
            yield from self._chat.message("user", turn.whole())
            if turn.reply is not None:
                yield from self._chat.message("assistant", [turn.reply])
