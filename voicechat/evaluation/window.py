"""What the windows of token2wav cost: the curves from which they are chosen.

Two windows make a stream of it: the DiT blocks that a call looks ahead to, and the mel frames that
BigVGAN gets on either side. Both are compared with the pass over the whole reply.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from voicechat.config import Token2WavSettings
from voicechat.engine.checkpoint import Checkpoint, Voice
from voicechat.engine.dit import Dit, MelStream
from voicechat.engine.vocoder import Vocoder, WaveStream

BLOCKS_AHEAD = (0, 1, 2, 3)
CONTEXT_FRAMES = (4, 6, 8, 12, 16, 20, 24)
_PIECE = 24  # mel frames a push: the smallest, so that every border counts


def mel_errors(
    checkpoint: Checkpoint, voice: Voice, codes: list[int]
) -> Iterator[tuple[int, float, float]]:
    """How far windowed mels are from the mel of the whole reply in one call.

    Args:
        checkpoint: with token2wav and its settings.
        voice: whose.
        codes: of a reply.

    Yields:
        Blocks ahead, and the mean and largest absolute error in log-mel (1 = a factor of e).
    """
    whole = settled_mel(checkpoint, voice, codes, first_blocks=len(codes), most_blocks=len(codes))
    for ahead in BLOCKS_AHEAD:
        mel = settled_mel(checkpoint, voice, codes, blocks_ahead=ahead, most_blocks=1)
        error = (mel - whole).abs()
        yield ahead, float(error.mean()), float(error.max())


def settled_mel(
    checkpoint: Checkpoint, voice: Voice, codes: Sequence[int], **changes: int
) -> Tensor:
    """`[frames, mel_dim]` of a reply, with changed settings."""
    settings: Token2WavSettings = replace(checkpoint.settings.token2wav, **changes)
    dit = Dit(checkpoint.model.token2wav.code2wav_dit_model.float(), settings)
    speaker = dit.speaker(voice.cond, voice.ref_mel)
    stream = MelStream(dit, speaker, torch.Generator().manual_seed(0))
    return torch.cat([mel for mel, _ in stream.push(list(codes), final=True)])


def wave_snrs(checkpoint: Checkpoint, mel: Tensor) -> Iterator[tuple[int, float]]:
    """How far streamed samples are from BigVGAN over the whole mel, `[frames, mel_dim]`.

    Yields:
        Frames of context, and the signal-to-noise ratio in dB.
    """
    model = checkpoint.model.token2wav.code2wav_bigvgan_model.float()
    whole = Vocoder(model, context=0)(mel)
    pieces = mel.split(_PIECE)
    for context in CONTEXT_FRAMES:
        stream = WaveStream(Vocoder(model, context))
        waves = [stream.push(piece, n == len(pieces) - 1) for n, piece in enumerate(pieces)]
        yield context, snr_db(torch.cat(waves), whole)


def snr_db(wave: Tensor, truth: Tensor) -> float:
    """Signal-to-noise ratio of two waves of equal length."""
    error = (wave - truth).pow(2).sum()
    return float(10 * torch.log10(truth.pow(2).sum() / error))
