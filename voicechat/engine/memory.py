"""What both language models have read of the talk.

The caches always hold a beginning of some prompt. To read another prompt, everything is kept that
the two have in common, and only the rest is read:

    in the caches   system | turn 1 | reply 1 . . . | <unheard>
    to be read      system | turn 1 | reply 1 . | turn 2
                    ======== kept ============== ^ rewind, read on

So a new turn, a reply cut to what was heard, a turn taken back or forgotten, and old turns that
leave are all the same thing: another prompt.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import torch
from torch import Tensor

from voicechat.engine.prompt import Segment
from voicechat.engine.talker import Talker
from voicechat.engine.thinker import Thinker


class Memory:
    """The caches of Thinker and Talker, kept at the same place of the talk.

    Args:
        thinker: reads the prompt.
        talker: reads the Thinker's vectors of it; none if nothing will be said aloud.

    Attributes:
        position: the rotary position after what was read.
    """

    def __init__(self, thinker: Thinker, talker: Talker | None) -> None:
        self.thinker, self.talker = thinker, talker
        self.position = 0
        self._keys: list[Hashable] = []

    def __len__(self) -> int:
        return len(self._keys)

    def read(self, prompt: Sequence[Segment]) -> Tensor:
        """Makes the caches hold exactly this prompt, and reads at least its last token.

        Returns:
            `[hidden]`, the Thinker's state at the last token.
        """
        keys = [key for segment in prompt for key in segment.keys]
        known = min(_common(self._keys, keys), len(keys) - 1)
        self._rewind(known)
        tokens = torch.tensor([token for segment in prompt for token in segment.ids])
        embeds = torch.cat(list(self._embeds(prompt, known)))
        positions = _positions(prompt)
        self.position = int(positions[:, -1].max()) + 1
        positions = positions[:, known:].to(embeds.device)
        hidden, vectors = self.thinker.read(tokens[known:], embeds, positions)
        if self.talker:
            self.talker.read(vectors, positions)
        self._keys = keys
        return hidden[-1]

    def clear(self) -> None:
        """Forgets everything and gives the memory back."""
        self._rewind(0)
        self.thinker.decoder.clear()
        if self.talker:
            self.talker.decoder.clear()

    def keep(self, ids: Sequence[int], vectors: Sequence[Tensor]) -> None:
        """Counts a reply as read: the Thinker has read it; the Talker gets its text only.

        In the next prompt the reply is plain text, and its codes leave no trace.

        Args:
            ids: of the tokens that the Thinker has read.
            vectors: `[hidden]` each, what it gave for them.
        """
        assert len(ids) == len(vectors), (len(ids), len(vectors))
        self._rewind(len(self._keys), len(ids))
        if self.talker and len(vectors):
            after = torch.arange(self.position, self.position + len(vectors))
            self.talker.read(torch.stack(list(vectors)), after.expand(3, -1).to(vectors[0].device))
        self._keys += ids
        self.position += len(ids)

    def _embeds(self, prompt: Sequence[Segment], known: int) -> Iterator[Tensor]:
        """What the tokens behind the known ones look like to the Thinker."""
        for segment in prompt:
            if known < len(segment.ids):
                yield self.thinker.embed(segment)[max(known, 0) :]
            known -= len(segment.ids)

    def _rewind(self, length: int, thought: int = 0) -> None:
        """Back to `length` tokens; the Thinker's cache keeps `thought` more."""
        del self._keys[length:]
        self.thinker.decoder.rewind(length + thought)
        if self.talker:
            self.talker.decoder.rewind(length)


def _common(some: Sequence[Hashable], others: Sequence[Hashable]) -> int:
    pairs = zip(some, others, strict=False)
    differing = (index for index, (one, other) in enumerate(pairs) if one != other)
    return next(differing, min(len(some), len(others)))


def _positions(prompt: Sequence[Segment]) -> Tensor:
    """`[3, n]`; each segment begins behind the largest position of the one before it."""
    following, all_positions = 0, []
    for segment in prompt:
        positions = segment.positions
        if positions is None:
            positions = torch.arange(len(segment.ids)).expand(3, -1)
        all_positions.append(positions + following)
        following += int(positions.max()) + 1
    return torch.cat(all_positions, dim=1)
