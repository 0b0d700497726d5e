"""`python main.py voices`: the preset voices of the chosen model."""

from __future__ import annotations

import argparse

from voicechat.cli.options import add_model_arguments, settings

HELP = "list the voices that --voice takes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model's flags."""
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prints a line a voice, without loading the model itself."""
    config = settings(args).model
    from rich.console import Console
    from rich.table import Table

    from voicechat.cli.wiring import inform
    from voicechat.engine.checkpoint import list_voices
    from voicechat.voices.presets import presets

    table = Table.grid(padding=(0, 3))
    for preset in presets(list_voices(config, inform), config.voice):
        table.add_row(preset.name, preset.description, "(default)" if preset.default else "")
    Console().print(table)
    return 0
