"""Speech as Thinker vectors, block by block, while it is spoken.

The audio encoder's attention stays inside blocks of 2 s, so a finished block never changes.
Source: Qwen2.5-Omni technical report, section 2.2; `Qwen2_5OmniAudioEncoder`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import WhisperFeatureExtractor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.engine.mel import LogMel


class Hearing:
    """One turn's speech.

    Args:
        encoder: transformers' audio tower.
        extractor: the checkpoint's feature extractor.
    """

    def __init__(
        self, encoder: Qwen2_5OmniAudioEncoder, extractor: WhisperFeatureExtractor
    ) -> None:
        self.encoder = encoder
        self.mel = LogMel(extractor, 2 * encoder.n_window)

    def push(self, pcm: np.ndarray) -> list[Tensor]:
        """Takes `[samples]` int16, 16 kHz; gives the blocks finished by it, `[50, hidden]` each."""
        return [self._encode(mel) for mel in self.mel.push(pcm)]

    def rest(self) -> Tensor:
        """The unfinished block as if the turn ended here, `[tokens, hidden]`."""
        return self._encode(self.mel.rest())

    def _encode(self, mel: Tensor) -> Tensor:
        device = self.encoder.conv1.weight.device
        if mel.shape[1] < 3:  # too short for one token: two halvings, rounded up and down
            return torch.zeros(0, self.encoder.config.output_dim, device=device)
        frames = torch.tensor([mel.shape[1]], device=device)
        return self.encoder(mel.to(device), feature_lens=frames).last_hidden_state
