"""BigVGAN, transformers' own, trained to speak the mel spectrograms of the voices.

Four STFT resolutions, the mel and the wave itself are its only judges; an adversary would sharpen
it further. As it is told where the pulses stand, the wave can be asked for, and only so it learns
soon what that means: within 600 steps the pitch was off by 24 and 29 cents (the voices' medians),
by the spectra alone by 101 and 145.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniBigVGANConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniToken2WavBigVGANModel,
)

from voicechat.clock import SPEAKER_HOP
from voicechat.training.checks import check
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.speech import Utterance, balanced, load_presets
from voicechat.training.speech_mel import CHANNELS, MELS, log_mel, with_pulses

RESOLUTIONS = ((1024, 240), (512, 120), (256, 60), (128, 30))  # (n_fft, hop) of the loss
MARGIN_FRAMES = 2  # the mel's window reaches this far beyond a crop
PULSES_OFF = 0.15  # standard deviation of what is added to the pulses


@dataclass(frozen=True)
class VocoderConfig:
    """Settings of the stage `vocoder`.

    Attributes:
        channels: Width after the first convolution.
        steps: Training steps.
        batch: Crops a step.
        crop_frames: Frames of a crop.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        compile: Compile the network (1.7 times as fast on a CPU, after a minute).
        checkpoint_every: Steps between checkpoints.
        seed: Of everything drawn.
    """

    channels: int = 256
    steps: int = 3000
    batch: int = 8
    crop_frames: int = 40
    lr: float = 1.5e-3
    warmup: int = 100
    compile: bool = True
    checkpoint_every: int = 200
    seed: int = 3

    def __post_init__(self) -> None:
        check(self, channels=64, batch=1, crop_frames=1, checkpoint_every=1)


def build_bigvgan(channels: int = 256) -> Qwen2_5OmniToken2WavBigVGANModel:
    """A small BigVGAN of hop 240; its early, cheap rates are odd, so that the last ones are 2."""
    config = Qwen2_5OmniBigVGANConfig(
        mel_dim=CHANNELS,
        upsample_initial_channel=channels,
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3, 5]],
        upsample_rates=[5, 3, 2, 2, 2, 2],
        upsample_kernel_sizes=[11, 7, 4, 4, 4, 4],
    )
    return Qwen2_5OmniToken2WavBigVGANModel(config)


def crop(said: Utterance, frames: int, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
    """A random piece of `frames` frames, at some level, and where its pulses stand.

    The piece has the mel's margin on both sides, the pulses [3, frames] have none. It begins on a
    frame, as all speech does that BigVGAN will be asked for.
    """
    margin = MARGIN_FRAMES * SPEAKER_HOP
    padded = np.pad(said.pcm.astype(np.float32), (margin, margin + frames * SPEAKER_HOP))
    start = rng.randint(0, max(0, len(said.pcm) // SPEAKER_HOP - frames))
    piece = padded[start * SPEAKER_HOP :][: frames * SPEAKER_HOP + 2 * margin]
    pulses = np.pad(said.pulses.astype(np.float32), ((0, 0), (0, frames)))[:, start:][:, :frames]
    return torch.from_numpy(piece) * rng.uniform(0.7, 1.2), torch.from_numpy(pulses)


def draw(
    utterances: Sequence[Utterance], batch: int, frames: int, rng: random.Random
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws pieces of utterances: mel and pulses [batch, 83, frames], wave [batch, 240 frames]."""
    drawn = [crop(u, frames, rng) for u in rng.choices(utterances, k=batch)]
    pieces, pulses = (torch.stack(part) for part in zip(*drawn, strict=True))
    margin = MARGIN_FRAMES * SPEAKER_HOP
    mel = log_mel(pieces)[:, :, MARGIN_FRAMES:-MARGIN_FRAMES]
    return with_pulses(mel, pulses), pieces[:, margin:-margin]


def roughly(mel: torch.Tensor) -> torch.Tensor:
    """[batch, 83, frames] with pulses that are a little off, as a DiT says them."""
    noise = PULSES_OFF * torch.randn_like(mel[:, MELS:])
    return torch.cat([mel[:, :MELS], mel[:, MELS:] + noise], dim=1)


def losses(spoken: torch.Tensor, wave: torch.Tensor) -> dict[str, torch.Tensor]:
    """Distance of two [batch, samples]: convergence and log magnitudes of spectra, mel and wave."""
    loss = torch.zeros(())
    for n_fft, hop in RESOLUTIONS:
        a, b = _magnitude(spoken, n_fft, hop), _magnitude(wave, n_fft, hop)
        loss = loss + (a.log() - b.log()).abs().mean() + (a - b).norm() / b.norm()
    mel = (log_mel(spoken) - log_mel(wave)).abs().mean()
    apart = (spoken - wave).abs().mean() / wave.abs().mean()
    return {"loss": loss / len(RESOLUTIONS) + mel + apart, "mel": mel, "wave": apart}


def _magnitude(wave: torch.Tensor, n_fft: int, hop: int) -> torch.Tensor:
    window = torch.hann_window(n_fft, device=wave.device)
    return torch.stft(wave, n_fft, hop, window=window, return_complex=True).abs().clamp_min(1e-5)


def run(config: VocoderConfig, workdir: Path) -> None:
    """The stage `vocoder`."""
    train(config, workdir, balanced(load_presets(workdir)))


def train(config: VocoderConfig, workdir: Path, utterances: list[Utterance]) -> dict[str, float]:
    """Trains BigVGAN on utterances of all voices; returns the last losses."""
    torch.manual_seed(config.seed)
    bigvgan = build_bigvgan(config.channels)
    optimizer = torch.optim.AdamW(bigvgan.parameters(), betas=(0.8, 0.98), weight_decay=0.0)
    schedule = Schedule(config.steps, config.lr, config.warmup)
    trainer = Trainer("vocoder", workdir, {"bigvgan": bigvgan}, optimizer, schedule, config.seed,
                      checkpoint_every=config.checkpoint_every, ema=0.998, clip=5.0)  # fmt: skip
    speak: nn.Module = torch.compile(bigvgan) if config.compile else bigvgan

    def drawn(number: int, rng: random.Random) -> tuple[torch.Tensor, torch.Tensor]:
        return draw(utterances, config.batch, config.crop_frames, rng)

    def step(pieces: tuple[torch.Tensor, torch.Tensor]) -> dict[str, torch.Tensor]:
        mel, wave = (piece.to(trainer.device) for piece in pieces)
        return losses(speak(roughly(mel)), wave)

    return trainer.run(drawn, step)


def load_bigvgan(workdir: Path) -> Qwen2_5OmniToken2WavBigVGANModel:
    """The trained BigVGAN, frozen."""
    weights = trained(workdir, "vocoder")["bigvgan"]
    bigvgan = build_bigvgan(weights["conv_pre.weight"].shape[0])
    bigvgan.load_state_dict(weights)
    return bigvgan.eval().requires_grad_(False)
