"""Features as transformers', the batched encoder as transformers', and both CTC losses."""

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import (
    Qwen2_5OmniAudioEncoderConfig,
)
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.training import hearing


@pytest.fixture(scope="module")
def encoder() -> Qwen2_5OmniAudioEncoder:
    torch.manual_seed(0)
    config = Qwen2_5OmniAudioEncoderConfig(
        num_mel_bins=80, d_model=32, encoder_layers=2, encoder_attention_heads=2,
        encoder_ffn_dim=64, n_window=100, output_dim=24, initializer_range=0.2,
    )  # fmt: skip
    return Qwen2_5OmniAudioEncoder(config).eval()


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    samples = int(seconds * 16_000)
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32) * 0.1


def test_features_are_transformers() -> None:
    pcm = np.concatenate([noise(1.3), noise(1.1) * 1e-4])
    theirs = WhisperFeatureExtractor(feature_size=80)(pcm, sampling_rate=16_000)["input_features"]
    ours = hearing.log_mel(pcm)
    inner = ours.shape[1] - 3  # the last frames see the mirror of the end, theirs the padding
    torch.testing.assert_close(ours[:, :inner], torch.tensor(theirs[0])[:, :inner])


def test_a_listener_bounds_a_block_by_what_it_has_heard_so_far() -> None:
    pcm = np.concatenate([noise(2.0) * 0.01, noise(1.0)])
    quiet_first, whole = hearing.log_mel(pcm, streaming=True), hearing.log_mel(pcm)
    assert torch.equal(quiet_first[:, 200:], whole[:, 200:])
    alone = hearing.log_mel(pcm[:32_000])
    assert torch.equal(quiet_first[:, :197], alone[:, :197])


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_shorter_tract_raises_every_frequency_and_takes_no_other_time(factor: float) -> None:
    def tone(hz: float) -> np.ndarray:
        return np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000).astype(np.float32)

    moved = hearing.log_mel(tone(2_000), tract=factor)
    other = hearing.log_mel(tone(2_000 * factor))
    assert moved.shape == other.shape
    assert torch.equal(moved[:, 5:-5].argmax(0), other[:, 5:-5].argmax(0))


@pytest.mark.parametrize("frames", [(137, 200, 455), (6, 401, 4)])
def test_a_batch_of_blocks_is_encoded_as_transformers_loop_does(encoder, frames) -> None:
    mels = [torch.randn(80, n) for n in frames]
    with torch.no_grad():
        ours, _ = hearing.encode(encoder, mels)
        for mel, out in zip(mels, ours, strict=True):
            lengths = torch.tensor([mel.shape[1]])
            theirs = encoder(mel, feature_lens=lengths).last_hidden_state
            torch.testing.assert_close(out, theirs, rtol=1e-4, atol=1e-4)


def test_what_spells_the_words_loses_less_than_what_does_not() -> None:
    ctc = hearing.TokenCtc(hearing.embedding_table(50, 384), blank=3)
    spelled = ctc.table[[3, 20, 3, 3, 21, 21, 3]]
    assert ctc.read(spelled) == [20, 21]
    right, wrong = ctc([spelled], [[20, 21]]), ctc([spelled], [[21, 20]])
    assert right < 0.01 < wrong
