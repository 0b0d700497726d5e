"""The speaking half of a checkpoint, and what its voices say: what a new voice is added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn
from transformers import Qwen2_5OmniForConditionalGeneration

from voicechat.errors import UserError
from voicechat.training import export
from voicechat.training.codec import MOST_VOICES, Codec, Labelled, label
from voicechat.training.listen import speak
from voicechat.training.speech import Utterance, read_aloud
from voicechat.training.speech_mel import pulses_in
from voicechat.training.teacher import teachers
from voicechat.training.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Speaking:
    """The speaking half of a checkpoint, to be taught.

    Attributes:
        model: The whole model, in float32.
        voices: Its `spk_dict.pt`.
        tokenizer: Its tokenizer.
        codec: The codec that lies beside it.
    """

    model: Qwen2_5OmniForConditionalGeneration
    voices: dict[str, dict[str, Any]]
    tokenizer: Tokenizer
    codec: Codec

    @property
    def dit(self) -> nn.Module:
        """The DiT."""
        return self.model.token2wav.code2wav_dit_model

    @property
    def bigvgan(self) -> nn.Module:
        """BigVGAN."""
        return self.model.token2wav.code2wav_bigvgan_model

    def index(self, name: str) -> int:
        """Number of the token of a voice."""
        token = self.voices[name]["bos_token"]
        return next(k for k in range(MOST_VOICES) if self.token(k) == token)

    def free(self) -> int:
        """Number of the first token that no voice has.

        Raises:
            UserError: All are taken.
        """
        taken = {preset["bos_token"] for preset in self.voices.values()}
        for k in range(MOST_VOICES):
            if self.token(k) not in taken:
                return k
        raise UserError(f"all {MOST_VOICES} voices are taken: {', '.join(self.voices)}")

    def token(self, k: int) -> int:
        """The token of the voice with this number."""
        return self.tokenizer.token_to_id(f"<|voice_{k}|>")


def load(checkpoint: Path) -> Speaking:
    """Loads what the stage teaches.

    Raises:
        UserError: The checkpoint was not made here, for it has no codec, or by an earlier version.
    """
    if not (checkpoint / export.EARS).exists():
        raise UserError(f"{checkpoint} has no {export.EARS}: only pocket learns new voices")
    model = Qwen2_5OmniForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    export.check_channels(model, checkpoint)
    weights = {k: v.float() for k, v in load_file(checkpoint / export.EARS).items()}
    codec = Codec(weights["0.weight"].shape[0])
    codec.encoder.load_state_dict(weights)
    return Speaking(
        model,
        torch.load(checkpoint / "spk_dict.pt", weights_only=True),
        load_tokenizer(checkpoint / "tokenizer.json"),
        codec.eval(),
    )


def save(speaking: Speaking, voices: dict[str, dict[str, Any]], out: Path) -> None:
    """Writes the copy of the checkpoint with all voices."""
    export.write(speaking.model, voices, speaking.tokenizer, out)
    export.keep_ears(speaking.codec, out)


def rehearse(speaking: Speaking, texts: Sequence[str]) -> tuple[list[Labelled], list[Utterance]]:
    """What the voices that are there say, for Talker and DiT, and its sound, for BigVGAN.

    The teacher reads for those it has; any other says itself what it remembers, a little worse.
    """
    readers, items, sounds = teachers(), [], []
    for name in speaking.voices:
        if name in readers:
            read = read_aloud(readers[name], texts, speaking.index(name))
            sounds += read
            items += label(speaking.codec, read)
        else:
            remembered = remember(speaking, name, texts)
            sounds += [sound(speaking, item) for item in remembered]
            items += remembered
    return items, sounds


def remember(speaking: Speaking, name: str, texts: Sequence[str]) -> list[Labelled]:
    """What a voice says itself: codes by the Talker, mels by the DiT."""
    k, preset = speaking.index(name), speaking.voices[name]
    items = []
    for text, spoken in zip(
        texts, speak(speaking.model.talker, speaking.tokenizer, texts, k), strict=True
    ):
        if spoken.ended and len(spoken.codes):
            mel = speaking.dit.sample(preset["cond"], preset["ref_mel"], spoken.codes[None],
                                      num_steps=4, guidance_scale=0.0)  # fmt: skip
            items.append(Labelled(k, text, mel[0].half(), spoken.codes))
    return items


@torch.no_grad()
def sound(speaking: Speaking, item: Labelled) -> Utterance:
    """What BigVGAN makes of a mel."""
    wave = speaking.bigvgan(item.mel[None].float()).flatten()
    return Utterance(item.voice, item.text, wave.half().numpy(), pulses_in(item.mel).numpy())
