"""Codes for a voice that the codec never heard, by way of one that it knows.

The codec heard the preset voices only, and what it makes of a stranger's speech is no speech. But
the codes need not carry the voice: so the teacher reads what was recorded, its codes are those that
Talker and DiT know, and dynamic time warping (Sakoe and Chiba 1978) finds which of them belongs to
every 20 ms of the recording.
"""

from __future__ import annotations

from collections.abc import Sequence

import librosa
import numpy as np
import torch

from voicechat.training.codec import Codec, Labelled
from voicechat.training.speech import Utterance
from voicechat.training.teacher import Reader

CEPSTRA = 13


def label_parallel(codec: Codec, recorded: Sequence[Utterance], read: Reader) -> list[Labelled]:
    """Names every 20 ms of the recordings by the codes of a reader whom the codec knows.

    Args:
        codec: With the encoder that made the codes of the reader's voice.
        recorded: A stranger's speech.
        read: Reads its text in a voice that the codec knows.
    """
    items = []
    for utterance in recorded:
        mel = utterance.mel()
        known = Utterance(0, utterance.text, read(utterance.text).astype(np.float16)).mel()
        places = aligned(mel.numpy(), known.numpy())[::2] // 2
        codes = codec.codes(known)[torch.from_numpy(places)]
        items.append(Labelled(utterance.voice, utterance.text, mel.half(), codes))
    return items


def aligned(mel: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The frame of `known` [80, frames] that each frame of `mel` [80, frames] sounds like."""
    _, path = librosa.sequence.dtw(_shape(mel), _shape(known), metric="cosine")
    places = np.empty(mel.shape[1], dtype=np.int64)
    places[path[:, 0]] = path[:, 1]  # of several, the first: the path runs backwards
    return places


def _shape(mel: np.ndarray) -> np.ndarray:
    """What is said, the voice taken out as far as mean and spread tell it: [26, frames]."""
    cepstra = librosa.feature.mfcc(S=mel, n_mfcc=CEPSTRA)
    cepstra = (cepstra - cepstra.mean(1, keepdims=True)) / (cepstra.std(1, keepdims=True) + 1e-5)
    return np.vstack([cepstra, librosa.feature.delta(cepstra, width=5)])
