"""Finds a checkpoint by what the user called it, and tells whether it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open

from voicechat.errors import UserError

POCKET = Path(__file__).parents[1] / "assets" / "pocket"

# What `auto` tries, best first, and the memory that it takes: 15 s of input in bfloat16, measured
# by Qwen, times the 1.2 that they say it takes in practice.
_RELEASED = {"Qwen/Qwen2.5-Omni-7B": 31.1 * 1.2e9, "Qwen/Qwen2.5-Omni-3B": 18.4 * 1.2e9}


def find(name: str, device: torch.device, info: Callable[[str], None]) -> Path:
    """Finds a checkpoint's folder; a hub name is fetched unless it is on disk.

    Args:
        name: `auto`, `pocket`, a folder, or a hub name.
        device: whose memory counts for `auto`.
        info: is told what was chosen.

    Raises:
        UserError: if there is nothing of that name.
    """
    if name == "auto":
        return _best(device, info)
    if name == "pocket":
        return _pocket()
    if (folder := Path(name).expanduser()).is_dir():
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(
            f"no model {name!r}: name a folder, a hub name like Qwen/Qwen2.5-Omni-3B, or pocket"
        )
    return _on_disk(name) or _fetch(name, info)


def check(folder: Path) -> int:
    """Refuses what is no whole Qwen2.5-Omni checkpoint.

    Returns:
        The size of its weights in bytes.

    Raises:
        UserError: naming what is missing or damaged.
    """
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


def _best(device: torch.device, info: Callable[[str], None]) -> Path:
    memory = _memory(device)
    for name, needed in _RELEASED.items():
        if needed <= memory and (folder := _on_disk(name)):
            info(f"model: {name}, the largest on disk that {memory / 1e9:.0f} GB hold")
            return folder
    info(f"model: pocket, for no released model on disk fits {memory / 1e9:.0f} GB of memory")
    return _pocket()


def _pocket() -> Path:
    if not (POCKET / "config.json").exists():
        raise UserError("the bundled model is missing here; name another with --model FOLDER")
    return POCKET


def _memory(device: torch.device) -> int:
    """Bytes that the device has in all."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    if not hasattr(os, "sysconf"):
        return 0  # Windows does not say; `auto` is then pocket
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _on_disk(name: str) -> Path | None:
    try:
        folder = Path(snapshot_download(name, local_files_only=True))
        check(folder)  # other programs fetch single files of a model
    except (LocalEntryNotFoundError, HFValidationError, UserError):
        return None
    return folder


def _fetch(name: str, info: Callable[[str], None]) -> Path:
    info(f"fetching {name} from the hub")
    try:
        return Path(snapshot_download(name))  # shows its own progress
    except Exception as fault:  # all that the hub, its http client and hf_xet have in common
        reason = (str(fault).strip() or type(fault).__name__).splitlines()[0]
        raise UserError(f"{name} cannot be fetched: {reason}") from fault
