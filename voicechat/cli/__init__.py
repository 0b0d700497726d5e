"""The command line: one file a command, and the only place that picks classes and wires them.

A command's module has `HELP`, `add_arguments(parser)` and `run(args) -> int`; it imports what is
heavy inside `run`, so that `--help` is instant.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from voicechat import __version__
from voicechat.errors import UserError

COMMANDS = (
    "talk", "ask", "voices", "devices", "doctor", "replay", "report", "bench", "train",
)  # fmt: skip
DEFAULT = "talk"


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = argparse.ArgumentParser(
        prog="voicechat",
        description="Talk with Qwen2.5-Omni. Without a command: talk, by microphone and speaker.",
    )
    root.add_argument("--version", action="version", version=__version__)
    commands = root.add_subparsers(dest="command", metavar="COMMAND")
    for name in COMMANDS:
        module = importlib.import_module(f"voicechat.cli.{name}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return root


def main(argv: list[str] | None = None) -> int:
    """Runs one command; a user's fault is one line and status 2."""
    argv = sys.argv[1:] if argv is None else argv
    first = argv[0] if argv else ""
    if first not in (*COMMANDS, "-h", "--help", "--version"):
        argv = [DEFAULT, *argv]
    _quiet()
    try:
        args = parser().parse_args(argv)
        return args.run(args)
    except UserError as fault:
        print(f"voicechat: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _quiet() -> None:
    """Before anything loads transformers: it warns of what is normal in these checkpoints."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not sys.stderr.isatty():  # bars are for terminals
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
