"""`python main.py ask`: recorded, typed or shown questions in, the spoken answer out."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from voicechat.cli.options import add_model_arguments, check_writable, settings
from voicechat.clock import FRAME, SPEAKER_RATE
from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.engine.local import LocalEngine

HELP = "ask recorded questions, each wav a turn of one talk, and write the answers"


@dataclass(frozen=True, eq=False)
class Question:
    """One turn of the user.

    Attributes:
        name: of the turn's answer, where a folder holds several.
        pcm: `[samples]` int16, 16 kHz; empty for a turn without speech.
        text: typed beside it.
        files: shown beside it.
    """

    name: str
    pcm: np.ndarray
    text: str = ""
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a question, timed from the end of the input.

    Attributes:
        pcm: `[samples]` int16, 24 kHz.
        first_sound_s: when the first samples came; none if there was no sound.
        total_s: when the reply was whole.
    """

    pcm: np.ndarray
    first_sound_s: float | None
    total_s: float


class EventLog:
    """Writes one JSON object a line, as things happen; nowhere if there is no file."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def __call__(self, event: str, turn: int, t_s: float, **detail: object) -> None:
        if self._file:
            line = {"event": event, "turn": turn, "t_s": round(t_s, 6), **detail}
            print(json.dumps(line, ensure_ascii=False), file=self._file, flush=True)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `ask`."""
    parser.add_argument("wavs", nargs="*", type=Path, metavar="WAV", help="a turn each")
    parser.add_argument("--text", default="", help="typed beside the first wav, or alone")
    parser.add_argument("--image", type=Path, metavar="FILE", help="shown with the first turn")
    parser.add_argument("--video", type=Path, metavar="FILE", help="shown with the first turn")
    add_model_arguments(parser)
    parser.add_argument("--text-only", action="store_true", help="answer without sound")
    parser.add_argument(
        "--out", type=Path, metavar="WAV", help="the answer; a folder where there are several"
    )
    parser.add_argument("--events", type=Path, metavar="JSONL", help="what happened when")


def run(args: argparse.Namespace) -> int:
    """Asks, turn by turn, and shows the words as they come."""
    config = settings(args)
    questions = list(_questions(args))
    outs = _outs(args.out, questions)
    if args.events:
        check_writable(args.events)
    from voicechat.cli.wiring import SCRIPTED, make_engine

    if config.model.name == SCRIPTED:
        raise UserError(f"{SCRIPTED} answers whatever it is asked; name a model, or talk to it")
    engine, _ = make_engine(config.model)
    with ExitStack() as held:
        log = EventLog(held.enter_context(_events(args.events)) if args.events else None)
        for turn, (question, out) in enumerate(zip(questions, outs, strict=True), 1):
            answer = _ask(engine, turn, question, log)
            print(_summary(answer), file=sys.stderr)
            if out and len(answer.pcm):
                _write(out, answer.pcm)
    return 0


def _questions(args: argparse.Namespace) -> Iterator[Question]:
    """Reads everything, so that a broken file is found before a model is loaded."""
    from voicechat.audio.wav import read_wav

    files = tuple(file for file in (args.image, args.video) if file)
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file")
    if not args.wavs:
        if not (args.text or files):
            raise UserError("nothing to ask: name a wav, or give --text")
        yield Question("reply", np.zeros(0, np.int16), args.text, files)
    for number, wav in enumerate(args.wavs):
        first = number == 0
        yield Question(
            f"{number + 1:02}-{wav.stem}",
            read_wav(wav),
            args.text if first else "",
            files if first else (),
        )


def _outs(out: Path | None, questions: list[Question]) -> list[Path | None]:
    """Where each answer goes: checked now, but made only when there is one."""
    if out is None:
        return [None] * len(questions)
    several = len(questions) > 1
    outs = [out / f"{question.name}.wav" for question in questions] if several else [out]
    for path in [out] if several and not out.exists() else outs:
        check_writable(path)
    return outs


def _write(out: Path, pcm: np.ndarray) -> None:
    """Writes an answer, the first of several into a new folder."""
    from voicechat.audio.wav import write_wav

    try:
        out.parent.mkdir(exist_ok=True)
    except OSError as fault:
        raise UserError(f"{out.parent}: cannot be made ({fault.strerror})") from fault
    write_wav(out, pcm)


@contextmanager
def _events(path: Path) -> Iterator[TextIO]:
    """Opens the log, and takes a new one away again if the questions cannot be asked."""
    new = not os.path.lexists(path)  # an older log, a link or a device is not ours to remove
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as fault:
        raise UserError(f"{path}: cannot be written ({fault.strerror})") from fault
    with file:
        try:
            yield file
        except UserError:
            if new:
                path.unlink(missing_ok=True)
            raise


def _ask(engine: LocalEngine, turn: int, question: Question, log: EventLog) -> Answer:
    """Feeds a question as a microphone would, 20 ms at a time, and collects the answer."""
    for file in question.files:
        engine.attach(turn, file)
    if question.text:
        engine.type(turn, question.text)
    for start in range(0, len(question.pcm), FRAME):
        engine.feed(turn, question.pcm[start : start + FRAME])
    began = time.monotonic()
    log("turn_end", turn, 0.0)
    pcm, first_sound_s, now_s = [], None, 0.0
    for chunk in engine.reply(turn):
        now_s = time.monotonic() - began
        if chunk.text:
            print(chunk.text, end="", flush=True)
            log("text", turn, now_s, text=chunk.text)
        if len(chunk.pcm):
            first_sound_s = now_s if first_sound_s is None else first_sound_s
            pcm.append(chunk.pcm)
            codes = {"from_code": chunk.from_code, "to_code": chunk.to_code}
            log("audio", turn, now_s, samples=len(chunk.pcm), **codes)
    print()
    _log_done(engine, turn, now_s, log)
    return Answer(np.concatenate(pcm or [np.zeros(0, np.int16)]), first_sound_s, now_s)


def _log_done(engine: LocalEngine, turn: int, t_s: float, log: EventLog) -> None:
    last = engine.last
    log(
        "done",
        turn,
        t_s,
        text=last.text,
        prompt_ids=last.prompt_ids,
        text_ids=last.text_ids,
        codes=last.codes,
        dropped=last.dropped,
        voice=engine.voice.name,
        stages_s={name: round(seconds, 6) for name, seconds in last.seconds.items()},
    )


def _summary(answer: Answer) -> str:
    if answer.first_sound_s is None:
        return f"(text after {answer.total_s:.2f} s)"
    seconds = len(answer.pcm) / SPEAKER_RATE
    return (
        f"(first sound after {answer.first_sound_s:.2f} s; {seconds:.1f} s of speech in "
        f"{answer.total_s:.2f} s)"
    )
