"""`python main.py bench`: measures the engine, what it says, and how it takes turns."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voicechat.cli import bench_quality, bench_turns, bench_window
from voicechat.cli.options import add_model_arguments, settings
from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.config import ModelConfig
    from voicechat.engine.checkpoint import Checkpoint
    from voicechat.evaluation.bench import Bench, Run

HELP = "measure first sound and speed beside transformers' generate; or more, see WHAT"
MORE = {"quality": bench_quality, "turns": bench_turns, "window": bench_window}
QUESTIONS = Path(__file__).parents[1] / "assets" / "samples"
CASES = ("short", "long", "turns")
CAPTION = (
    "ms a step: a token of the Thinker, a code (20 ms of speech) of the rest. generate has all "
    "threads; the engine gives a small model two: one for Thinker and Talker, one for the sound"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench`, and its further subjects."""
    more = parser.add_subparsers(metavar="WHAT", title="instead of speed")
    for name, module in MORE.items():
        subject = more.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subject)
        subject.set_defaults(run=module.run)
    parser.add_argument(
        "--shape",
        choices=("pocket", "3b", "7b"),
        help="seeded random weights of that shape instead of a model",
    )
    parser.add_argument(
        "--cases", nargs="+", choices=CASES, default=CASES, metavar="CASE",
        help="what to measure: short (2 s of reply), long (10 s), turns (2, 10, 20); default all",
    )  # fmt: skip
    add_model_arguments(parser)
    parser.add_argument(
        "--png", type=Path, default=Path("bench.png"), metavar="FILE", help="the timeline"
    )


def run(args: argparse.Namespace) -> int:
    """Measures; prints a table and one line of JSON, and draws the timeline."""
    config = settings(args).model
    from voicechat.audio.wav import read_wav
    from voicechat.evaluation.bench import LONG_CODES, SHORT_CODES, TURNS, Bench, machine
    from voicechat.evaluation.timeline import draw

    checkpoint = _checkpoint(args.shape, config)
    here = machine(checkpoint)
    print(here, file=sys.stderr)
    bench = Bench(checkpoint, config, _report)
    short, long = (read_wav(QUESTIONS / name) for name in ("2_capital.wav", "5_story.wav"))
    if "short" in args.cases:
        bench.reply("short", short, SHORT_CODES)
    if "long" in args.cases:
        bench.reply("long", long, LONG_CODES)
    if "turns" in args.cases:
        bench.talk(short, TURNS)
    _print(bench)
    shown = "long" if "long" in args.cases else bench.runs[-1].case
    title = f"{checkpoint.where.name}: {shown} reply; {here}"
    print(json.dumps(_json(bench, here)), flush=True)  # first: a picture may fail
    try:
        draw([run for run in bench.runs if run.case == shown], args.png, title)
    except OSError as fault:
        raise UserError(f"{args.png}: cannot be written ({fault.strerror})") from fault
    return 0


def _checkpoint(shape: str | None, config: ModelConfig) -> Checkpoint:
    from voicechat.cli.wiring import inform
    from voicechat.engine.checkpoint import load

    if shape is None:
        return load(config, inform)
    from voicechat.evaluation.shapes import random_checkpoint

    return random_checkpoint(shape, config)


def _report(run: Run) -> None:
    figures = f"first sound {run.first_sound_s:.2f} s, total {run.total_s:.2f} s"
    print(f"{run.case}: {run.name}: {figures}", file=sys.stderr, flush=True)


def _print(bench: Bench) -> None:
    from rich.console import Console
    from rich.table import Table

    from voicechat.evaluation.bench import CODE_STAGES

    stages = ("thinker", *CODE_STAGES)
    table = Table(caption=CAPTION)
    table.add_column("reply")
    table.add_column("by")
    seconds = (f"{what}, s" for what in ("first sound", "total", "speech", "CPU"))
    for column in (*seconds, "RTF", *(f"{stage}, ms" for stage in stages), "memory, MB"):
        table.add_column(column, justify="right")
    for run in bench.runs:
        figures = (run.first_sound_s, run.total_s, run.speech_s, run.cpu_s, run.real_time_factor)
        steps = (f"{run.step_ms[s]:.2f}" if s in run.step_ms else "" for s in stages)
        table.add_row(
            run.case,
            run.name,
            *(f"{figure:.2f}" for figure in figures),
            *steps,
            f"{run.peak_bytes / 1e6:.0f}",
        )
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)
    for what, ratio in bench.ratios().items():
        console.print(f"{what} {ratio:.3g}", highlight=False)
    for case, same in bench.same_codes().items():
        console.print(f"{case}: codes {'identical' if same else 'DIFFER'}", highlight=False)


def _json(bench: Bench, here: str) -> dict[str, object]:
    return {
        "bench": "latency",
        "model": bench.checkpoint.where.name,
        "machine": here,
        "runs": [run.summary() for run in bench.runs],
        "ratios": bench.ratios(),
        "same_codes": bench.same_codes(),
    }
