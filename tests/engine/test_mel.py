"""Streaming log-mel: the extractor's features, however the speech arrives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.engine import tiny
from voicechat.engine.mel import LogMel

FRAMES = 200


def stream(pcm: np.ndarray, cuts: list[int]) -> torch.Tensor:
    """Features `[bins, frames]` of speech that arrives in pieces."""
    mel = LogMel(tiny.feature_extractor(), FRAMES)
    blocks = [block for piece in np.split(pcm, cuts) for block in mel.push(piece)]
    return torch.cat([*blocks, mel.rest()], dim=1)


def whole(pcm: np.ndarray) -> torch.Tensor:
    """The extractor's features of the whole clip, without its padding."""
    made = tiny.feature_extractor()(
        pcm.astype(np.float32) / 32768,
        sampling_rate=16_000,
        return_tensors="pt",
        return_attention_mask=True,
    )
    return made["input_features"][0, :, : int(made["attention_mask"].sum())]


@pytest.mark.parametrize(
    "samples", [1, 159, 160, 161, 201, 480, 31_999, 32_000, 32_001, 32_039, 32_040, 70_001]
)
def test_the_features_are_the_extractors(speech, samples):
    pcm = speech(5)[:samples]
    torch.testing.assert_close(stream(pcm, []), whole(pcm), atol=1e-6, rtol=0)


@given(st.lists(st.integers(0, 70_000), max_size=6).map(sorted))
def test_cutting_changes_nothing(cuts):
    pcm = np.random.default_rng(3).normal(0, 3000, 70_000).astype(np.int16)
    assert torch.equal(stream(pcm, cuts), stream(pcm, []))


@pytest.mark.parametrize("piece", [1, 320, 20_800])
def test_pieces_of_one_size_change_nothing(speech, piece):
    pcm = speech(2.2)
    cuts = list(range(piece, len(pcm), piece)) if piece > 1 else list(range(31_990, 32_060))
    assert torch.equal(stream(pcm, cuts), stream(pcm, []))


def test_looking_at_the_rest_changes_nothing(speech):
    pcm, mel = speech(2.5), LogMel(tiny.feature_extractor(), FRAMES)
    blocks = []
    for piece in np.split(pcm, range(1000, len(pcm), 1000)):
        blocks += mel.push(piece)
        mel.rest()
    assert torch.equal(torch.cat([*blocks, mel.rest()], dim=1), stream(pcm, []))


def test_only_what_is_softer_than_80_db_before_the_loudest_differs(speech):
    """The one global thing: a late shout lifts the clip's floor, not that of finished blocks."""
    pcm = speech(5)
    pcm[: 2 * 16_000] = pcm[: 2 * 16_000] // 3000
    streamed, clip = stream(pcm, []), whole(pcm)
    floor = clip.min()
    raised = clip[:, :FRAMES] > streamed[:, :FRAMES] + 1e-6
    assert raised.any()
    torch.testing.assert_close(clip[:, :FRAMES][raised], floor.expand(int(raised.sum())))
    torch.testing.assert_close(streamed[:, FRAMES:], clip[:, FRAMES:], atol=1e-6, rtol=0)
