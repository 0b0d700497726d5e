"""What `doctor` makes of the canceller, in rooms with noise of their own."""

from __future__ import annotations

import numpy as np
import pytest

from tests.audio.test_echo import blocks_of, echo_of, far_end
from voicechat.audio.calibration import EchoPath
from voicechat.audio.checkup import TAIL_S, measure_erle
from voicechat.audio.levels import SILENCE_DB
from voicechat.clock import FRAME, SPEAKER_RATE

TAIL = np.zeros(round(TAIL_S * SPEAKER_RATE), dtype=np.int16)
PLAYED = np.concatenate((far_end(), TAIL))


def measured(echo: np.ndarray, noise_db: float) -> float | None:
    """The measure of a room with this echo and noise: `[samples]` int16, 16 kHz."""
    noise = 32768 * 10 ** (noise_db / 20) * np.random.default_rng(0).standard_normal(len(echo))
    mic = np.clip(np.rint(echo + noise), -32768, 32767).astype(np.int16)
    frames = mic[: len(mic) // FRAME * FRAME].reshape(-1, FRAME)
    return measure_erle(frames, blocks_of(PLAYED, len(frames), 0))


def remedy(erle_db: float | None) -> str:
    return EchoPath("mic", "out", 80, 12, erle_db).remedy()


@pytest.mark.parametrize(
    ("loss_db", "noise_db"), [(0, -42), (6, -48), (12, -70), (12, -48), (20, -54)]
)
def test_what_the_canceller_removes_is_measured_above_the_noise(
    loss_db: float, noise_db: float
) -> None:
    erle_db = measured(echo_of(PLAYED, 80, loss_db), noise_db)
    assert erle_db is not None and erle_db > 15
    assert remedy(erle_db) == "aec"


@pytest.mark.parametrize(
    ("loss_db", "noise_db"), [(45, SILENCE_DB), (45, -45), (30, -45), (12, -30)]
)
def test_an_echo_too_soft_to_measure_is_left_to_the_canceller(
    loss_db: float, noise_db: float
) -> None:
    assert measured(echo_of(PLAYED, 80, loss_db), noise_db) is None
    assert remedy(None) == "aec"


@pytest.mark.parametrize("noise_db", [-70, -48])
def test_an_echo_that_the_canceller_cannot_follow_is_gated(noise_db: float) -> None:
    other = np.concatenate((far_end()[::-1], TAIL))
    erle_db = measured(echo_of(other, 80, 12), noise_db)
    assert erle_db is not None and erle_db < 3
    assert remedy(erle_db) == "gate"
