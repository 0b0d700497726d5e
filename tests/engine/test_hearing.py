"""The audio encoder by blocks: the audio tower's output, however the speech arrives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.engine import tiny
from tests.engine.test_mel import whole
from voicechat.engine.hearing import Hearing


@torch.inference_mode()
def heard(pcm: np.ndarray, piece: int) -> torch.Tensor:
    """What arrives at the Thinker, `[tokens, hidden]`."""
    hearing = Hearing(tiny.model().thinker.model.audio_tower, tiny.feature_extractor())
    pieces = np.split(pcm, range(piece, len(pcm), piece))
    return torch.cat([*(block for one in pieces for block in hearing.push(one)), hearing.rest()])


@pytest.mark.parametrize("seconds", [0.03, 1.3, 2.0, 2.001, 2.0025, 2.01, 4.9])
@pytest.mark.parametrize("piece", [320, 20_800, 10**6])
def test_it_is_the_audio_tower(speech, seconds, piece):
    pcm = speech(seconds)
    features = whole(pcm)
    with torch.inference_mode():
        tower = tiny.model().thinker.model.audio_tower
        expected = tower(features, feature_lens=torch.tensor([features.shape[1]]))
    torch.testing.assert_close(heard(pcm, piece), expected.last_hidden_state, atol=5e-6, rtol=1e-5)


def test_too_little_for_a_token_is_nothing(speech):
    assert len(heard(speech(0.02), 320)) == 0
