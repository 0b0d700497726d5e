"""Flags that several commands share, and the settings that they amount to."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from voicechat.config import Config, load

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


def settings(args: argparse.Namespace) -> Config:
    """The session's settings: defaults, then `--config`, then `--set`, then the short flags.

    Raises:
        UserError: for anything that does not fit.
    """
    given = vars(args)
    overrides = list(args.set)
    for flag, key in _SHORT.items():
        if given.get(flag) is not None:
            overrides.append(f"{key}={json.dumps(given[flag])}")
    overrides += [text for flag, text in _SWITCHES.items() if given.get(flag)]
    return load(args.config, overrides)
