"""`python main.py bench quality`: what is heard, thought and said, on what was never trained on."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean as mean
from typing import TYPE_CHECKING

from voicechat.cli.options import add_model_arguments, count, settings
from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.config import ModelConfig
    from voicechat.engine.checkpoint import Checkpoint
    from voicechat.engine.local import LocalEngine
    from voicechat.evaluation.quality import Answer, Engines, Exam
    from voicechat.evaluation.said import Figures

HELP = "score what is heard, thought and said, by voices and phrasings never trained on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench quality`."""
    add_model_arguments(parser)
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="talks of each exam")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER",
        help="pairs of wav and txt to be repeated (by pocket: only heard), instead of its domain",
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


def _engines(checkpoint: Checkpoint, config: ModelConfig) -> Engines:
    """A silent engine, and one for each voice, which take turns unless one is asked for."""
    from voicechat.engine.local import LocalEngine

    voices = [config.voice] if config.voice else list(checkpoint.voices)
    silent = LocalEngine(checkpoint, replace(config, text_only=True))
    aloud = [LocalEngine(checkpoint, replace(config, voice=voice)) for voice in voices]
    return lambda number, heard: aloud[number % len(aloud)] if heard else silent


def _examine(limit: int, checkpoint: Checkpoint, config: ModelConfig) -> Figures:
    from voicechat.evaluation.quality import EXAMS
    from voicechat.evaluation.said import Figures, figures_of

    engines, heard, figures = _engines(checkpoint, config), [], Figures()
    for exam in EXAMS:
        if exam.kinds == ("unfinished",) and not checkpoint.settings.unfinished_share:
            sat: Figures = {exam.name: "n/a: this model does not judge turns"}
        else:
            sat = _sit(exam, limit, engines, heard)
        _show(sat)
        figures |= sat
    rest = _gap(figures) | _person(limit, engines(0, False)) | figures_of(heard)
    _show(rest)
    return figures | rest


def _gap(figures: Figures) -> Figures:
    """How much better what is typed is understood than what is spoken."""
    spoken, typed = figures["spoken"], figures["typed"]
    both = isinstance(spoken, float) and isinstance(typed, float)
    return {"gap, typed - spoken": typed - spoken if both else "n/a: one of them is"}


def _sit(exam: Exam, limit: int, engines: Engines, heard: list[Answer]) -> Figures:
    """The share of right answers, or why there is none; keeps what was said aloud."""
    from voicechat.evaluation.quality import examine

    try:
        answers = list(examine(exam, limit, engines))
    except UserError as fault:
        return {exam.name: f"n/a: {fault}"}
    if exam.aloud:
        heard += answers
    figures: Figures = {exam.name: mean(answer.right for answer in answers)}
    for kind in exam.kinds[:limit] if len(exam.kinds) > 1 else ():
        figures[f"{exam.name}, {kind}"] = mean(a.right for a in answers if a.kind == kind)
    if exam.kinds == ("outside",):
        figures[f"{exam.name}, admitted"] = mean(answer.admits for answer in answers)
    return figures


def _person(limit: int, engine: LocalEngine) -> Figures:
    """What a person's recordings are understood like, or why that cannot be told."""
    from voicechat.evaluation.people import differences, measure, words
    from voicechat.evaluation.transcript import has_transcript

    if not has_transcript(engine.checkpoint):
        return {"a person's words": "n/a: what this model's encoder hears cannot be read"}
    try:
        recorded = words()
    except UserError as fault:
        return {"a person's words": f"n/a: {fault}"}
    return dict(measure(engine, recorded, differences(limit)))


def _show(figures: Figures) -> None:
    for name, value in figures.items():
        shown = value if isinstance(value, str) else f"{value:.3f}"
        print(f"{name:40} {shown}", flush=True)


def _repeat(
    folder: Path, limit: int, checkpoint: Checkpoint, config: ModelConfig
) -> dict[str, object]:
    from voicechat.evaluation.quality import REPEAT, repeat
    from voicechat.evaluation.transcript import has_transcript, misheard

    if has_transcript(checkpoint):
        hearing, count = misheard(folder, limit, checkpoint)
        print(f"{count} recordings heard, for pocket repeats nothing: "
              f"{hearing:.1%} of the words misheard")  # fmt: skip
        return {"recordings": count, "wer_hearing": hearing}
    asked = replace(config, persona=REPEAT)
    hearing, speaking, count = repeat(folder, limit, _engines(checkpoint, asked))
    print(f"{count} recordings repeated: {hearing:.1%} of the words misheard, "
          f"{speaking:.1%} of the reply's words not understood")  # fmt: skip
    return {"recordings": count, "wer_hearing": hearing, "wer_speaking": speaking}
