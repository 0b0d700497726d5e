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

from voicechat.engine.graphs import Captured


class Vocoder:
    """BigVGAN, and how many frames of context it gets.

    Args:
        model: transformers' BigVGAN in float32.
        context: mel frames on either side.
        graphs: capture the network where there is CUDA.
    """

    def __init__(
        self, model: Qwen2_5OmniToken2WavBigVGANModel, context: int, graphs: bool = True
    ) -> None:
        self.model, self.context = model, context
        self.hop = math.prod(model.config.upsample_rates)
        self._network = Captured(self.network, enabled=graphs)

    @torch.inference_mode()
    def __call__(self, mel: Tensor) -> Tensor:
        """`[frames, mel_dim]` -> `[hop * frames]` float32 in [-1, 1]."""
        return self._network(self.model.process_mel_spectrogram(mel.T[None]))

    def network(self, spectrogram: Tensor) -> Tensor:
        """`Qwen2_5OmniToken2WavBigVGANModel.forward` without its way to the CPU."""
        model, blocks = self.model, self.model.num_residual_blocks
        hidden = model.conv_pre(spectrogram)
        for number, (upsample,) in enumerate(model.ups):
            hidden = upsample(hidden)
            parallel = model.resblocks[number * blocks : (number + 1) * blocks]
            hidden = sum(block(hidden) for block in parallel) / blocks
        hidden = model.conv_post(model.activation_post(hidden))
        return hidden.clamp(-1, 1).flatten()


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
            return mel.new_zeros(0)
        hop = self.vocoder.hop
        samples = self.vocoder(self._mel)[self._before * hop : end * hop]
        kept = min(end, self.vocoder.context)
        self._mel, self._before = self._mel[end - kept :], kept
        return samples
