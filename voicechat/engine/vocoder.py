"""mel -> samples: token2wav's BigVGAN as a stream.

A sample depends on mel frames some way to both sides, ever less with the distance. So each call
also gets `context` frames before and after the ones whose samples it emits, and every sample is
emitted once, without a cross-fade:

    mel      ....[context][ emitted now ][context]....
    samples               [-------------]

At the two ends of a reply the edge is BigVGAN's own, exact.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniToken2WavBigVGANModel,
)


class Vocoder:
    """BigVGAN, and how many frames of context it gets.

    Args:
        model: transformers' BigVGAN in float32.
        context: mel frames on either side.
    """

    def __init__(self, model: Qwen2_5OmniToken2WavBigVGANModel, context: int) -> None:
        self.model, self.context = model, context
        self.hop = math.prod(model.config.upsample_rates)

    @torch.inference_mode()
    def __call__(self, mel: Tensor) -> Tensor:
        """`[frames, mel_dim]` -> `[hop * frames]` float32 in [-1, 1], on the CPU."""
        return self.model(mel.T[None])


class WaveStream:
    """One reply on its way from mel to samples."""

    def __init__(self, vocoder: Vocoder) -> None:
        self.vocoder = vocoder
        self._mel: Tensor | None = None  # from `context` before the next frame to emit
        self._before = 0  # how many frames of it were emitted already

    def push(self, mel: Tensor, final: bool) -> Tensor:
        """Takes mel frames and gives the samples that have their context by now.

        Args:
            mel: `[frames, mel_dim]`, cut anywhere.
            final: there will be no more.

        Returns:
            `[samples]` float32, 240 a frame in the end.
        """
        self._mel = mel if self._mel is None else torch.cat([self._mel, mel])
        held = 0 if final else self.vocoder.context
        end = len(self._mel) - held
        if end <= self._before:
            return torch.zeros(0)
        hop = self.vocoder.hop
        samples = self.vocoder(self._mel)[self._before * hop : end * hop]
        kept = min(end, self.vocoder.context)
        self._mel, self._before = self._mel[end - kept :], kept
        return samples
