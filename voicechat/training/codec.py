"""The codec that names pocket's speech: 50 codes a second, 1000 different ones.

It labels the training data of Talker and DiT and is kept, because it makes new voices possible;
the checkpoint itself ships without it. Finite scalar quantisation (Mentzer et al. 2023, section 3)
needs no codebook that could collapse. A CTC loss on the letters keeps the words in the codes; the
decoder is told the voice, so that the codes need not carry it, and all is read on one tone, so that
they need not carry the melody.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from voicechat.errors import UserError
from voicechat.training.checks import check
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.speech import (
    CHARACTERS,
    Buckets,
    Utterance,
    balanced,
    load_presets,
    pad_mels,
    spelled,
)
from voicechat.training.speech_mel import SILENCE

LEVELS = (8, 5, 5, 5)
CODES = 1000
MOST_VOICES = 8


@dataclass(frozen=True)
class CodecConfig:
    """Settings of the stage `codec`.

    Attributes:
        channels: Width of the convolutions.
        steps: Training steps.
        batch: Utterances a step.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        ctc: Weight of the letters' loss.
        checkpoint_every: Steps between checkpoints.
        seed: Of everything drawn.
    """

    channels: int = 192
    steps: int = 1500
    batch: int = 12
    lr: float = 1e-3
    warmup: int = 100
    ctc: float = 0.15
    checkpoint_every: int = 250
    seed: int = 1

    def __post_init__(self) -> None:
        check(self, channels=1, batch=1, checkpoint_every=1)


class FiniteScalarQuantizer(nn.Module):
    """Rounds each of four bounded numbers to one of its levels; gradients pass straight through."""

    def __init__(self) -> None:
        super().__init__()
        levels = torch.tensor(LEVELS)
        basis = torch.cumprod(torch.tensor((1, *LEVELS[:-1])), 0)
        self.register_buffer("levels", levels, persistent=False)
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantises [..., 4] to values in [-1, 1] of the same shape and indices [...]."""
        half = (self.levels - 1) * (1 + 1e-3) / 2
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)  # an even count has no middle
        bounded = torch.tanh(z + torch.atanh(offset / half)) * half - offset
        rounded = bounded + (bounded.round() - bounded).detach()
        indices = ((bounded.round().long() + self.levels // 2) * self.basis).sum(-1)
        return rounded / (self.levels // 2), indices

    def values(self, indices: torch.Tensor) -> torch.Tensor:
        """The values [..., 4] that indices [...] stand for."""
        digits = indices.unsqueeze(-1) // self.basis % self.levels
        return (digits - self.levels // 2) / (self.levels // 2)


def code_vectors(width: int) -> torch.Tensor:
    """A start for embeddings of the codes, [1000, width], of variance 1: near codes are alike.

    Each digit of a code brings a vector that depends linearly on its level and one of its own.
    """
    generator = torch.Generator().manual_seed(13)
    values = FiniteScalarQuantizer().values(torch.arange(CODES))
    vectors = torch.zeros(CODES, width)
    for digit, levels in zip(values.T, LEVELS, strict=True):
        slope = torch.randn(width, generator=generator)
        own = torch.randn(levels, width, generator=generator)
        vectors += digit[:, None] * slope + 0.6 * own[torch.unique(digit, return_inverse=True)[1]]
    return vectors / vectors.std()


class _Residual(nn.Module):
    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.wide = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.point = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.point(F.gelu(self.wide(self.norm(x))))


class Codec(nn.Module):
    """Mel at 100 frames a second to codes at 50 and back."""

    def __init__(self, channels: int = 192) -> None:
        super().__init__()
        c = channels
        self.quantizer = FiniteScalarQuantizer()
        self.encoder = nn.Sequential(
            nn.Conv1d(80, c, 5, padding=2), nn.GELU(),
            nn.Conv1d(c, c, 4, stride=2, padding=1), nn.GELU(),
            _Residual(c), _Residual(c, 2), _Residual(c, 4), nn.Conv1d(c, len(LEVELS), 1),
        )  # fmt: skip
        self.letters = nn.Sequential(
            nn.Conv1d(len(LEVELS), c, 3, padding=1), _Residual(c), _Residual(c, 2),
            nn.Conv1d(c, len(CHARACTERS) + 1, 1),
        )  # fmt: skip
        self.voice = nn.Embedding(MOST_VOICES, c)
        self.enter = nn.Conv1d(len(LEVELS), c, 3, padding=1)
        self.decoder = nn.Sequential(
            _Residual(c), _Residual(c, 2), _Residual(c, 4),
            nn.ConvTranspose1d(c, c, 4, stride=2, padding=1), nn.GELU(),
            _Residual(c), _Residual(c, 2), nn.GroupNorm(1, c), nn.Conv1d(c, 80, 3, padding=1),
        )  # fmt: skip

    def quantize(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values [batch, codes, 4] and indices [batch, codes] of a mel [batch, 80, 2 codes]."""
        return self.quantizer(self.encoder((mel + 6) / 3).transpose(1, 2).float())

    def decode(self, values: torch.Tensor, voice: torch.Tensor) -> torch.Tensor:
        """Returns the mel [batch, 80, 2 codes] of values [batch, codes, 4] in voices [batch]."""
        hidden = self.enter(values.transpose(1, 2)) + self.voice(voice).unsqueeze(-1)
        return self.decoder(hidden) * 3 - 6

    @torch.no_grad()
    def codes(self, mel: torch.Tensor) -> torch.Tensor:
        """Codes [codes] in 1..1000 of one mel [80, 2 codes]; 0 is the DiT's null code."""
        return self.quantize(mel[None])[1][0] + 1


def losses(codec: Codec, batch: list[Utterance], ctc_weight: float) -> dict[str, torch.Tensor]:
    """The codec's loss on some utterances: L1 + 0.2 L2 of the mel, CTC of the letters."""
    device = codec.voice.weight.device
    mel, frames = (part.to(device) for part in pad_mels([u.flat_mel() for u in batch]))
    values, _ = codec.quantize(mel)
    again = codec.decode(values, torch.tensor([u.voice for u in batch], device=device)).float()
    mask = (torch.arange(mel.shape[2], device=device) < frames[:, None])[:, None]
    error = (again - mel)[mask.expand_as(mel)]
    targets = [spelled(u.text) for u in batch]
    log_probs = codec.letters(values.transpose(1, 2)).float().log_softmax(1).permute(2, 0, 1)
    sizes = torch.tensor([len(t) for t in targets])
    ctc = F.ctc_loss(
        log_probs, torch.cat(targets).to(device), frames // 2, sizes, zero_infinity=True
    )
    l1 = error.abs().mean()
    return {"loss": l1 + 0.2 * error.square().mean() + ctc_weight * ctc, "l1": l1, "ctc": ctc}


def run(config: CodecConfig, workdir: Path) -> None:
    """The stage `codec`."""
    train(config, workdir, balanced(load_presets(workdir)))


def train(config: CodecConfig, workdir: Path, utterances: list[Utterance]) -> dict[str, float]:
    """Trains the codec on utterances of all voices; returns the last losses.

    An encoder that was unpacked stays as it is, so that the codes keep their meaning for the
    networks that know them: only what reads codes is trained.
    """
    torch.manual_seed(config.seed)
    codec = Codec(config.channels)
    codec.encoder.requires_grad_(not (workdir / "codec" / "start.pt").exists())
    learned = [p for p in codec.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, betas=(0.9, 0.98))
    schedule = Schedule(config.steps, config.lr, config.warmup)
    trainer = Trainer("codec", workdir, {"codec": codec}, optimizer, schedule, config.seed,
                      checkpoint_every=config.checkpoint_every, bf16=True)  # fmt: skip
    buckets = Buckets([len(u.pcm) for u in utterances])

    def draw(number: int, rng: random.Random) -> list[Utterance]:
        return [utterances[i] for i in buckets.draw(config.batch, rng)]

    return trainer.run(draw, lambda batch: losses(codec, batch, config.ctc))


@dataclass(frozen=True)
class Labelled:
    """An utterance as DiT and Talker learn it.

    Attributes:
        voice: Index of the voice.
        text: Its words.
        mel: With its pulses, [83, 2 codes] float16.
        codes: [codes] int64 in 1..1000.
        places: [codes] int64, the place in the text that each code says, where it is known.
    """

    voice: int
    text: str
    mel: torch.Tensor
    codes: torch.Tensor
    places: torch.Tensor | None = None


def label(codec: Codec, utterances: list[Utterance]) -> list[Labelled]:
    """Names every 20 ms of the utterances."""
    return [
        Labelled(u.voice, u.text, u.with_pulses().half(), codec.codes(u.flat_mel()))
        for u in utterances
    ]


def silence_code(codec: Codec) -> int:
    """The code of digital silence: pauses between sentences are made of it."""
    return int(codec.codes(torch.full((80, 40), SILENCE))[10])


def load_codec(workdir: Path) -> Codec:
    """The trained codec, frozen.

    Raises:
        UserError: It was unpacked, and an exported checkpoint keeps only the codec's encoder.
    """
    weights = trained(workdir, "codec")["codec"]
    if "voice.weight" not in weights:
        raise UserError("the codec needs its decoder: run 'train codec' first")
    codec = Codec(weights["voice.weight"].shape[1])
    codec.load_state_dict(weights)
    return codec.eval().requires_grad_(False)
