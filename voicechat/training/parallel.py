"""What the codec knows, in a voice that it never heard, by way of one that it did.

The codec heard the preset voices only, and what it makes of a stranger's speech is no speech. But
its codes need not carry the voice. So the teacher reads what was recorded, and dynamic time warping
(Sakoe and Chiba 1978) finds which 10 ms of the reading sound like which of the recording. From that
both halves of speaking learn:

    the reading's codes, at the recording's pace                     the Talker
    the reading's codes, and the reading in the recorded timbre      the DiT

The DiT does not learn from the recording itself: a frame that is off by one is a wrong sound to it,
and it then learns to say no word. The timbre is a regression over all frames, which a few of them
off do not turn (voice conversion by parallel speech: Stylianou et al. 1998, Toda et al. 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import torch
from torch.nn import functional as F

from voicechat.training.codec import Codec, Labelled
from voicechat.training.speech import Utterance, read_aloud
from voicechat.training.speech_mel import with_pulses
from voicechat.training.teacher import Reader

CEPSTRA = 13
ROUNDS = 3  # of warping and regression, each warping by what the regression before it made


@dataclass(frozen=True)
class Parallel:
    """What a voice has to learn.

    Attributes:
        paced: The recordings, each with the reader's codes at its pace.
        converted: Readings in the recorded timbre, each with the reader's codes.
    """

    paced: list[Labelled]
    converted: list[Labelled]


def parallel(
    codec: Codec, recorded: Sequence[Utterance], read: Reader, more: Sequence[str] = ()
) -> Parallel:
    """Finds codes for a stranger's speech, and that speech for codes.

    Args:
        codec: With the encoder that made the codes of the reader's voice.
        recorded: A stranger's speech.
        read: Reads texts in a voice that the codec knows.
        more: Texts that were not recorded, to be converted as well.
    """
    texts, voice = [*(u.text for u in recorded), *more], recorded[0].voice
    readings = read_aloud(read, texts, voice)
    mels = [utterance.mel() for utterance in recorded]
    same = [utterance.mel() for utterance in readings[: len(mels)]]  # said by both
    warped, meant = same, torch.cat(mels, dim=1)
    for _ in range(ROUNDS):
        places = [aligned(mel, known) for mel, known in zip(mels, warped, strict=True)]
        said = [known[:, at] for known, at in zip(same, places, strict=True)]
        weight = regression(torch.cat(said, dim=1), meant)
        warped = [turned(known, weight) for known in same]
    codes = [codec.codes(reading.flat_mel()) for reading in readings]
    paced = [
        Labelled(voice, u.text, u.with_pulses().half(), known[at[::2] // 2])
        for u, known, at in zip(recorded, codes[: len(mels)], places, strict=True)
    ]
    converted = [
        Labelled(voice, reading.text, in_timbre(reading, weight).half(), known)
        for reading, known in zip(readings, codes, strict=True)
    ]
    return Parallel(paced, converted)


def regression(said: torch.Tensor, meant: torch.Tensor) -> torch.Tensor:
    """Least squares from frames [80, frames] to frames [80, frames], with a constant: [80, 81]."""
    return torch.linalg.lstsq(_with_one(said).T, meant.T).solution.T


def turned(mel: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """What a regression makes of [80, frames]."""
    return weight @ _with_one(mel)


def in_timbre(reading: Utterance, weight: torch.Tensor) -> torch.Tensor:
    """A reading in the timbre of a regression, with its own melody, [83, frames]."""
    return with_pulses(turned(reading.mel(), weight), torch.from_numpy(reading.pulses))


def _with_one(mel: torch.Tensor) -> torch.Tensor:
    return F.pad(mel, (0, 0, 0, 1), value=1.0)


def aligned(mel: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The frame of `known` [80, frames] that each frame of `mel` [80, frames] sounds like."""
    _, path = librosa.sequence.dtw(_shape(mel.numpy()), _shape(known.numpy()), metric="cosine")
    places = np.empty(mel.shape[1], dtype=np.int64)
    places[path[:, 0]] = path[:, 1]  # of several, the first: the path runs backwards
    return torch.from_numpy(places)


def _shape(mel: np.ndarray) -> np.ndarray:
    """What is said, the voice taken out as far as mean and spread tell it: [26, frames]."""
    cepstra = librosa.feature.mfcc(S=mel, n_mfcc=CEPSTRA)
    cepstra = (cepstra - cepstra.mean(1, keepdims=True)) / (cepstra.std(1, keepdims=True) + 1e-5)
    return np.vstack([cepstra, librosa.feature.delta(cepstra, width=5)])
