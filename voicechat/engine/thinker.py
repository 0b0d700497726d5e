"""The Thinker: reads the prompt, thinks the reply's text, and hands its vectors to the Talker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from transformers import Qwen2_5OmniThinkerForConditionalGeneration

from voicechat.engine.decoder import Decoder
from voicechat.engine.prompt import Segment
from voicechat.engine.sampling import Sampler


class Thinker:
    """transformers' Thinker over a living cache.

    Args:
        model: with its audio and vision towers.
        eos: the tokens that end a reply.
        capacity: positions that captured steps may reach; 0: steps are not captured.
    """

    def __init__(
        self,
        model: Qwen2_5OmniThinkerForConditionalGeneration,
        eos: Sequence[int],
        capacity: int = 0,
    ) -> None:
        self.model, self.eos = model, tuple(eos)
        self.decoder = Decoder(model.model.language_model, capacity)
        config = model.config
        self._media = torch.tensor(
            [config.audio_token_id, config.image_token_id, config.video_token_id]
        )

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.model.lm_head.weight.device

    def look_up(self, ids: Sequence[int]) -> Tensor:
        """The table's rows, `[n, hidden]`."""
        return self.model.get_input_embeddings()(torch.tensor(ids, device=self.device))

    def embed(self, segment: Segment) -> Tensor:
        """What a segment looks like to the language model, `[n, hidden]`."""
        return self.look_up(segment.ids) if segment.embeds is None else segment.embeds

    def read(self, tokens: Tensor, embeds: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Reads on.

        Args:
            tokens: `[n]`.
            embeds: `[n, hidden]`, theirs or what stands in for them.
            positions: `[3, n]`.

        Returns:
            The hidden states and the Talker's vectors, `[n, hidden]` each. A vector is hidden
            state + embedding, and the embedding counts as zero where media stand
            (`Qwen2_5OmniForConditionalGeneration.generate`, part 2).
        """
        hidden = self.decoder.extend(embeds, positions)
        media = torch.isin(tokens, self._media).to(embeds.device)
        return hidden, hidden + embeds.masked_fill(media[:, None], 0)

    def logits(self, hidden: Tensor) -> Tensor:
        """`[hidden]` -> `[vocabulary]`."""
        return self.model.lm_head(hidden)

    def reply(
        self, hidden: Tensor, position: int, sampler: Sampler, limit: int, empty: bool
    ) -> Iterator[tuple[int, Tensor | None]]:
        """Thinks the reply, one token a step.

        Args:
            hidden: `[hidden]`, of the prompt's last token.
            position: the rotary position of the reply's first token.
            sampler: chooses the tokens.
            limit: tokens at most, the closing one counted, as `max_new_tokens` does.
            empty: the reply may be empty.

        Yields:
            Each token and its vector for the Talker, `[hidden]`. The last token before the limit
            has none, since `generate` never reads it.
        """
        token = sampler(self.logits(hidden), () if empty else self.eos)
        for step in range(limit):
            if token in self.eos:
                return
            if step == limit - 1:
                yield token, None
                return
            embeds = self.look_up([token])
            where = torch.full((3, 1), position + step, device=self.device)
            hidden = self.decoder.extend(embeds, where)[0]
            yield token, hidden + embeds[0]
            token = sampler(self.logits(hidden))
