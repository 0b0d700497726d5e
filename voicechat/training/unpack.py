"""Takes a checkpoint apart, so that the stages go on from its weights instead of from nothing.

What `export` wrote for the program is undone: the Thinker's loud states come back, and each stage
finds its network as `start.pt` in its folder (see `loop.Trainer`).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import Qwen2_5OmniForConditionalGeneration

from voicechat.engine.finder import POCKET
from voicechat.errors import UserError
from voicechat.training.export import EARS, check_channels
from voicechat.training.files import whole
from voicechat.training.thinker import loud

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class UnpackConfig:
    """Settings of the stage `unpack`.

    Attributes:
        checkpoint: Folder of a checkpoint that `export` wrote; empty for the bundled one.
    """

    checkpoint: str = ""


def run(config: UnpackConfig, workdir: Path) -> None:
    """Writes what each stage begins with, and the tokenizer.

    Raises:
        UserError: The folder is no exported checkpoint, or one of an earlier version.
    """
    source = Path(config.checkpoint).expanduser() if config.checkpoint else POCKET
    files = ("model.safetensors", EARS, "tokenizer.json")
    if missing := [name for name in files if not (source / name).is_file()]:
        raise UserError(f"{source} is no checkpoint that 'train export' wrote: no {missing[0]}")
    model = Qwen2_5OmniForConditionalGeneration.from_pretrained(source, dtype=torch.float32)
    check_channels(model, source)
    with whole(workdir / "tokenizer.json") as part:
        shutil.copyfile(source / "tokenizer.json", part)
    for stage, modules in starts(model, load_file(source / EARS)).items():
        with whole(workdir / stage / "start.pt") as part:
            torch.save(modules, part)
    print(f"{workdir} begins with {source}")


def starts(
    model: Qwen2_5OmniForConditionalGeneration, ears: Weights
) -> Mapping[str, Mapping[str, Weights]]:
    """Weights by stage and module of an exported model and its codec's encoder."""
    loud(model.thinker)
    token2wav = model.token2wav
    return {
        "hearing": {"encoder": model.thinker.model.audio_tower.state_dict()},
        "reading": {"thinker": model.thinker.state_dict()},
        "codec": {"codec": {f"encoder.{k}": v.float() for k, v in ears.items()}},
        "dit": {"dit": token2wav.code2wav_dit_model.state_dict()},
        "vocoder": {"bigvgan": token2wav.code2wav_bigvgan_model.state_dict()},
        "talker": {"talker": model.talker.state_dict()},
    }
