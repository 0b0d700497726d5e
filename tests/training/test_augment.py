"""Every trial keeps the lengths, levels and ratios that it promises, by its seed alone."""

from dataclasses import replace

import numpy as np
import pytest

from voicechat.clock import HEARING_BLOCK
from voicechat.training.augment import NOISES, Augmentation, at_snr, augment, noise

OFF = Augmentation(warp=0, pause=0, room=0, telephone=0, microphone=0, echo=0, noise=0,
                   level_db=(0, 0), floor_db=(-200, -200), lead_ms=(250, 250),
                   trail_ms=(500, 500))  # fmt: skip


def speech(seconds: float = 1.5) -> np.ndarray:
    t = np.arange(int(seconds * 16_000)) / 16_000
    return (0.1 * np.sin(2 * np.pi * 220 * t) * np.sin(2 * np.pi * 3 * t)).astype(np.float32)


def power_db(pcm: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(pcm.astype(np.float64) ** 2)))


def octave_db(pcm: np.ndarray, octave: slice) -> float:
    return float(10 * np.log10(np.mean(np.abs(np.fft.rfft(pcm)[octave]) ** 2)))


@pytest.mark.parametrize("seed", range(12))
def test_a_seed_gives_one_result_of_the_promised_length(seed: int) -> None:
    a, x = Augmentation(), speech()
    first = augment(x, [speech(0.4)], a, np.random.default_rng(seed))
    again = augment(x, [speech(0.4)], a, np.random.default_rng(seed))
    assert np.array_equal(first, again)
    shortest = len(x) * (1 - a.warp) + 16 * (a.lead_ms[0] + a.trail_ms[0])
    longest = len(x) * (1 + a.warp) + 16 * (a.lead_ms[1] + a.pause_ms[1] + a.trail_ms[1])
    assert shortest - 2 <= len(first) <= longest + 2
    assert first.dtype == np.float32 and np.abs(first).max() <= 1


def test_with_all_chances_at_nought_only_silence_is_added() -> None:
    x = speech()
    y = augment(x, [x], OFF, np.random.default_rng(0))
    np.testing.assert_allclose(y[4000:-8000], x, atol=1e-3)
    assert np.abs(y[:4000]).max() < 1e-6 and np.abs(y[-8000:]).max() < 1e-6


def test_speech_is_made_to_end_just_behind_the_edge_of_a_block() -> None:
    """The share of 2.5 s of speech that leaves its last block less than 0.6 s of it."""

    def share(block_edge: float) -> float:
        a = replace(OFF, warp=0.1, block_edge=block_edge, lead_ms=(0, 500), trail_ms=(0, 0))
        ends = [
            len(augment(x, [x], a, np.random.default_rng(seed))) % HEARING_BLOCK
            for seed in range(100)
        ]
        return float(np.mean(np.array(ends) < 0.6 * 16_000))

    x = speech(2.5)
    assert share(0.0) < 0.3 < 0.5 < share(1.0)


def test_a_pause_stands_where_it_was_quiet_and_nothing_is_lost() -> None:
    x = speech()  # fades out every third of a second
    pausing = replace(OFF, pause=1, pause_ms=(500, 500), lead_ms=(0, 0), trail_ms=(0, 0))
    y = augment(x, [x], pausing, np.random.default_rng(0))
    assert len(y) == len(x) + 8000
    at = next(i for i in range(len(x)) if np.abs(y[i : i + 8000]).max() < 1e-6)
    np.testing.assert_allclose(np.delete(y, slice(at, at + 8000)), x, atol=1e-3)
    assert min(abs(at / 16_000 - quiet) for quiet in (1 / 3, 2 / 3, 1.0)) < 0.04


@pytest.mark.parametrize("db", [-18.0, 6.0])
def test_a_level_is_met(db: float) -> None:
    x = speech()
    y = augment(x, [x], replace(OFF, level_db=(db, db)), np.random.default_rng(0))
    assert power_db(y[4000:-8000]) == pytest.approx(power_db(x) + db, abs=0.1)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_stands_at_its_ratio(kind: str) -> None:
    x, rng = speech(4.0), np.random.default_rng(1)
    noisy = noise(kind, len(x), [speech(1.1), speech(0.7)], rng)
    assert len(noisy) == len(x)
    assert power_db(at_snr(x, x, noisy, 15.0) - x) == pytest.approx(power_db(x) - 15, abs=0.2)


def test_a_microphone_colours_the_speech_within_its_bounds() -> None:
    hiss = np.random.default_rng(0).standard_normal(64_000).astype(np.float32) * 0.02
    off = replace(OFF, lead_ms=(0, 0), trail_ms=(0, 0))
    heard = augment(hiss, [hiss], replace(off, microphone=1), np.random.default_rng(0))
    plain = augment(hiss, [hiss], off, np.random.default_rng(0))
    octaves = [slice(60 * 4 * 2**k, 60 * 4 * 2 ** (k + 1)) for k in range(7)]  # 0.25 Hz a bin
    change = [octave_db(heard, o) - octave_db(plain, o) for o in octaves]
    assert max(change) - min(change) > 3
    assert max(np.abs(change)) <= off.microphone_db + 0.1


def test_a_telephone_passes_no_highs() -> None:
    hiss = np.random.default_rng(0).standard_normal(32_000).astype(np.float32) * 0.05
    y = augment(hiss, [hiss], replace(OFF, telephone=1), np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(y)) ** 2
    high = spectrum[len(spectrum) * 5 // 8 :].mean()  # above 5 kHz
    assert high < 1e-3 * spectrum[len(spectrum) // 8 : len(spectrum) * 3 // 8].mean()
