"""`python main.py bench quality`: what is heard, thought and said, on what was never trained on."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from voicechat.cli.options import add_model_arguments, settings

if TYPE_CHECKING:
    from voicechat.config import ModelConfig
    from voicechat.engine.checkpoint import Checkpoint
    from voicechat.engine.local import LocalEngine

HELP = "score what is heard, thought and said, by voices and phrasings never trained on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench quality`."""
    add_model_arguments(parser)
    parser.add_argument("--limit", type=int, default=40, metavar="N", help="talks of each exam")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER",
        help="pairs of wav and txt that the model is to repeat, instead of pocket's domain",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Asks; prints a line an exam, and ends with one line of JSON."""
    from voicechat.cli.wiring import inform
    from voicechat.engine.checkpoint import load

    config = settings(args).model
    checkpoint = load(config, inform)
    figures: dict[str, object] = {"bench": "quality", "model": checkpoint.where.name}
    if args.data:
        figures |= _repeat(args.data, args.limit, checkpoint, config)
    else:
        figures |= _examine(args.limit, checkpoint, config)
    print(json.dumps(figures))
    return 0


def _engines(checkpoint: Checkpoint, config: ModelConfig) -> Callable[[int], LocalEngine]:
    """Fresh engines, whose voices take turns unless one is asked for."""
    from voicechat.engine.local import LocalEngine

    voices = [config.voice] if config.voice else list(checkpoint.voices)
    return lambda n: LocalEngine(checkpoint, replace(config, voice=voices[n % len(voices)]))


def _examine(limit: int, checkpoint: Checkpoint, config: ModelConfig) -> dict[str, object]:
    from voicechat.evaluation.quality import EXAMS, examine, speech_figures

    figures: dict[str, object] = {}
    heard = []
    for exam in EXAMS:
        silent = replace(config, text_only=exam.name != "spoken")
        answers = list(examine(exam, limit, _engines(checkpoint, silent)))
        heard = answers if exam.name == "spoken" else heard
        right = sum(answer.right for answer in answers)
        figures[exam.name] = right / len(answers)
        print(f"{exam.name:20} {right:4} of {len(answers)} right, {right / len(answers):.1%}")
    for name, value in speech_figures(heard).items():
        figures[name] = round(value, 4)
        print(f"{name:20} {value:.3f}")
    return figures


def _repeat(
    folder: Path, limit: int, checkpoint: Checkpoint, config: ModelConfig
) -> dict[str, object]:
    from voicechat.evaluation.quality import REPEAT, repeat

    asked = replace(config, persona=REPEAT)
    hearing, speaking, count = repeat(folder, limit, _engines(checkpoint, asked))
    print(f"{count} recordings repeated: {hearing:.1%} of the words misheard, "
          f"{speaking:.1%} of the reply's words not understood")  # fmt: skip
    return {"recordings": count, "wer_hearing": hearing, "wer_speaking": speaking}
