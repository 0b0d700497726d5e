"""The microphone's queue without a device: any blocks in, frames of 20 ms out, nothing lost."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.audio.levels import dbfs
from voicechat.audio.microphone import BACKLOG_BLOCKS, Microphone
from voicechat.audio.resample import Blocks, Resampler
from voicechat.clock import FRAME, MIC_RATE

FINE = SimpleNamespace(input_overflow=False)


def frames(microphone: Microphone) -> np.ndarray:
    found = []
    while (frame := microphone.frame(timeout_s=0)) is not None:
        assert frame.shape == (FRAME,) and frame.dtype == np.int16
        found.append(frame)
    return np.concatenate(found) if found else np.zeros(0, np.int16)


def sine(rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.rint(9000 * np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate))


@given(sizes=st.lists(st.integers(1, 3000), max_size=30))
def test_blocks_of_any_size_become_frames(sizes: list[int]) -> None:
    microphone = Microphone()
    pcm = np.arange(sum(sizes), dtype=np.int16)
    for block in np.split(pcm, np.cumsum(sizes)[:-1]):
        microphone.callback(block[:, None], len(block), None, FINE)
    np.testing.assert_array_equal(frames(microphone), pcm[: len(pcm) // FRAME * FRAME])


def test_many_channels_become_their_mean() -> None:
    microphone = Microphone()
    block = np.tile(np.array([[100, 300, -100]], np.int16), (FRAME, 1))
    microphone.callback(block, FRAME, None, FINE)
    assert set(frames(microphone).tolist()) == {100}


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_any_rate_becomes_16_khz_without_clicks(rate: int) -> None:
    microphone = Microphone(rate)
    for block in np.array_split(sine(rate).astype(np.int16), 50):
        microphone.callback(block[:, None], len(block), None, FINE)
    heard = frames(microphone).astype(float)
    assert len(heard) == pytest.approx(MIC_RATE, abs=FRAME)
    middle = heard[MIC_RATE // 4 : MIC_RATE // 4 + MIC_RATE // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    peak = int(np.argmax(spectrum))
    assert peak == 150  # half a second: 2 Hz a bin
    assert spectrum[peak - 4 : peak + 5].sum() / spectrum.sum() > 1 - 1e-5


@given(cuts=st.lists(st.integers(1, 47_999), max_size=12))
def test_resampling_does_not_depend_on_the_cutting(cuts: list[int]) -> None:
    pcm = sine(48_000).astype(np.int16)
    whole = Resampler(48_000, MIC_RATE).process(pcm)
    resampler = Resampler(48_000, MIC_RATE)
    pieces = np.concatenate([resampler.process(part) for part in np.split(pcm, sorted(cuts))])
    length = min(len(whole), len(pieces))
    assert length > MIC_RATE - 50
    np.testing.assert_allclose(pieces[:length], whole[:length], atol=1)


@given(sizes=st.lists(st.integers(0, 700), max_size=20))
def test_blocks_are_cut_without_loss(sizes: list[int]) -> None:
    pcm = np.arange(sum(sizes), dtype=np.int16)
    cutter = Blocks(512)
    cut = [b for part in np.split(pcm, np.cumsum(sizes)) for b in cutter.cut(part)]
    assert all(len(block) == 512 for block in cut)
    np.testing.assert_array_equal(np.concatenate([*cut, pcm[len(cut) * 512 :]]), pcm)


def test_a_loop_that_stalls_loses_the_newest_and_says_so() -> None:
    microphone = Microphone()
    for number in range(BACKLOG_BLOCKS + 3):
        block = np.full((FRAME, 1), number, np.int16)
        microphone.callback(block, FRAME, None, SimpleNamespace(input_overflow=number == 1))
    assert (microphone.take_xruns(), microphone.take_xruns()) == (4, 0)
    assert len(frames(microphone)) == BACKLOG_BLOCKS * FRAME


def test_levels_are_in_db_of_full_scale() -> None:
    assert dbfs(np.full(320, -32768, np.int16)) == pytest.approx(0)
    assert dbfs(np.full(320, 3277, np.int16)) == pytest.approx(-20, abs=0.01)
    assert dbfs(np.zeros(320, np.int16)) == dbfs(np.zeros(0, np.int16)) == -96
