"""The speaker's ring without a device: what is given is played, flushed or held, to the sample."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.audio.ring import Ring
from voicechat.audio.speaker import Speaker
from voicechat.clock import SPEAKER_RATE

FINE = SimpleNamespace(output_underflow=False)


def take(speaker: Speaker, frames: int, channels: int = 1) -> np.ndarray:
    out = np.full((frames, channels), 77, dtype=np.int16)
    speaker.callback(out, frames, None, FINE)
    return out


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["play", "take", "flush"]), st.integers(0, 2000)), max_size=40
    )
)
def test_given_is_played_plus_dropped_plus_held(steps: list[tuple[str, int]]) -> None:
    speaker = Speaker()
    given_samples = played = dropped = 0
    for what, samples in steps:
        held = speaker.held
        if what == "play":
            speaker.play(np.ones(samples, np.int16))
            given_samples += samples
        elif what == "take":
            out = take(speaker, samples)
            heard, ours = speaker.take_heard()
            played += ours
            assert len(heard) == samples and ours == min(samples, held)
            np.testing.assert_array_equal(out[:, 0], heard)
            assert not heard[ours:].any(), "fill is silence"
        else:
            speaker.flush(samples)
            assert speaker.held == min(samples, held)
            dropped += held - speaker.held
    assert given_samples == played + dropped + speaker.held


@given(fade=st.integers(0, 720), held=st.integers(0, 5000))
def test_after_a_flush_only_a_falling_fade_sounds(fade: int, held: int) -> None:
    speaker = Speaker()
    speaker.play(np.full(held, 10_000, np.int16))
    speaker.flush(fade)
    out = take(speaker, 6000)[:, 0].astype(int)
    left = min(fade, held)
    assert not out[left:].any()
    assert (np.diff(out[:left]) <= 0).all()
    assert left == 0 or out[left - 1] == 0, "it ends at zero"


def test_every_channel_gets_the_sound() -> None:
    speaker = Speaker()
    speaker.play(np.arange(480, dtype=np.int16))
    out = take(speaker, 480, channels=4)
    for channel in range(4):
        np.testing.assert_array_equal(out[:, channel], np.arange(480))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_resampled_device_still_counts_in_24_khz(rate: int) -> None:
    speaker = Speaker()
    speaker.connect(rate)
    time_s = np.arange(SPEAKER_RATE) / SPEAKER_RATE
    speaker.play((10_000 * np.sin(2 * np.pi * 300 * time_s)).astype(np.int16))
    out = np.concatenate([take(speaker, rate // 50)[:, 0] for _ in range(60)]).astype(float)
    heard, played = speaker.take_heard()
    assert played == SPEAKER_RATE
    assert len(heard) == pytest.approx(1.2 * SPEAKER_RATE, abs=960)
    loud = np.flatnonzero(np.abs(out) > 1000)
    assert loud[-1] - loud[0] == pytest.approx(rate, rel=0.01)
    tone = out[loud[0] : loud[0] + rate // 2]
    expected = np.sin(2 * np.pi * 300 * np.arange(len(tone)) / rate)
    quadrature = np.cos(2 * np.pi * 300 * np.arange(len(tone)) / rate)
    fitted = 2 * (expected * (tone @ expected) + quadrature * (tone @ quadrature)) / len(tone)
    assert np.std(tone - fitted) < 100, "40 dB below the tone: no clicks between blocks"


def test_what_is_held_survives_another_device() -> None:
    speaker = Speaker()
    speaker.play(np.ones(4800, np.int16))
    take(speaker, 480)
    speaker.connect(48_000)
    assert speaker.held == 4320


def test_underflows_are_counted_once() -> None:
    speaker = Speaker()
    for underflow in (True, False, True):
        status = SimpleNamespace(output_underflow=underflow)
        speaker.callback(np.zeros((480, 1), np.int16), 480, None, status)
    assert (speaker.take_xruns(), speaker.take_xruns()) == (2, 0)


def test_an_overfull_ring_is_a_fault() -> None:
    ring = Ring(10)
    ring.write(np.zeros(8, np.int16))
    with pytest.raises(AssertionError, match="8, 3, 10"):
        ring.write(np.zeros(3, np.int16))
