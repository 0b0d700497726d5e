"""`train STAGE`: makes the bundled checkpoint, or adds a voice to it."""

from __future__ import annotations

import argparse
from pathlib import Path

from voicechat.cli.options import override
from voicechat.config import load
from voicechat.training.stages import STAGES, stage

HELP = "train a stage of pocket, the bundled checkpoint, or add a voice to it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The stage, its settings, where the work lies, and what a new voice needs."""
    parser.add_argument("stage", choices=STAGES, help="in this order; each resumes by itself")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings of the stage (YAML)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. steps=500"
    )
    parser.add_argument(
        "--workdir", type=Path, default=Path.home() / ".cache" / "voicechat" / "train",
        help="data and checkpoints of the stages (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--name", help="voice: what the new voice is called")
    parser.add_argument("--data", metavar="FOLDER", help="voice: its recordings, wav + txt pairs")


def run(args: argparse.Namespace) -> int:
    """Trains from the stage's last checkpoint to its end."""
    given = {"name": args.name, "data": args.data}
    overrides = [override(key, value) for key, value in given.items() if value is not None]
    settings, train = stage(args.stage)
    train(load(args.config, args.set + overrides, settings), args.workdir.expanduser())
    return 0
