"""The stages of the recipe in their order, by the module that holds each."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voicechat.errors import UserError

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
TOGETHER = "thinker"  # the others write what they learn from before they begin


def stage(name: str) -> tuple[type, Callable[[Any, Path], None]]:
    """The settings of a stage, a frozen dataclass, and its `run(settings, workdir)`.

    Raises:
        UserError: Several processes were started for a stage that takes one.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and name != TOGETHER:
        raise UserError(
            f"only {TOGETHER} trains in several processes; start {name} without torchrun"
        )
    module_name, settings = STAGES[name]
    module = importlib.import_module(f"voicechat.training.{module_name}")
    return getattr(module, settings), module.run
