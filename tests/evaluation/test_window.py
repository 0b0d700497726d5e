"""The windows that pocket ships with: what they cost on its own weights."""

from __future__ import annotations

import random

import pytest

from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import Checkpoint, load
from voicechat.engine.finder import POCKET
from voicechat.evaluation.window import mel_errors, settled_mel, wave_snrs

CODES = [random.Random(4).randrange(1, 1000) for _ in range(75)]

pytestmark = pytest.mark.skipif(
    not (POCKET / "config.json").exists(), reason="the bundled model is not there"
)


@pytest.fixture(scope="module")
def pocket() -> Checkpoint:
    return load(ModelConfig(name="pocket", device="cpu"))


def test_the_blocks_ahead_keep_the_mel_within_a_tenth_of_a_db(pocket: Checkpoint) -> None:
    shipped = pocket.settings.token2wav.blocks_ahead
    errors = {ahead: mean for ahead, mean, _ in mel_errors(pocket, pocket.voice(""), CODES)}
    assert errors[shipped] < 0.0115, errors  # 0.1 dB, in natural logarithms


def test_the_context_keeps_the_samples_within_60_db(pocket: Checkpoint) -> None:
    shipped = pocket.settings.token2wav.vocoder_context_frames
    mel = settled_mel(pocket, pocket.voice(""), CODES)
    ratios = dict(wave_snrs(pocket, mel))
    assert ratios[shipped] >= 60, ratios
