"""The audio encoder with what it learns from: CTC on letters and on the Thinker's tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.training.bank import Clip
from voicechat.training.hearing import TokenCtc, ctc_loss, embedding_table, encode
from voicechat.training.rows import Scribe
from voicechat.training.speech import CHARACTERS

LETTERS_WEIGHT = 0.3
NEW_LR = 8.0  # new layers learn this much faster than Whisper's


class Ears:
    """The audio encoder with its two CTC losses.

    Args:
        encoder: the network.
        scribe: whose tokens it is to hear.
    """

    def __init__(self, encoder: Qwen2_5OmniAudioEncoder, scribe: Scribe) -> None:
        size = scribe.tokenizer.get_vocab_size()
        self.encoder, self.scribe = encoder, scribe
        self.letters = nn.Linear(encoder.config.d_model, len(CHARACTERS) + 1)
        self.tokens = TokenCtc(embedding_table(size, encoder.config.output_dim), scribe.audio)

    def hear(self, mels: Sequence[torch.Tensor]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """What the Thinker reads and what the letters are read from (`hearing.encode`)."""
        return encode(self.encoder, mels)

    def losses(
        self, heard: tuple[list[torch.Tensor], list[torch.Tensor]], clips: Sequence[Clip]
    ) -> dict[str, torch.Tensor]:
        """CTC of both, on what was said."""
        letters = ctc_loss(self.letters, heard[1], [clip.text for clip in clips])
        token = self.token_loss(heard[0], clips)
        return {"loss": token + LETTERS_WEIGHT * letters, "letters": letters, "token": token}

    def token_loss(self, heard: Sequence[torch.Tensor], clips: Sequence[Clip]) -> torch.Tensor:
        """CTC of the tokens alone, which needs no head of its own."""
        return self.tokens(heard, [self.scribe.ids(clip.text) for clip in clips])

    def modules(self) -> dict[str, nn.Module]:
        """What a checkpoint of the encoder's own stage holds."""
        return {"encoder": self.encoder, "ctc": self.letters}

    def groups(self, scale: float) -> list[dict[str, object]]:
        """What is trained of Whisper and what is new, with factors on their learning rates."""
        heads = (*self.letters.parameters(), *self.encoder.proj.parameters())
        new = [p for p in heads if p.requires_grad]
        old = [
            p for n, p in self.encoder.named_parameters()
            if p.requires_grad and not n.startswith(("proj", "audio_bos"))
        ]  # fmt: skip
        return [{"params": old, "lr_scale": scale}, {"params": new, "lr_scale": scale * NEW_LR}]
