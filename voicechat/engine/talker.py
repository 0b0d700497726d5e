"""The Talker: reads the Thinker's vectors and says codes, 20 ms each.

The layout is the one that the Talker was trained with: the codec's pad and bos are added to the
last two vectors before the first code. transformers 5.23 adds them only where a prompt is padded,
for `generate` drops a mask of ones and `forward` asks for it; so `tests/engine/oracle.py` pads.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

import torch
from torch import Tensor
from transformers import Qwen2_5OmniTalkerForConditionalGeneration

from voicechat.engine.decoder import Decoder
from voicechat.engine.sampling import Sampler


class Talker:
    """transformers' Talker over a living cache.

    Args:
        model: with its projection and codec head.
        text_end: `[hidden]`, the Thinker's embedding of the end of the text.
        text_pad: `[hidden]`, of what follows for ever.
        capacity: positions that captured steps may reach; 0: steps are not captured.
    """

    def __init__(
        self,
        model: Qwen2_5OmniTalkerForConditionalGeneration,
        text_end: Tensor,
        text_pad: Tensor,
        capacity: int = 0,
    ) -> None:
        self.model = model
        self.decoder = Decoder(model.model, capacity)
        self._text_end, self._text_pad = text_end, text_pad
        self.suppress = (model.codec_bos_token,)
        # What `generate` takes for said before the first code: the penalty counts it.
        self.history = (model.codec_mask_token, model.codec_pad_token, model.codec_bos_token)

    def read(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Reads vectors, `[n, embedding]` at `[3, n]`, and gives hidden states `[n, hidden]`."""
        return self.decoder.extend(self.model.thinker_to_talker_proj(vectors), positions)

    def reply(
        self,
        voice: Tensor,
        vectors: Iterator[Tensor],
        position: int,
        sampler: Sampler,
        limit: int,
        stop: tuple[int, ...],
    ) -> Iterator[int]:
        """Says the reply, one code a step.

            reads   voice + pad | vector 0 + bos | code 0 + vector 1 | code 1 + vector 2 | ...
            says                  code 0           code 1              code 2

        Args:
            voice: `[embedding]`, the Thinker's embedding of the voice's `bos_token`.
            vectors: of the reply's text, at least one; each step takes one more.
            position: the rotary position of the first thing read.
            sampler: chooses the codes.
            limit: codes at most, the closing one counted, as `max_new_tokens` does.
            stop: codes that end the reply.

        Yields:
            Codes, `stop` excluded.
        """
        vectors = chain(vectors, (self._text_end,), repeat(self._text_pad))
        pad, bos = self._codec(self.model.codec_pad_token), self._codec(self.model.codec_bos_token)
        said = torch.stack([voice + pad, next(vectors) + bos])
        for _ in range(limit):
            positions = torch.arange(position, position + len(said), device=said.device)
            hidden = self.read(said, positions.expand(3, -1))[-1]
            position += len(said)
            code = sampler(self.model.codec_head(hidden))
            if code in stop:
                return
            yield code
            said = (self._codec(code) + next(vectors))[None]

    def _codec(self, code: int) -> Tensor:
        embeddings = self.model.get_input_embeddings()
        return embeddings(torch.tensor(code, device=embeddings.weight.device))
