"""The DiT of token2wav, transformers' own: from codes and a voice to the mel, by flow matching.

The network learns the velocity x1 - x0 on straight lines from noise x0 to the mel x1 (Lipman et al.
2022; F5-TTS, Chen et al. 2024, trains the same family), and guidance in the same steps: what is
asked with codes and voice and without, and taken beyond, is understood better, but costs twice as
much; a network that is trained towards that is asked once (Tang et al. 2025, "Diffusion Models
without Classifier-free Guidance"). Crops are of equal length, because the network masks no padding.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniDiTConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniToken2WavDiTModel

from voicechat.training.checks import check
from voicechat.training.codec import (
    CODES,
    MOST_VOICES,
    Codec,
    Labelled,
    code_vectors,
    label,
    load_codec,
    silence_code,
)
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.optim import compiled
from voicechat.training.speech import Utterance, load_presets
from voicechat.training.speech_mel import CHANNELS, MELS, quiet

REFERENCE_FRAMES = 100
COND_SIZE = 32
PULSES_COUNT = (20.0, 20.0, 4.0)  # in the loss, as three channels are few beside the mel's eighty


@dataclass(frozen=True)
class DiTConfig:
    """Settings of the stage `dit`.

    Attributes:
        hidden: Width, a multiple of 64.
        layers: Number of layers.
        steps: Training steps.
        batch: Crops a step.
        crop_frames: Frames of a crop, a multiple of the block of 24.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        time_lr: Factor on the rate of what the time goes through to all blocks. A trained DiT that
            goes on bursts there first, in its first block's attention; a tenth holds it.
        ema: Decay of the average that is kept.
        drop: Share of steps without code and voice, for guidance.
        guidance: How far the answers go beyond what was learned without it (see `flow_loss`).
        checkpoint_every: Steps between checkpoints.
        compile: Compile the blocks.
        seed: Of everything drawn.
    """

    hidden: int = 256
    layers: int = 6
    steps: int = 3000
    batch: int = 16
    crop_frames: int = 192
    lr: float = 1e-3
    warmup: int = 150
    time_lr: float = 1.0
    ema: float = 0.995
    drop: float = 0.08
    guidance: float = 1.0
    checkpoint_every: int = 200
    compile: bool = True
    seed: int = 5

    def __post_init__(self) -> None:
        check(self, "ema drop", hidden=64, layers=1, batch=1, crop_frames=24, checkpoint_every=1)


def build_dit(hidden: int = 256, layers: int = 6) -> Qwen2_5OmniToken2WavDiTModel:
    """A small DiT of blocks of 24 frames that starts as the identity (adaLN-Zero)."""
    config = Qwen2_5OmniDiTConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=hidden // 64,
        head_dim=64, ff_mult=2, emb_dim=128, num_embeds=CODES + 1, block_size=24,
        look_ahead_layers=[2], look_backward_layers=[0, 4], repeats=2, mel_dim=CHANNELS,
        dropout=0.0, enc_emb_dim=COND_SIZE, enc_dim=64, enc_channels=[64, 64, 64, 64, 192],
        enc_attention_channels=32, enc_res2net_scale=2, enc_se_channels=32,
        max_position_embeddings=8192,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    dit = Qwen2_5OmniToken2WavDiTModel(config)
    for linear in (*(b.attn_norm.linear for b in dit.transformer_blocks), dit.norm_out.linear):
        nn.init.zeros_(linear.weight)
        nn.init.zeros_(linear.bias)
    nn.init.normal_(dit.text_embed.codec_embed.weight, std=0.5)
    embeddings = dit.text_embed.codec_embed.weight.data
    embeddings[1 : CODES + 1] = 0.5 * code_vectors(embeddings.shape[1])
    nn.init.normal_(dit.proj_out.weight, std=0.02)
    return dit


def conditions() -> torch.Tensor:
    """The preset vectors `cond` of up to eight voices, [8, 32]: far apart, and nothing more."""
    return torch.randn(MOST_VOICES, COND_SIZE, generator=torch.Generator().manual_seed(7))


def crop(item: Labelled, frames: int, silence: int, rng: random.Random) -> tuple[torch.Tensor, ...]:
    """A piece of an utterance as mel [frames, 83] and codes [frames / 2], silence behind its end.

    A third of the pieces are the beginning: there the DiT has nothing to look back to.
    """
    length = item.mel.shape[1]
    start = 0 if rng.random() < 0.3 else rng.randint(0, max(0, length - frames) // 2) * 2
    mel = item.mel[:, start : start + frames].float()
    codes = item.codes[start // 2 : (start + frames) // 2]
    missing = frames - mel.shape[1]
    mel = torch.cat([mel, quiet(missing)], dim=1)
    return mel.T, F.pad(codes, (0, missing // 2), value=silence)


def reference(item: Labelled, rng: random.Random) -> torch.Tensor:
    """A second of an utterance, [100, 83], the kind of `ref_mel` that the network is shown."""
    start = rng.randint(0, max(0, item.mel.shape[1] - REFERENCE_FRAMES))
    mel = item.mel[:, start : start + REFERENCE_FRAMES].float()
    return torch.cat([mel, quiet(REFERENCE_FRAMES - mel.shape[1])], dim=1).T


def run(config: DiTConfig, workdir: Path) -> None:
    """The stage `dit`: needs the codec."""
    train(config, workdir, load_presets(workdir), load_codec(workdir))


def train(
    config: DiTConfig, workdir: Path, utterances: list[Utterance], codec: Codec
) -> dict[str, float]:
    """Trains the DiT on the codes of utterances of all voices; returns the last losses."""
    items = label(codec, utterances)
    of_voice = by_voice(items)
    torch.manual_seed(config.seed)
    dit = build_dit(config.hidden, config.layers)
    mean = torch.cat([i.mel.float() for i in items[::7]], dim=1).mean(dim=1)
    dit.proj_out.bias.data.copy_(mean)  # without it the first thousand steps learn this alone
    timed = {n for n, _ in dit.named_parameters() if "time_embed" in n or "norm.linear" in n}
    groups = [
        {"params": [p for n, p in dit.named_parameters() if n not in timed]},
        {"params": [dit.get_parameter(n) for n in sorted(timed)], "lr_scale": config.time_lr},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.01)
    schedule = Schedule(config.steps, config.lr, config.warmup)
    trainer = Trainer("dit", workdir, {"dit": dit}, optimizer, schedule, config.seed, bf16=True,
                      checkpoint_every=config.checkpoint_every, ema=config.ema)  # fmt: skip
    compiled(dit.transformer_blocks, config.compile)  # the averages stay as they are
    silence = silence_code(codec)

    def drawn(number: int, rng: random.Random) -> tuple[Crops, bool]:
        batch = draw(of_voice, config.batch, config.crop_frames, silence, rng)
        return batch, rng.random() < config.drop

    def step(batch: tuple[Crops, bool]) -> dict[str, torch.Tensor]:
        crops, dropped = batch
        return {"loss": flow_loss(dit, crops, dropped, config.guidance)}

    return trainer.run(drawn, step)


@dataclass(frozen=True)
class Crops:
    """A batch for the DiT.

    Attributes:
        mel: With its pulses, [batch, frames, 83].
        codes: [batch, frames / 2].
        shown: Reference mels of the same voices, [batch, 100, 83].
        cond: Their preset vectors, [batch, 32].
    """

    mel: torch.Tensor
    codes: torch.Tensor
    shown: torch.Tensor
    cond: torch.Tensor


def by_voice(items: Sequence[Labelled]) -> dict[int, list[Labelled]]:
    """The items of each voice."""
    return {v: [i for i in items if i.voice == v] for v in {i.voice for i in items}}


def draw(
    of_voice: Mapping[int, Sequence[Labelled]],
    size: int,
    frames: int,
    silence: int,
    rng: random.Random,
) -> Crops:
    """Draws crops of all voices alike."""
    voices = list(of_voice)
    chosen = [rng.choice(of_voice[rng.choice(voices)]) for _ in range(size)]
    crops = [crop(i, frames, silence, rng) for i in chosen]
    mel, codes = (torch.stack(part) for part in zip(*crops, strict=True))
    shown = torch.stack([reference(rng.choice(of_voice[i.voice]), rng) for i in chosen])
    return Crops(mel, codes, shown, conditions()[[i.voice for i in chosen]])


def flow_loss(
    dit: Qwen2_5OmniToken2WavDiTModel, batch: Crops, dropped: bool, guidance: float
) -> torch.Tensor:
    """Squared error of the velocity at a random time of each crop.

    With guidance g the network learns to answer what it would be guided to: v + g (v - u), where v
    is the answer with code and voice and u the one without. As v is not known, the target is the
    line's velocity + w (answer - u); the answer that meets it in the mean is the guided one for
    w = g / (1 + g): answer = v + w (answer - u)  <=>  answer = (v - w u) / (1 - w). The pulses are
    not guided: a phase is right or wrong.

    Args:
        dit: The network.
        batch: The crops.
        dropped: Hide code and voice, as guidance does; then there is nothing to guide by.
        guidance: g, `guidance_scale` of transformers' token2wav.
    """
    mel = batch.mel.to(dit.proj_out.weight.device)
    noise, time = torch.randn_like(mel), torch.rand(len(mel), device=mel.device)
    weight = time[:, None, None]
    noisy, target = (1 - weight) * noise + weight * mel, mel - noise
    answer = velocity(dit, batch, noisy, time, dropped)
    if guidance and not dropped:
        with torch.no_grad():
            unconditional = velocity(dit, batch, noisy, time, dropped=True)
        guided = answer.detach() - unconditional
        target[..., :MELS] += guidance / (1 + guidance) * guided[..., :MELS]
    count = answer.new_tensor([1.0] * MELS + [*PULSES_COUNT])
    return ((answer - target).square() * count).mean()


def velocity(
    dit: Qwen2_5OmniToken2WavDiTModel,
    batch: Crops,
    noisy: torch.Tensor,
    time: torch.Tensor,
    dropped: bool,
) -> torch.Tensor:
    """What the DiT answers at points [batch, frames, 83] and times [batch], of the points' shape.

    Args:
        dit: The network.
        batch: Their codes and voices.
        noisy: The points, between noise and mel.
        time: How far each is on its way, in 0..1.
        dropped: Hide code and voice.
    """
    return dit(
        hidden_states=noisy,
        condition_vector=batch.shown.to(noisy.device),
        speaker_embedding=batch.cond.to(noisy.device).unsqueeze(1).expand(-1, noisy.shape[1], -1),
        quantized_code=batch.codes.to(noisy.device),
        time_step=time,
        drop_audio_conditioning=dropped,
        drop_code=dropped,
        apply_cfg=False,
    ).float()


def load_dit(workdir: Path) -> Qwen2_5OmniToken2WavDiTModel:
    """The trained DiT, frozen."""
    weights = trained(workdir, "dit")["dit"]
    layers = 1 + max(int(k.split(".")[1]) for k in weights if k.startswith("transformer_blocks."))
    dit = build_dit(weights["proj_out.weight"].shape[1], layers)
    dit.load_state_dict(weights)
    return dit.eval().requires_grad_(False)
