"""`python main.py`: the talk, by microphone and speaker, or else over recorded questions."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from voicechat.cli.options import add_model_arguments, settings
from voicechat.config import AudioConfig, Config, dump
from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.cli.sample import Show
    from voicechat.conversation.session import Devices
    from voicechat.engine.base import Engine
    from voicechat.ui.screen import Display

    MakeDisplay = Callable[[Config], Display]

HELP = "talk by microphone and speaker; what happens without a command"
LOG = Path.home() / ".cache" / "voicechat" / "log.txt"
REPLY = Path("reply.wav")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The talk's flags."""
    add_model_arguments(parser)
    parser.add_argument("--lang", metavar="L", help="the language to answer in, e.g. en")
    parser.add_argument("--input", metavar="DEVICE", help="microphone: a name or a number")
    parser.add_argument("--output", metavar="DEVICE", help="speaker: a name or a number")
    parser.add_argument(
        "--echo", metavar="HOW", help="auto, headset, aec, gate or half (see the README)"
    )
    parser.add_argument("--record", type=Path, metavar="DIR", help="record the session there")
    parser.add_argument(
        "--push-to-talk", action="store_true", help="space begins a turn, space ends it"
    )
    parser.add_argument("--no-interrupt", action="store_true", help="replies cannot be talked over")
    parser.add_argument("--plain", action="store_true", help="lines instead of a live screen")
    parser.add_argument(
        "--show-config", action="store_true", help="print all settings as YAML and end"
    )


def run(args: argparse.Namespace) -> int:
    """Talks until the user leaves."""
    config = settings(args)
    if args.show_config:
        print(dump(config), end="")
        return 0
    fault = _missing_devices(config.audio)
    if fault:
        print(f"{fault}\nInstead, a sample: recorded questions are asked.", file=sys.stderr)
    if args.record:
        from voicechat.recording.writer import make_folder

        make_folder(args.record)
    from voicechat.cli.wiring import make_engine

    log = _open_log()
    engine, voice = make_engine(config.model)
    talk = _sample if fault else _live
    talk(args, config, engine, partial(_display, args, log, voice))
    if args.record:
        print(f"{args.record} holds the session; see `python main.py report {args.record}`.")
    return 0


def _missing_devices(config: AudioConfig) -> str:
    """Why there is no sound here, found before a model is loaded; empty if there is.

    Raises:
        UserError: if a device that was asked for is the one missing.
    """
    from voicechat.audio.devices import Devices

    try:
        Devices(config).close()
    except UserError as fault:
        if config.input or config.output:
            raise
        return str(fault)
    return ""


def _live(
    args: argparse.Namespace, config: Config, engine: Engine, make_display: MakeDisplay
) -> None:
    """The talk by microphone and speaker."""
    from voicechat.audio.calibration import choose_echo
    from voicechat.audio.devices import Devices

    with Devices(config.audio) as devices:
        echo = choose_echo(config.audio.echo, devices.input.name, devices.output.name)
        config = _with_echo(config, echo)
        display = make_display(config)
        _hold(args, config, engine, devices, display, display.show)


def _sample(
    args: argparse.Namespace, config: Config, engine: Engine, make_display: MakeDisplay
) -> None:
    """The talk over recorded questions; no speaker, no echo."""
    from voicechat.cli.sample import SampleTalk

    config, devices = _with_echo(config, "headset"), SampleTalk()
    display = make_display(config)
    _hold(args, config, engine, devices, display, devices.watched(display.show))
    devices.write(REPLY)
    print(f"{REPLY} holds what was said: the questions left, the answers right.")


def _hold(
    args: argparse.Namespace,
    config: Config,
    engine: Engine,
    devices: Devices,
    display: Display,
    show: Show,
) -> None:
    """Wires a session and runs it until it ends."""
    from voicechat.cli.wiring import make_core
    from voicechat.conversation.session import EngineThread, Session
    from voicechat.recording.writer import Recorder
    from voicechat.ui.keys import Keyboard
    from voicechat.ui.terminal import hold

    core = make_core(config)
    with ExitStack() as held:
        recorder = held.enter_context(Recorder(args.record, config)) if args.record else None
        worker = held.enter_context(closing(EngineThread(engine)))
        session = Session(core, worker, devices, show, recorder)
        hold(session, display, Keyboard(by_line=_is_plain(args)))


def _with_echo(config: Config, mode: str) -> Config:
    return replace(config, audio=replace(config.audio, echo=mode))


def _is_plain(args: argparse.Namespace) -> bool:
    return args.plain or not sys.stdout.isatty()


def _display(args: argparse.Namespace, log: Path, voice: str, config: Config) -> Display:
    from voicechat.ui.plain import Plain
    from voicechat.ui.screen import Screen
    from voicechat.ui.view import View

    if _is_plain(args):
        return Plain(voice)
    view = View(
        voice,
        echo=f"echo {config.audio.echo}",
        threshold=config.turns.threshold,
        push_to_talk=config.turns.push_to_talk,
    )
    return Screen(view, log)


def _open_log() -> Path:
    """Tracebacks go there, so that the screen stays whole; it holds the latest talk."""
    log = LOG
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"")
    except OSError as fault:
        print(f"{log}: {fault.strerror}; this talk has no log", file=sys.stderr)
        log = Path(os.devnull)
    logging.basicConfig(filename=log, format="%(asctime)s %(name)s %(message)s", force=True)
    return log
