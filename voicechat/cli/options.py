"""Flags that several commands share, and the settings that they amount to."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path

from voicechat.config import Config, load
from voicechat.errors import UserError

# flag -> the setting that it is short for
_SHORT = {
    "model": "model.name",
    "voice": "model.voice",
    "persona": "model.persona",
    "lang": "model.lang",
    "seed": "model.seed",
    "input": "audio.input",
    "output": "audio.output",
    "echo": "audio.echo",
}
_SWITCHES = {
    "greedy": "model.greedy=true",
    "text_only": "model.text_only=true",
    "push_to_talk": "turns.push_to_talk=true",
    "no_interrupt": "barge_in.enabled=false",
}


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags that choose the model and how it speaks, and the settings behind all flags."""
    parser.add_argument("--model", metavar="M", help="pocket, a folder, a hub name, or auto")
    parser.add_argument("--voice", metavar="V", help="a preset voice (see `voices`)")
    parser.add_argument("--persona", metavar="TEXT", help="appended to the system prompt")
    parser.add_argument("--greedy", action="store_true", help="no sampling")
    parser.add_argument("--seed", type=int, metavar="N", help="of all sampling")
    add_config_arguments(parser)


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--set`, which reach every setting."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (YAML)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. turns.end_ms=500"
    )


def count(text: str) -> int:
    """At least 1, as an argument's type."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} should be at least 1")
    return number


def seconds(text: str) -> float:
    """A length of time, as an argument's type."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} should be at least 0")
    return number


def check_writable(path: Path) -> None:
    """Refuses a file that could not be written, before the work for it is done.

    Raises:
        UserError: naming it.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; the name of a file is needed")
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"{path}: cannot be written")


def override(key: str, value: object) -> str:
    """A setting as `--set` takes it, whatever its value holds."""
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


def settings(args: argparse.Namespace) -> Config:
    """The session's settings: defaults, then `--config`, then `--set`, then the short flags.

    Raises:
        UserError: for anything that does not fit.
    """
    given = vars(args)
    overrides = list(args.set)
    for flag, key in _SHORT.items():
        if given.get(flag) is not None:
            overrides.append(override(key, given[flag]))
    overrides += [text for flag, text in _SWITCHES.items() if given.get(flag)]
    return load(args.config, overrides)
