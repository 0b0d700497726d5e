"""The teacher's two voices, and what is done to every recording."""

import librosa
import numpy as np
import pytest

from voicechat.clock import CODE, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import Recogniser, pitch, told_apart, word_error_rate
from voicechat.training.teacher import LEVEL, Reading, held_out, teachers, tidy

TEXTS = (
    "The capital of France is Paris.",
    "Three plus four is seven.",
    "Before Thursday comes Wednesday.",
)


@pytest.fixture(scope="module")
def read() -> dict[str, list[Reading]]:
    return {voice: [reader(text) for text in TEXTS] for voice, reader in teachers().items()}


def test_both_voices_are_understood(read: dict[str, list[Reading]]) -> None:
    recogniser = Recogniser()
    for voice, spoken in read.items():
        assert word_error_rate(TEXTS, [recogniser(said.pcm) for said in spoken]) < 0.15, voice


def test_the_voices_are_a_woman_s_and_a_man_s(read: dict[str, list[Reading]]) -> None:
    assert all(180 < pitch(said.pcm) < 240 for said in read["Wren"])
    assert all(90 < pitch(said.pcm) < 120 for said in read["Alder"])
    apart = told_apart(*([said.pcm for said in read[voice]] for voice in ("Alder", "Wren")))
    assert apart == 1.0


def test_the_codec_hears_one_tone(read: dict[str, list[Reading]]) -> None:
    assert all(abs(pitch(said.flat) - 200) < 2 for said in read["Wren"])
    assert all(abs(pitch(said.flat) - 100) < 1 for said in read["Alder"])


def test_a_sentence_is_read_the_same_way_each_time(read: dict[str, list[Reading]]) -> None:
    for voice, reader in teachers().items():
        again, first = reader(TEXTS[0]), read[voice][0]
        assert np.array_equal(again.pcm, first.pcm) and np.array_equal(again.flat, first.flat)


def test_the_readings_of_a_sentence_are_as_long_as_what_is_known_of_its_pulses(
    read: dict[str, list[Reading]],
) -> None:
    for said in (said for spoken in read.values() for said in spoken):
        assert len(said.pcm) == len(said.flat) == 240 * said.pulses.shape[1]
        assert len(said.pcm) % CODE == 0


def test_a_recording_is_trimmed_levelled_and_fills_whole_codes() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(SPEAKER_RATE) / SPEAKER_RATE)
    pcm = tidy(np.concatenate([np.zeros(9000), tone, np.zeros(20_000)]).astype(np.float32))
    assert len(pcm) % CODE == 0 and abs(len(pcm) - SPEAKER_RATE * 1.18) < 2 * CODE
    loud = pcm[np.abs(pcm) > 0.02 * np.abs(pcm).max()]
    assert np.sqrt((loud**2).mean()) == pytest.approx(LEVEL, rel=0.02)
    with pytest.raises(UserError, match="no sound"):
        tidy(np.zeros(24_000, np.float32))


def test_on_one_tone_a_frame_repeats_the_one_before(read: dict[str, list[Reading]]) -> None:
    for spoken in read.values():
        flat = spoken[0].flat
        loud = max(
            range(0, len(flat) - 960, 240), key=lambda i: float((flat[i : i + 480] ** 2).sum())
        )
        one, two = flat[loud : loud + 240], flat[loud + 240 : loud + 480]
        assert np.corrcoef(one, two)[0, 1] > 0.85


def test_the_pulses_turn_as_the_melody_says(read: dict[str, list[Reading]]) -> None:
    """From frame to frame by the pitch times 10 ms, less whole turns."""
    for voice, hz in (("Wren", 200), ("Alder", 100)):
        for said in read[voice]:
            phasors = said.pulses[0] + 1j * said.pulses[1]
            steady = np.abs(phasors[1:] * phasors[:-1]) > 0.99
            turned = np.angle(phasors[1:] * phasors[:-1].conj()) / (2 * np.pi)
            heard = librosa.yin(said.pcm, fmin=60, fmax=400, sr=SPEAKER_RATE, frame_length=1024,
                                 hop_length=240)  # fmt: skip
            apart = (heard[1 : len(turned) + 1] - (hz + 100 * turned))[steady]
            whole = 100 * np.round(apart / 100)
            assert steady.sum() > 30 and np.median(np.abs(apart - whole)) < 0.03 * hz


def test_four_of_a_hundred_sentences_are_held_out() -> None:
    assert 250 < sum(held_out(f"sentence {i}") for i in range(10_000)) < 550
