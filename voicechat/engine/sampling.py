"""The next token, as transformers' `generate` would choose it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from voicechat.config import SamplingSettings


class Sampler:
    """Chooses the tokens of one reply and remembers them, for the repetition penalty.

    Args:
        settings: in transformers' terms.
        generator: of the draws, on the logits' device.
        history: the tokens before the reply, which the penalty counts as said.
        suppress: tokens that never come.
    """

    def __init__(
        self,
        settings: SamplingSettings,
        generator: torch.Generator,
        history: Sequence[int],
        suppress: Sequence[int] = (),
    ) -> None:
        self._settings, self._generator = settings, generator
        device = generator.device
        self._processors = processors(settings, suppress, device)
        self._tokens = torch.zeros(
            1, len(history) + settings.max_new_tokens, dtype=torch.long, device=device
        )
        self._tokens[0, : len(history)] = torch.tensor(history)
        self._length = len(history)

    def __call__(self, logits: Tensor, forbid: Sequence[int] = ()) -> int:
        """Chooses from `[vocabulary]` logits, never one of `forbid`."""
        scores = logits.to(torch.float32, copy=True)[None]
        if forbid:  # before top-k and top-p, which might leave nothing else to draw
            scores[:, list(forbid)] = -torch.inf
        scores = self._processors(self._tokens[:, : self._length], scores)
        token = self._choose(scores)
        self._tokens[0, self._length] = token
        self._length += 1
        return int(token)

    def _choose(self, scores: Tensor) -> Tensor:
        if not self._settings.do_sample:
            return scores[0].argmax()
        weights = scores.softmax(-1)
        return torch.multinomial(weights, 1, generator=self._generator)[0, 0]


def processors(
    settings: SamplingSettings, suppress: Sequence[int], device: torch.device
) -> LogitsProcessorList:
    """transformers' own processors, in the order of `GenerationMixin._get_logits_processor`."""
    chosen = LogitsProcessorList()
    if settings.repetition_penalty != 1.0:
        chosen.append(RepetitionPenaltyLogitsProcessor(settings.repetition_penalty))
    if suppress:
        chosen.append(SuppressTokensLogitsProcessor(list(suppress), device=device))
    if not settings.do_sample:
        return chosen
    if settings.temperature != 1.0:
        chosen.append(TemperatureLogitsWarper(settings.temperature))
    if settings.top_k:
        chosen.append(TopKLogitsWarper(settings.top_k))
    if settings.top_p < 1.0:
        chosen.append(TopPLogitsWarper(settings.top_p))
    return chosen
