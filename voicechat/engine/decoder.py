"""What Thinker and Talker have in common: transformers' decoder layers over a living cache."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.masking_utils import create_causal_mask

from voicechat.engine.cache import KeyValues
from voicechat.engine.graphs import Captured

_SPAN = 1024  # positions read at once: bounds the mask of a long prompt
_WINDOW = 512  # the least that a captured step attends to; then twice as much, and so on


class Decoder:
    """Reads vectors into its cache and gives the hidden states.

    The loop over the layers is that of `Qwen2_5OmniThinkerTextModel.forward`, without the masks
    that a single step does not need.

    Args:
        model: `Qwen2_5OmniThinkerTextModel` or `Qwen2_5OmniTalkerModel`.
        capacity: positions that captured steps may reach; 0: steps are not captured.
    """

    def __init__(self, model: nn.Module, capacity: int = 0) -> None:
        assert not model.has_sliding_layers, "sliding window attention cannot be rewound"
        self.model = model
        self.capacity = _window(capacity) if capacity else 0
        if capacity:
            _fuse_norms(model)
        self.clear()

    @property
    def length(self) -> int:
        """Positions read so far."""
        return self.cache.length

    def rewind(self, length: int) -> None:
        """Forgets everything from position `length` on."""
        self.cache.rewind(length)

    def clear(self) -> None:
        """Forgets everything and gives the memory back, captured steps too: they point into it."""
        layers = len(self.model.layers)
        self.cache = KeyValues(layers, self.capacity) if self.capacity else KeyValues(layers)
        self._captured = Captured(self._fixed)

    def warm_up(self) -> None:
        """Captures a step for every window that the talk may come to need."""
        assert self.length == 0, self.length
        weight = self.model.norm.weight
        embeds = torch.zeros(2, len(weight), dtype=weight.dtype, device=weight.device)
        positions = torch.zeros(3, 2, dtype=torch.long, device=weight.device)
        self.extend(embeds, positions)  # makes the buffers
        self.rewind(0)
        window, slot = _WINDOW, torch.zeros(1, dtype=torch.long, device=weight.device)
        while window <= self.capacity:
            self._captured(window, embeds[:1], positions[:, :1], slot)
            window *= 2

    def extend(self, embeds: Tensor, positions: Tensor) -> Tensor:
        """Reads on.

        Args:
            embeds: `[n, hidden]`.
            positions: `[3, n]` int64: the rotary positions in time, height and width.

        Returns:
            `[n, hidden]`, after the final norm.
        """
        # A cache that had to grow lives elsewhere than the captured steps believe.
        if len(embeds) == 1 and self.length < self.capacity == self.cache.capacity:
            return self._step(embeds, positions)
        spans = zip(embeds.split(_SPAN), positions.split(_SPAN, dim=1), strict=True)
        return torch.cat([self._read(*span) for span in spans])

    def _read(self, embeds: Tensor, positions: Tensor) -> Tensor:
        if len(embeds) == 1:
            return self._layers(embeds, positions, None)  # a step sees all that is there
        mask = create_causal_mask(self.model.config, embeds[None], None, self.cache)
        return self._layers(embeds, positions, mask)

    def _step(self, embeds: Tensor, positions: Tensor) -> Tensor:
        slot = torch.tensor([self.length], device=embeds.device)
        hidden = self._captured(_window(self.length + 1), embeds, positions, slot)
        self.cache.advance()
        return hidden

    def _fixed(self, window: int, embeds: Tensor, positions: Tensor, slot: Tensor) -> Tensor:
        unwritten = torch.arange(window, device=embeds.device) > slot
        mask = embeds.new_zeros(1, 1, 1, window).masked_fill(unwritten, -torch.inf)
        with self.cache.at(slot, window):
            return self._layers(embeds, positions, mask)

    def _layers(self, embeds: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        hidden = embeds[None]
        rotary = self.model.rotary_emb(hidden, positions[:, None])
        for layer in self.model.layers:
            hidden = layer(
                hidden,
                attention_mask=mask,
                position_embeddings=rotary,
                past_key_values=self.cache,
            )
        return self.model.norm(hidden)[0]


def _fuse_norms(model: nn.Module) -> None:
    """Makes one kernel of the eight of each norm: a captured step takes as long as it has kernels.

    A layer has 51 of them, and 16 of these are its two norms'.
    """
    for module in model.modules():
        if isinstance(module, type(model.norm)):
            shape, eps = module.weight.shape, module.variance_epsilon
            module.forward = partial(
                F.rms_norm, normalized_shape=shape, weight=module.weight, eps=eps
            )


def _window(length: int) -> int:
    window = _WINDOW
    while window < length:
        window *= 2
    return window
