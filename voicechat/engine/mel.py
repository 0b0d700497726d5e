"""Log-mel features of speech that is still being spoken.

Frame k is centred at sample 160 k and sees 200 samples either side, so a block of 200 frames is
finished when 40 samples beyond its 2 s have arrived:

    block b:  frames 200 b ... 200 b + 199,  samples 32000 b - 200 ... 32000 b + 32039

`WhisperFeatureExtractor` clamps everything 80 dB below the loudest value of the *whole clip*,
which a stream does not know. Here each block clamps by the loudest value of the turn **up to the
block's end**: a rule of the samples alone, so that cutting the input differently changes nothing.
It differs from the whole clip's only where something softer than -80 dB came before the loudest
sound; then features that the clip would lift to its floor stay below it, by as much as the loudest
value still rose. Measured (`python -m voicechat.evaluation.clamp`) on real recordings: nothing
differs in turns under 2 s; with five sentences of different loudness in a row (9 s), in 5 to 9 of
10 turns 8 to 26 % of the features do, by 3 to 4 dB at the floor on average and 7 dB at most.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import WhisperFeatureExtractor

from voicechat.clock import MIC_HOP, MIC_RATE

_SILENCE = 1e-10  # least mel energy, as in WhisperFeatureExtractor
_RANGE = 8.0  # log10 of energy: 80 dB


class LogMel:
    """One turn's features, block by block.

    Args:
        extractor: gives the mel filters and the window's size.
        frames: of a block.
    """

    def __init__(self, extractor: WhisperFeatureExtractor, frames: int) -> None:
        assert (extractor.sampling_rate, extractor.hop_length) == (MIC_RATE, MIC_HOP), extractor
        assert extractor.dither == 0.0, extractor.dither
        self.frames = frames
        self._filters = torch.from_numpy(extractor.mel_filters).float().T
        self._window = torch.hann_window(extractor.n_fft)
        self._half = extractor.n_fft // 2
        self._samples = torch.zeros(0)  # of the unfinished block, with `_half` before it
        self._first = True  # nothing before it yet: the beginning is mirrored
        self._loudest = torch.tensor(-torch.inf)

    def push(self, pcm: np.ndarray) -> list[Tensor]:
        """Takes `[samples]` int16 and gives the blocks finished by now, `[bins, frames]` each."""
        assert pcm.dtype == np.int16, pcm.dtype
        heard = torch.from_numpy(pcm.astype(np.float32) / 32768)
        self._samples = torch.cat([self._samples, heard])
        finished = []
        while len(samples := self._with_past()) >= self._reach(self.frames):
            energies = self._energies(samples[: self._reach(self.frames)])
            self._loudest = torch.maximum(self._loudest, energies.max())
            finished.append(_scaled(energies, self._loudest))
            self._samples, self._first = samples[self.frames * MIC_HOP :], False
        return finished

    def rest(self) -> Tensor:
        """The unfinished block as if the turn ended here, `[bins, frames or one more]`.

        Changes nothing: the turn may go on.
        """
        own = len(self._samples) - (0 if self._first else self._half)
        count = -(-own // MIC_HOP)
        if not count:
            return torch.zeros(len(self._filters), 0)
        # The extractor pads a clip with silence, so what would follow is zeros.
        samples = self._with_past(self._reach(count))
        blocks, loudest = [], self._loudest
        for energies in self._energies(samples[: self._reach(count)]).split(self.frames, dim=1):
            loudest = torch.maximum(loudest, energies.max())
            blocks.append(_scaled(energies, loudest))
        return torch.cat(blocks, dim=1)

    def _reach(self, frames: int) -> int:
        """Samples that so many frames see."""
        return (frames - 1) * MIC_HOP + 2 * self._half

    def _with_past(self, least: int = 0) -> Tensor:
        """The samples with what lies before them, padded to at least `least`."""
        samples = self._samples
        if self._first:
            mirror = F.pad(samples, (0, max(0, self._half + 1 - len(samples))))
            samples = torch.cat([mirror[1 : self._half + 1].flip(0), samples])
        return F.pad(samples, (0, max(0, least - len(samples))))

    def _energies(self, samples: Tensor) -> Tensor:
        size = len(self._window)
        spectrum = torch.stft(
            samples, size, MIC_HOP, window=self._window, center=False, return_complex=True
        )
        return (self._filters @ spectrum.abs() ** 2).clamp(min=_SILENCE).log10()


def _scaled(energies: Tensor, loudest: Tensor) -> Tensor:
    return (torch.maximum(energies, loudest - _RANGE) + 4.0) / 4.0
