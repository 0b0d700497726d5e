"""The stages of the recipe in their order, by the module that holds each."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

STAGES = {
    "data": ("data", "DataConfig"),
    "unpack": ("unpack", "UnpackConfig"),
    "codec": ("codec", "CodecConfig"),
    "dit": ("dit", "DiTConfig"),
    "vocoder": ("vocoder", "VocoderConfig"),
    "talker": ("talker", "TalkerConfig"),
    "dpo": ("dpo", "DPOConfig"),
    "thinker": ("mind", "ThinkerConfig"),
    "voice": ("voice", "VoiceConfig"),
    "export": ("export", "ExportConfig"),
}


def stage(name: str) -> tuple[type, Callable[[Any, Path], None]]:
    """The settings of a stage, a frozen dataclass, and its `run(settings, workdir)`."""
    module_name, settings = STAGES[name]
    module = importlib.import_module(f"voicechat.training.{module_name}")
    return getattr(module, settings), module.run
