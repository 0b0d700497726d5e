"""The mel spectrogram of speech out: what the DiT makes and BigVGAN reads."""

from __future__ import annotations

from functools import cache

import librosa
import torch
from torch.nn import functional as F

from voicechat.clock import SPEAKER_HOP, SPEAKER_RATE

N_FFT = 1024
MELS = 80
SILENCE = -11.512925  # ln(1e-5), the floor


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
