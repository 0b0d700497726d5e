"""Loads a Qwen2.5-Omni checkpoint as transformers' own classes, or says in one line why not."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import (
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen2_5OmniForConditionalGeneration,
    WhisperFeatureExtractor,
)
from transformers.utils import is_flash_attn_2_available

from voicechat.config import ModelConfig, ModelSettings, merge, read_yaml
from voicechat.engine import finder
from voicechat.errors import UserError
from voicechat.voices.presets import choose

_LARGE = 4e9  # bytes of weights: from here on a CPU computes in bfloat16, to hold them


@dataclass(frozen=True, eq=False)
class Voice:
    """What `spk_dict.pt` holds for a name.

    Attributes:
        name: as the user chooses it.
        bos_token: tells the Talker who speaks.
        cond: `[1, 192]`, speaker embedding of token2wav.
        ref_mel: `[1, frames, 80]`, its reference.
    """

    name: str
    bos_token: int
    cond: Tensor
    ref_mel: Tensor


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A loaded model and what it needs to be used.

    Attributes:
        where: its folder.
        model: transformers' whole model, in evaluation mode on its device.
        tokenizer: of the text.
        feature_extractor: of the speech.
        voices: by name; the first is the default.
        settings: defaults, then `voicechat.yaml` beside the weights, then the session's.
        eos: tokens that end a text.
        talker_eos: codes that end the speech.
    """

    where: Path
    model: Qwen2_5OmniForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    feature_extractor: WhisperFeatureExtractor
    voices: dict[str, Voice]
    settings: ModelSettings
    eos: tuple[int, ...]
    talker_eos: tuple[int, ...]

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.model.thinker.lm_head.weight.device

    @property
    def context_tokens(self) -> int:
        """How long a talk it was made for."""
        return self.model.config.thinker_config.text_config.max_position_embeddings

    @property
    def speaks(self) -> bool:
        """Whether it came with a Talker."""
        return self.model.has_talker

    def voice(self, name: str) -> Voice:
        """Finds a voice, whatever its case; no name is the default.

        Raises:
            UserError: naming the known ones.
        """
        return self.voices[choose(list(self.voices), name)]


def load(config: ModelConfig, info: Callable[[str], None] = lambda line: None) -> Checkpoint:
    """Finds, checks and loads a checkpoint.

    Args:
        config: the model's name, device and dtype, and settings over the checkpoint's own.
        info: is told in one line what was chosen and why.

    Raises:
        UserError: if there is no such checkpoint, or it cannot be used.
    """
    device = _device(config.device)
    folder = finder.find(config.name, device, info)
    size = _check(folder)
    choose(_names(folder), config.voice)  # refused before a large model is loaded
    dtype = _dtype(config.dtype, device, size)
    info(f"loading {folder.name} ({size / 1e9:.1f} GB) on {device.type} in {_name(dtype)}")
    attention = "sdpa"  # captured steps bring masks, which flash attention does not take
    if device.type == "cuda" and not config.graphs and is_flash_attn_2_available():
        attention = "flash_attention_2"
    model = _model(folder, dtype=dtype, attn_implementation=attention).to(device).eval()
    return assemble(folder, model, config)


def list_voices(config: ModelConfig, info: Callable[[str], None]) -> list[str]:
    """The names of a checkpoint's voices, the default first, without loading its model.

    Raises:
        UserError: as `load`.
    """
    folder = finder.find(config.name, _device(config.device), info)
    _check(folder)
    return _names(folder)


def assemble(
    folder: Path, model: Qwen2_5OmniForConditionalGeneration, config: ModelConfig
) -> Checkpoint:
    """Puts a model together with what lies beside its weights.

    The whole processor is never built: its image and video parts need torchvision, and speech
    and text need neither.
    """
    settings = ModelSettings()
    if (own := folder / "voicechat.yaml").exists():
        settings = merge(settings, read_yaml(own), str(own))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    eos = model.thinker.generation_config.eos_token_id
    if eos is None:
        eos = tokenizer.convert_tokens_to_ids("<|im_end|>")
    talker = model.config.talker_config
    return Checkpoint(
        where=folder,
        model=model,
        tokenizer=tokenizer,
        feature_extractor=WhisperFeatureExtractor.from_pretrained(folder),
        voices=_voices(folder / "spk_dict.pt", model.device),
        settings=merge(settings, config.settings, "model.settings"),
        eos=(eos,) if isinstance(eos, int) else tuple(eos),
        talker_eos=(talker.tts_codec_pad_token_id, talker.tts_codec_end_token_id),
    )


def _names(folder: Path) -> list[str]:
    return list(_voices(folder / "spk_dict.pt", torch.device("cpu")))


def _device(name: str) -> torch.device:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, there in available.items() if there), "cpu"))
    if not available.get(name, True):
        raise UserError(f"there is no {name} device here; use --set model.device=cpu")
    return torch.device(name)


def _dtype(name: str, device: torch.device, size: int) -> torch.dtype:
    if name != "auto":
        return getattr(torch, name)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if device.type == "mps" or size > _LARGE else torch.float32


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _check(folder: Path) -> int:
    """Refuses what is no whole Qwen2.5-Omni checkpoint; gives the size of its weights in bytes."""
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UserError(f"{folder} is no checkpoint: it has no usable config.json") from fault
    if kind != "qwen2_5_omni":
        raise UserError(f"{folder} holds a {kind} model; only Qwen2.5-Omni can be used here")
    for needed in ("preprocessor_config.json", "tokenizer_config.json", "spk_dict.pt"):
        if not (folder / needed).exists():
            raise UserError(f"{folder} is not complete: {needed} is missing; fetch it again")
    shards = _shards(folder)
    for shard in shards:
        try:
            safe_open(shard, "pt").keys()
        except (OSError, SafetensorError) as fault:
            reason = "is missing" if not shard.exists() else f"is damaged ({fault})"
            raise UserError(f"{shard} {reason}; fetch the checkpoint again") from fault
    return sum(shard.stat().st_size for shard in shards)


def _shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError) as fault:
        raise UserError(f"{index} is damaged; fetch the checkpoint again") from fault
    return [folder / name for name in sorted(names)]


def _model(folder: Path, **kwargs: Any) -> Qwen2_5OmniForConditionalGeneration:
    # Around the class's own `from_pretrained`, which cannot tell what was missing.
    load = PreTrainedModel.from_pretrained.__func__
    try:
        model, loaded = load(
            Qwen2_5OmniForConditionalGeneration, folder, output_loading_info=True, **kwargs
        )
    except ImportError as fault:  # GPTQ and AWQ need packages of their own
        reason = str(fault).strip().splitlines()[0]
        raise UserError(f"{folder.name} is quantised and needs more packages: {reason}") from fault
    if missing := sorted(loaded["missing_keys"]):
        raise UserError(f"{folder} is not complete: it has no weights for {missing[0]}")
    return model


def _voices(path: Path, device: torch.device) -> dict[str, Voice]:
    try:
        entries = torch.load(path, map_location=device, weights_only=True)
        return {
            name: Voice(name, int(entry["bos_token"]), entry["cond"], entry["ref_mel"])
            for name, entry in entries.items()
        }
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as fault:
        raise UserError(f"{path} is damaged; fetch the checkpoint again") from fault
