"""`python main.py replay`: a recorded session or any microphone file, through the same program."""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voicechat.cli.options import add_model_arguments, check_writable, seconds, settings
from voicechat.clock import TICKS_PER_S
from voicechat.config import Config
from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.engine.base import Engine
    from voicechat.evaluation.room import Span
    from voicechat.evaluation.turns import Log
    from voicechat.recording.reader import Recording

HELP = "replay a recorded session (a folder) or any recorded microphone (a wav)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `replay`."""
    parser.add_argument(
        "path", type=Path,
        help="a folder made by --record: its ticks are folded again and the actions compared; "
        "or the wav of a microphone: it goes through the whole program",
    )  # fmt: skip
    parser.add_argument(
        "--engine", action="store_true", help="of a folder: its microphone through the model"
    )
    parser.add_argument(
        "--sweep", metavar="KEY=A:B:STEP", help="what a setting changes: turns.end_ms=300:900:100"
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, metavar="WAV", help="the speaker, beside the microphone"
    )
    parser.add_argument("--events", type=Path, metavar="JSONL", help="what happened")
    parser.add_argument(
        "--annotations", type=Path, metavar="JSON",
        help='who spoke when, to score: [{"kind": "turn", "on_s": 0.5, "off_s": 2.1}, ...]',
    )  # fmt: skip
    parser.add_argument(
        "--compute", choices=("zero", "measured", "cpu"), default="measured",
        help="what the engine takes on the sample clock: no time, the time that it really took, or "
        "its CPU time",
    )  # fmt: skip
    parser.add_argument(
        "--tail", type=seconds, metavar="S",
        help="of silence at the end (default: until it is over)",
    )  # fmt: skip
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Replays."""
    for path in filter(None, (args.out, args.events)):
        check_writable(path)
    if not args.path.is_dir():
        from voicechat.audio.wav import read_wav

        return _replay(args, read_wav(args.path), _model)
    from voicechat.recording import format, reader

    recording = reader.read(args.path)
    if not args.engine and not args.sweep:
        if args.out or args.events or args.annotations or args.set:
            raise UserError("a session is folded as it is; with --engine or --sweep it is run anew")
        return _fold(recording)
    from voicechat.recording.remembered import RememberedEngine

    args.config = args.config or args.path / format.CONFIG

    def remembered(config: Config) -> Engine:
        return RememberedEngine(recording.ticks, recording.actions)

    engine = _model if args.engine else remembered
    return _replay(args, reader.sound(args.path / format.MIC), engine)


def _fold(recording: Recording) -> int:
    """The core over the logged ticks and what it heard in them: the same actions, byte for byte."""
    from voicechat.cli.wiring import make_core
    from voicechat.recording import format
    from voicechat.recording.remembered import RememberedEcho

    then = defaultdict(list)
    for line in recording.actions:
        then[line["n"]].append(line)
    core = make_core(recording.config, RememberedEcho(recording.clean))
    begun = time.perf_counter()
    for tick in recording.ticks:  # not beyond the first difference: the answers would not fit
        now = [format.action_line(tick.n, action) for action in core.advance(tick).actions]
        if now != then[tick.n]:
            print(f"other actions than recorded: {then[tick.n]}, now {now}")
            return 1
    length_s, took_s = len(recording.ticks) / TICKS_PER_S, time.perf_counter() - begun
    count = len(recording.actions)
    print(f"{length_s:.1f} s of talk: the same {count} actions, folded in {took_s:.2f} s")
    return 0


def _replay(
    args: argparse.Namespace, pcm: np.ndarray, make_engine: Callable[[Config], Engine]
) -> int:
    """The whole program over a microphone's sound, once or for every value of a sweep."""
    from voicechat.audio.wav import write_wav
    from voicechat.cli.wiring import make_core
    from voicechat.evaluation.turns import COMPUTE, replay

    spans = _spans(args.annotations) if args.annotations else []
    for name, config in _varied(args):
        compute = COMPUTE[args.compute]
        log, heard = replay(pcm, make_core(config), make_engine(config), compute, args.tail)
        print(name, _told(log, spans), flush=True)
    if args.out:
        write_wav(args.out, heard)
    if args.events:
        lines = [json.dumps(event.line(), ensure_ascii=False) for event in log.events]
        args.events.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return 0


def _varied(args: argparse.Namespace) -> Iterator[tuple[str, Config]]:
    """The settings, with a name for each; a microphone's file has no echo unless told otherwise."""
    key, _, values = (args.sweep or "").partition("=")
    for value in _values(args.sweep, values) if args.sweep else [None]:
        override = [] if value is None else [f"{key}={value:g}"]
        varied = argparse.Namespace(**{**vars(args), "set": args.set + override})
        config = settings(varied)
        if config.audio.echo == "auto":
            config = replace(config, audio=replace(config.audio, echo="headset"))
        yield "".join(f"{text}:" for text in override), config


def _values(sweep: str, values: str) -> list[float]:
    try:
        first, last, step = (float(number) for number in values.split(":"))
        steps = int((last - first) / step + 1e-9) + 1
    except (ValueError, ArithmeticError) as fault:
        raise UserError(f"--sweep {sweep}: write it as KEY=FIRST:LAST:STEP") from fault
    if steps < 1:
        raise UserError(f"--sweep {sweep}: {step:g} leads from {first:g} away from {last:g}")
    return [first + step * index for index in range(steps)]


def _spans(path: Path) -> list[Span]:
    from voicechat.evaluation.room import Span

    try:
        return [Span(**item) for item in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as fault:
        raise UserError(f"--annotations {path}: no list of kind, on_s, off_s ({fault})") from fault


def _told(log: Log, spans: list[Span]) -> str:
    """What came of it, in one line."""
    from voicechat.evaluation.latency import gaps
    from voicechat.evaluation.scores import percentiles, score
    from voicechat.evaluation.turns import Row, described

    counts = {
        kind: sum(event.event == kind for event in log.events)
        for kind in ("turn_end", "reply_start", "pause", "resume", "cut", "discard", "error")
    }
    told = ", ".join(f"{kind} {count}" for kind, count in counts.items() if count)
    gap = percentiles(latency.gap_s for latency in gaps(log.events))
    told += f"; gap {' '.join(f'{k} {v:.2f} s' for k, v in gap.items())}" if gap else ""
    if spans:
        row = Row("annotated", 1, 0, score(spans, log.events, log.ticks))
        told += f"; annotated: {described(row)}"
    return told


def _model(config: Config) -> Engine:
    from voicechat.cli.wiring import make_engine

    return make_engine(config.model)[0]
