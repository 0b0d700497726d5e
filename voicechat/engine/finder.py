"""Finds a checkpoint by what the user called it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
)

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
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def _fetch(name: str, info: Callable[[str], None]) -> Path:
    info(f"fetching {name} from the hub")
    try:
        return Path(snapshot_download(name))  # shows its own progress
    except (HfHubHTTPError, HFValidationError, OSError) as fault:
        reason = str(fault).strip().splitlines()[0]
        raise UserError(f"{name} cannot be fetched: {reason}") from fault
