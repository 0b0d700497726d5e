"""Loads a Qwen2.5-Omni checkpoint as transformers' own classes, or says in one line why not."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
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

T = TypeVar("T")
_LARGE = 4e9  # bytes of weights: from here on a CPU computes in bfloat16, to hold them


@dataclass(frozen=True, eq=False)
class Voice:
    """What `spk_dict.pt` holds for a name.

    Attributes:
        name: as the user chooses it.
        bos_token: tells the Talker who speaks.
        cond: `[1, 192]`, speaker embedding of token2wav.
        ref_mel: `[1, frames, mel_dim]`, its reference.
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
    size = finder.check(folder)
    choose(_names(folder), config.voice)  # refused before a large model is loaded
    dtype = _dtype(config.dtype, device, size)
    info(f"loading {folder.name} ({size / 1e9:.1f} GB) on {device.type} in {_name(dtype)}")
    attention = "sdpa"  # captured steps bring masks, which flash attention does not take
    if device.type == "cuda" and not config.graphs and is_flash_attn_2_available():
        attention = "flash_attention_2"
    with refusing_the_too_large():
        model = _model(folder, dtype=dtype, attn_implementation=attention).to(device).eval()
    return assemble(folder, model, config)


@contextmanager
def refusing_the_too_large() -> Iterator[None]:
    """Inside, or in what it decorates, a full GPU is the model's fault: nothing was said yet."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as fault:
        raise UserError(
            "the GPU's memory does not hold this model; name a smaller one with --model"
        ) from fault


def list_voices(config: ModelConfig, info: Callable[[str], None]) -> list[str]:
    """The names of a checkpoint's voices, the default first, without loading its model.

    Raises:
        UserError: as `load`.
    """
    folder = finder.find(config.name, _device(config.device), info)
    finder.check(folder)
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
    tokenizer = _beside(folder, AutoTokenizer, "tokenizer")
    eos = model.thinker.generation_config.eos_token_id
    if eos is None:
        eos = tokenizer.convert_tokens_to_ids("<|im_end|>")
    talker = model.config.talker_config
    return Checkpoint(
        where=folder,
        model=model,
        tokenizer=tokenizer,
        feature_extractor=_beside(folder, WhisperFeatureExtractor, "feature extractor"),
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


def _beside(folder: Path, kind: type[T], name: str) -> T:
    """What transformers' class makes of its files beside the weights."""
    try:
        return kind.from_pretrained(folder)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise UserError(
            f"{folder}: the files of its {name} are missing or damaged; fetch it again"
        ) from fault


def _voices(path: Path, device: torch.device) -> dict[str, Voice]:
    try:
        entries = torch.load(path, map_location=device, weights_only=True)
        return {
            name: Voice(name, int(entry["bos_token"]), entry["cond"], entry["ref_mel"])
            for name, entry in entries.items()
        }
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as fault:
        raise UserError(f"{path} is damaged; fetch the checkpoint again") from fault
