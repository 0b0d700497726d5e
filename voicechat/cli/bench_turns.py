"""`python main.py bench turns`: how well turns are taken, in scenes with synthetic users."""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from voicechat.cli.options import add_model_arguments, count, settings
from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.config import Config, ModelConfig
    from voicechat.conversation.core import Core
    from voicechat.engine.base import Engine
    from voicechat.evaluation.room import Room, Scene
    from voicechat.evaluation.turns import Row

HELP = "score turn taking: gaps, pauses, interruptions, false alarms, echo"
SCRIPT = (
    "Once a red fox lived beside a slow river. Each day it walked along the water, looked for "
    "fish, and slept in the sun. One night it rained, and the river rose, until the fox had to go.",
    "Yes.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench turns`."""
    add_model_arguments(parser)
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="scenes (default: all)")
    parser.add_argument("--count", type=count, default=20, metavar="N", help="scenes of each kind")
    parser.add_argument(
        "--compute", choices=("zero", "measured", "cpu"), default="measured",
        help="what the engine takes on the sample clock: no time, the time that it really took, or "
        "its CPU time",
    )  # fmt: skip
    parser.add_argument(
        "--judge", type=float, metavar="SHARE",
        help="with --model scripted: whether turns are complete is judged, right so often",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Plays the scenes; prints a table and one line of JSON."""
    config = settings(args)
    from voicechat.evaluation.scenarios import KINDS
    from voicechat.evaluation.turns import COMPUTE, measure

    kinds = args.kinds or list(KINDS)
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise UserError(f"--kinds {unknown[0]}: known are {', '.join(map(repr, KINDS))}")
    begun = time.perf_counter()
    engines = _engines(config.model, args.judge)
    rows = measure(
        kinds, args.count, _cores(config), engines, COMPUTE[args.compute], report=_report
    )
    _report(rows[-1])
    figures = {row.kind: row.figures() for row in rows}
    if not args.kinds:
        figures["kept history"] = _kept(args.count)
        print(f"{'kept history':22} {figures['kept history']}")
    head = {
        "model": config.model.name,
        "compute": args.compute,
        "count": args.count,
        "judge": args.judge,
        "took_s": round(time.perf_counter() - begun, 1),
    }
    print(json.dumps({**head, **figures}))
    return 0


def _kept(count: int) -> dict[str, float]:
    """By how many words the history is wrong after a cut."""
    import numpy as np

    from voicechat.evaluation.kept import errors

    words = np.abs(errors(count))
    return {"exact": round(float(np.mean(words == 0)), 3),
            **{f"p{p} words": float(np.percentile(words, p)) for p in (50, 95)}}  # fmt: skip


def _cores(config: Config) -> Callable[[Scene], Core]:
    """Scenes with an echo are played with its canceller, the others as with a headset."""
    from voicechat.cli.wiring import make_core

    def make(scene: Scene) -> Core:
        asked = config.audio.echo
        echo = ("aec" if scene.echo else "headset") if asked == "auto" else asked
        return make_core(replace(config, audio=replace(config.audio, echo=echo)))

    return make


def _engines(config: ModelConfig, judged: float | None) -> Callable[[Room], Engine]:
    """A fresh engine for each scene, the model loaded once."""
    from voicechat.cli.wiring import SCRIPTED, inform

    if config.name == SCRIPTED:
        luck = random.Random(config.seed)
        return lambda room: _scripted(room, judged, luck)
    if judged is not None:
        raise UserError("--judge: only --model scripted is judged by the scene")
    from voicechat.engine.checkpoint import load
    from voicechat.engine.local import LocalEngine

    checkpoint = load(config, inform)
    return lambda room: LocalEngine(checkpoint, config)


def _scripted(room: Room, judged: float | None, luck: random.Random) -> Engine:
    """Tells a tale, then says yes; judges turns right with the probability `judged`."""
    from voicechat.engine.scripted import ScriptedEngine
    from voicechat.evaluation.kept import recite

    def judge(pcm: object) -> float:
        return float(room.complete == (luck.random() < judged))

    return ScriptedEngine(SCRIPT, None if judged is None else judge, voice=recite)


def _report(row: Row) -> None:
    from voicechat.evaluation.turns import described

    print(f"{row.kind:22} {described(row)}", flush=True)
