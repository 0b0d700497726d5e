"""Whether an echo comes is known by what it is an echo of, not by how loud the microphone is."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.test_echo import DATA, blocks_of, echo_of, far_end
from voicechat.audio.levels import SILENCE_DB, dbfs
from voicechat.audio.reference import EchoFree, Reference
from voicechat.audio.resample import Resampler
from voicechat.audio.wav import read_wav
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, ticks

PLAYED = np.concatenate([far_end()] * 2)
SAMPLES = len(PLAYED) * MIC_RATE // SPEAKER_RATE


def noise(level_db: float) -> np.ndarray:
    steps = 32768 * 10 ** (level_db / 20)
    return steps * np.random.default_rng(0).standard_normal(SAMPLES)


def known(mic: np.ndarray, late: float = 0.5) -> np.ndarray:
    """What is known at each tick: `[ticks]` bool."""
    frames = np.clip(np.rint(mic), -32768, 32767).astype(np.int16)
    frames = frames[: SAMPLES // FRAME * FRAME].reshape(-1, FRAME)
    resampler, echo_free = Resampler(SPEAKER_RATE, MIC_RATE), EchoFree()
    heard = blocks_of(PLAYED, len(frames), late)
    return np.array([
        echo_free.update(frame, resampler.process(block))
        for frame, block in zip(frames, heard, strict=True)
    ])  # fmt: skip


def test_the_reference_is_the_loudest_of_what_may_echo_now() -> None:
    reference, loud, silent = Reference(), np.full(480, 3277, np.int16), np.zeros(480, np.int16)
    levels = [reference.update(block) for block in (silent, loud, *[silent] * ticks(400))]
    assert levels[0] == levels[-1] == SILENCE_DB
    assert levels[1:-1] == [pytest.approx(-20, abs=0.1)] * ticks(400)


@pytest.mark.parametrize("noise_db", [SILENCE_DB, -70, -55, -40])
def test_beside_a_headset_it_is_known_soon_after_the_first_reply_began(noise_db: float) -> None:
    free = known(noise(noise_db))
    assert not free[: ticks(600)].any()
    assert free[ticks(1200) :].all()


def test_beside_a_dead_microphone_it_is_known_too() -> None:
    assert known(np.zeros(SAMPLES))[ticks(1200) :].all()


@pytest.mark.parametrize(
    ("delay_ms", "loss_db", "noise_db"),
    [(20, 6, -70), (80, 12, -70), (400, 20, -60), (80, 30, -50), (200, 40, -60), (80, 30, -45)],
)
def test_an_echo_is_never_missed(delay_ms: int, loss_db: float, noise_db: float) -> None:
    assert not known(echo_of(PLAYED, delay_ms, loss_db) + noise(noise_db)).any()


def test_an_echo_is_found_beside_an_offset_and_the_mains() -> None:
    hum = 1000 + 1000 * np.sin(2 * np.pi * 50 * np.arange(SAMPLES) / MIC_RATE)
    assert not known(echo_of(PLAYED, 80, 30) + hum).any()
    assert known(noise(-60) + hum)[ticks(1200) :].all()


@pytest.mark.parametrize("noise_db", [-60, None])
@pytest.mark.parametrize("user", ["question", "count", "colour", "sum"])
def test_a_user_who_interrupts_is_no_echo(user: str, noise_db: float | None) -> None:
    mic = np.zeros(SAMPLES) if noise_db is None else noise(noise_db)
    pcm = read_wav(DATA / f"{user}.wav")
    pcm = pcm[np.flatnonzero(np.abs(pcm) > 1000)[0] :][: MIC_RATE * 7 // 10]  # that takes the floor
    assert dbfs(pcm) > -30
    for begin in (3 * MIC_RATE, 4 * MIC_RATE):
        heard = mic.copy()
        heard[begin : begin + len(pcm)] += pcm
        assert known(heard)[ticks(2000) : (begin + len(pcm)) // FRAME].all()


def test_an_echo_that_begins_in_the_midst_is_known_in_a_second_and_a_half() -> None:
    mic, begin = echo_of(PLAYED, 80, 12) + noise(-60), SAMPLES // 2
    mic[:begin] = noise(-60)[:begin]
    free = known(mic)
    tick = begin // FRAME
    assert free[tick - 1]
    assert not free[tick + ticks(1500) :].any()
