"""The judge of speech: words, pitch, and which voice is which."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicechat.clock import SPEAKER_RATE
from voicechat.evaluation.intelligibility import (
    Recogniser,
    melody,
    pitch,
    told_apart,
    word_error_rate,
)

DATA = Path(__file__).parents[1] / "data"


def note(hz: float, seconds: float = 0.5) -> np.ndarray:
    """A sawtooth: like a voice, it has all harmonics."""
    time = np.arange(int(seconds * SPEAKER_RATE)) / SPEAKER_RATE
    return (0.3 * (2 * (time * hz % 1) - 1)).astype(np.float32)


def test_the_recogniser_hears_a_recorded_question() -> None:
    pcm, rate = soundfile.read(DATA / "question.wav", dtype="float32")
    assert "capital of" in Recogniser()(pcm, rate)


@pytest.mark.parametrize(
    ("said", "heard", "rate"),
    [
        ("Three plus 4 is seven.", "three plus four is seven", 0.0),
        ("I am sorry.", "i'm sorry", 0.0),
        ("The sky is blue.", "the sky is new", 0.25),
        ("Good.", "", 1.0),
    ],
)
def test_words_count_however_they_are_written(said: str, heard: str, rate: float) -> None:
    assert word_error_rate([said], [heard]) == pytest.approx(rate)


@pytest.mark.parametrize("hz", [80.0, 112.0, 217.0, 300.0])
def test_the_pitch_of_a_note(hz: float) -> None:
    assert pitch(note(hz)) == pytest.approx(hz, rel=0.02)


def test_the_melody_is_how_far_the_pitch_goes() -> None:
    """Of a glide over an octave, two thirds are eight semitones."""
    hz = np.geomspace(100, 200, 2 * SPEAKER_RATE)
    glide = (0.3 * (2 * (np.cumsum(hz / SPEAKER_RATE) % 1) - 1)).astype(np.float32)
    assert melody(glide) == pytest.approx(12 * 0.6826 / 2, rel=0.1)
    assert melody(note(140)) < 0.1 and np.isfinite(melody(np.zeros(SPEAKER_RATE, np.float32)))


def test_voices_are_told_apart_by_pitch() -> None:
    low, high = [note(hz) for hz in (95, 105, 115)], [note(hz) for hz in (190, 210, 230)]
    assert told_apart(low, high) == 1.0
    assert told_apart([*low, note(220)], high) == pytest.approx(6 / 7)
