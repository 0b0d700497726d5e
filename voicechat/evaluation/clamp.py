"""How far streaming log-mel is from the whole clip's: `python -m voicechat.evaluation.clamp DIR`.

The one difference is the clamp (see `engine.mel`). One feature unit is 40 dB.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import WhisperFeatureExtractor

from voicechat.audio.wav import read_wav
from voicechat.clock import HEARING_BLOCK_FRAMES, MIC_RATE
from voicechat.engine.mel import LogMel


@dataclass(frozen=True)
class ClampReport:
    """What was measured.

    Attributes:
        clips: that were read.
        seconds: of these in all.
        clips_touched: share of clips in which anything differs.
        features_touched: share of features that differ.
        mean: difference of those that differ, in feature units.
        most: the largest difference.
    """

    clips: int
    seconds: float
    clips_touched: float
    features_touched: float
    mean: float
    most: float


def measure(clips: Iterable[np.ndarray], extractor: WhisperFeatureExtractor) -> ClampReport:
    """Compares the features of clips, `[samples]` int16, 16 kHz, that the extractor can hold."""
    sizes, touched, differences, samples = [], [], [], 0
    for pcm in clips:
        apart = (_whole(pcm, extractor) - _streamed(pcm, extractor)).abs()
        differing = apart[apart > 1e-5]
        sizes.append(apart.numel())
        touched.append(len(differing) > 0)
        differences.append(differing)
        samples += len(pcm)
    found = torch.cat(differences)
    return ClampReport(
        clips=len(sizes),
        seconds=round(samples / MIC_RATE, 1),
        clips_touched=round(sum(touched) / len(sizes), 4),
        features_touched=round(len(found) / sum(sizes), 6),
        mean=round(float(found.mean()), 4) if len(found) else 0.0,
        most=round(float(found.max()), 4) if len(found) else 0.0,
    )


def _streamed(pcm: np.ndarray, extractor: WhisperFeatureExtractor) -> torch.Tensor:
    mel = LogMel(extractor, HEARING_BLOCK_FRAMES)
    return torch.cat([*mel.push(pcm), mel.rest()], dim=1)


def _whole(pcm: np.ndarray, extractor: WhisperFeatureExtractor) -> torch.Tensor:
    made = extractor(
        pcm.astype(np.float32) / 32768,
        sampling_rate=MIC_RATE,
        return_tensors="pt",
        return_attention_mask=True,
    )
    return made["input_features"][0, :, : int(made["attention_mask"].sum())]


if __name__ == "__main__":
    paths = sorted(path for path in Path(sys.argv[1]).rglob("*.wav"))
    extractor = WhisperFeatureExtractor(feature_size=128, chunk_length=300)
    print(json.dumps(asdict(measure(map(read_wav, paths), extractor))))
