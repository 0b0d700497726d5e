"""The teacher's two voices, and what is done to every recording."""

import numpy as np
import pytest

from voicechat.clock import CODE, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import Recogniser, pitch, told_apart, word_error_rate
from voicechat.training.teacher import LEVEL, envelope_of, held_out, moved, teachers, tidy

TEXTS = (
    "The capital of France is Paris.",
    "Three plus four is seven.",
    "Before Thursday comes Wednesday.",
)


@pytest.fixture(scope="module")
def read() -> dict[str, list[np.ndarray]]:
    return {voice: [reader(text) for text in TEXTS] for voice, reader in teachers().items()}


def test_both_voices_are_understood(read: dict[str, list[np.ndarray]]) -> None:
    recogniser = Recogniser()
    for voice, spoken in read.items():
        assert word_error_rate(TEXTS, [recogniser(pcm) for pcm in spoken]) < 0.15, voice


def test_the_voices_are_a_woman_s_and_a_man_s(read: dict[str, list[np.ndarray]]) -> None:
    assert all(abs(pitch(pcm) - 200) < 2 for pcm in read["Wren"])
    assert all(abs(pitch(pcm) - 100) < 1 for pcm in read["Alder"])
    assert told_apart(read["Alder"], read["Wren"]) == 1.0


def test_a_sentence_is_read_the_same_way_each_time(read: dict[str, list[np.ndarray]]) -> None:
    for voice, reader in teachers().items():
        assert np.array_equal(reader(TEXTS[0]), read[voice][0])


def test_a_recording_is_trimmed_levelled_and_fills_whole_codes() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(SPEAKER_RATE) / SPEAKER_RATE)
    pcm = tidy(np.concatenate([np.zeros(9000), tone, np.zeros(20_000)]).astype(np.float32))
    assert len(pcm) % CODE == 0 and abs(len(pcm) - SPEAKER_RATE * 1.18) < 2 * CODE
    loud = pcm[np.abs(pcm) > 0.02 * np.abs(pcm).max()]
    assert np.sqrt((loud**2).mean()) == pytest.approx(LEVEL, rel=0.02)
    with pytest.raises(UserError, match="no sound"):
        tidy(np.zeros(24_000, np.float32))


def test_the_pulses_stand_on_the_frames(read: dict[str, list[np.ndarray]]) -> None:
    """What a frame holds of the voice, the next frame repeats."""
    for spoken in read.values():
        pcm = spoken[0]
        loud = max(
            range(0, len(pcm) - 960, 240), key=lambda i: float((pcm[i : i + 480] ** 2).sum())
        )
        one, two = pcm[loud : loud + 240], pcm[loud + 240 : loud + 480]
        assert np.corrcoef(one, two)[0, 1] > 0.9


def test_a_longer_throat_moves_a_formant_down() -> None:
    spectrum = np.zeros((601, 3), np.float32)
    spectrum[100] = 1.0
    assert moved(spectrum, 0.87).argmax(axis=0).tolist() == [87, 87, 87]


def test_the_envelope_joins_the_harmonics() -> None:
    magnitude = np.full((601, 2), -9.0, np.float32)
    magnitude[10::10] = 1.0  # harmonics of 200 Hz, and nothing between
    joined = envelope_of(magnitude, np.array([200.0, 0.0]))
    assert np.allclose(joined[10:540, 0], 1.0) and np.array_equal(joined[:, 1], magnitude[:, 1])


def test_four_of_a_hundred_sentences_are_held_out() -> None:
    assert 250 < sum(held_out(f"sentence {i}") for i in range(10_000)) < 550
