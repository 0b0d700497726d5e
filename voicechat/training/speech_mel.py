"""The mel spectrogram of speech out, and where its pulses stand: what the DiT makes, BigVGAN reads.

A mel is the same wherever in a frame a voice's pulses stand. Of a vowel whose frames are all alike,
convolutions can only make what repeats with the frames: a voice of 100 Hz, or a multiple of it. So
two more channels say where the pulses stand, as cosine and sine, and a third how far that turns
from frame to frame: how far the pitch is from such a multiple.

How loud these channels are decides when the DiT makes up its mind on its way from noise to speech.
As loud as the mel, each frame's phase is chosen before the pitch is known, for itself alone: the
voice is hoarse. Quieter, pitch comes first and the phases after it.
"""

from __future__ import annotations

from functools import cache

import librosa
import torch
from torch.nn import functional as F

from voicechat.clock import SPEAKER_HOP, SPEAKER_RATE

N_FFT = 1024
MELS = 80
SILENCE = -11.512925  # ln(1e-5), the floor
PULSES = 3
CHANNELS = MELS + PULSES
# `process_mel_spectrogram` keeps what lies between -11 and 2.3, as -1 to 1; this is its middle
_MIDDLE = -4.317
_LOUD = (1.0, 1.0, 6.0)


def quiet(frames: int) -> torch.Tensor:
    """What stands for digital silence, [83, frames]."""
    silence = torch.full((CHANNELS, frames), SILENCE)
    silence[MELS:] = _MIDDLE
    return silence


def with_pulses(mel: torch.Tensor, pulses: torch.Tensor) -> torch.Tensor:
    """Mels [..., 80, frames] and pulses [..., 3, frames] as one [..., 83, frames].

    Args:
        mel: Of `log_mel`.
        pulses: Cosine and sine of the phase in the middle of each frame, shorter where there is
            less voice, 0 and 0 where there is none; and turns a frame, less those of the voice's
            mean pitch.
    """
    return torch.cat([mel, _MIDDLE + _loud(mel) * pulses.to(mel)], dim=-2)


def pulses_in(channels: torch.Tensor) -> torch.Tensor:
    """The pulses [..., 3, frames] that are in [..., 83, frames]."""
    return (channels[..., MELS:, :] - _MIDDLE) / _loud(channels)


def _loud(like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor(_LOUD)[:, None]


@cache
def _filters(device: torch.device) -> torch.Tensor:
    top = SPEAKER_RATE / 2
    bank = librosa.filters.mel(sr=SPEAKER_RATE, n_fft=N_FFT, n_mels=MELS, fmin=0, fmax=top)
    return torch.from_numpy(bank).to(device)


def log_mel(wave: torch.Tensor) -> torch.Tensor:
    """Logarithm of slaney mel magnitudes, 100 frames a second.

    `Qwen2_5OmniToken2WavBigVGANModel.process_mel_spectrogram` takes it as it is.

    Args:
        wave: [batch, samples] 24 kHz, more than 392 samples.

    Returns:
        [batch, 80, samples // 240].
    """
    edge = (N_FFT - SPEAKER_HOP) // 2  # frame i is centred on samples 240 i to 240 i + 240
    padded = F.pad(wave.float().unsqueeze(1), (edge, edge), mode="reflect").squeeze(1)
    window = torch.hann_window(N_FFT, device=wave.device)
    spectrum = torch.stft(
        padded, N_FFT, SPEAKER_HOP, window=window, center=False, return_complex=True
    )
    return (_filters(wave.device) @ spectrum.abs()).clamp_min(1e-5).log()
