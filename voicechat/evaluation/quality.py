"""`main.py bench quality`: is what the model hears, thinks and says right?

Talks of the domain are asked through the streaming engine by voices that pocket was never trained
on, and count as right if the last reply is exactly the one expected. What it says is judged by an
independent recogniser, beside the teacher's own speech of the same words.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicechat.audio.wav import read_wav
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE
from voicechat.engine.local import LocalEngine
from voicechat.errors import UserError
from voicechat.events import Heard
from voicechat.training.augment import at_snr, noise
from voicechat.training.domain import Talk, talk
from voicechat.training.users import speak

LEAD_S, TAIL_S = 0.15, 0.4
ROOM = 2e-4  # a quiet room's noise, of full scale
REPEAT = "Repeat exactly what the user says, word for word, and say nothing else."


@dataclass(frozen=True)
class Exam:
    """A set of talks and how they are asked.

    Attributes:
        name: as it is reported.
        group: of the voices that ask, `training.users.GROUPS`; empty: typed.
        split: of the domain.
        kinds: of talks; none: all, as they are drawn.
        snr_db: of the noise under the voice, if any.
    """

    name: str
    group: str = "held"
    split: str = "train"
    kinds: tuple[str, ...] = ()
    snr_db: float | None = None


EXAMS = (
    Exam("spoken"),
    Exam("typed", group=""),
    Exam("unseen phrasing", split="phrasing"),
    Exam("noise 15 dB", snr_db=15.0),
    Exam("unseen synthesiser", group="unseen"),
    Exam("unseen pairs", split="pairs"),
    Exam("several turns", kinds=("memory", "follow", "repeat", "resume")),
    Exam("outside the domain", split="phrasing", kinds=("outside",)),
    Exam("unfinished", kinds=("unfinished",)),
)


@dataclass(frozen=True, eq=False)
class Reply:
    """What the engine gave.

    Attributes:
        text: its words.
        pcm: `[samples]` int16, 24 kHz.
        first_s: from the end of the question to the first sound; 0 if there was none.
        total_s: to the last.
        complete: how likely the question was finished, if the model can tell.
    """

    text: str
    pcm: np.ndarray
    first_s: float
    total_s: float
    complete: float | None


@dataclass(frozen=True)
class Answer:
    """The last reply of a talk beside the right one."""

    kind: str
    voice: str
    expected: str
    reply: Reply
    ended: bool

    @property
    def right(self) -> bool:
        """Exactly the expected words; of an unfinished turn, that it was judged so."""
        if not self.expected:
            return self.reply.complete is not None and self.reply.complete < 0.5
        return self.reply.text.strip() == self.expected


def examine(
    exam: Exam, count: int, engine: Callable[[int], LocalEngine], seed: int = 0
) -> Iterator[Answer]:
    """Asks `count` talks, each of a fresh engine (by number, so that voices can alternate)."""
    rng = random.Random(f"{exam.split} {exam.kinds} {seed}")
    for number in range(count):
        kind = exam.kinds[number % len(exam.kinds)] if exam.kinds else None
        asked = talk(rng, exam.split, kind)
        pcms = spoken(asked, exam, number) if exam.group else [None] * len(asked.turns)
        answering = engine(number)
        reply = converse(answering, asked, pcms)
        expected = asked.turns[-1].reply
        yield Answer(asked.kind, answering.voice.name, expected, reply, _ended(answering))


def _ended(engine: LocalEngine) -> bool:
    return len(engine.last.codes) < engine.checkpoint.settings.talker.max_new_tokens


def spoken(asked: Talk, exam: Exam, seed: int) -> list[np.ndarray]:
    """The user's turns, `[samples]` int16 each, with silence around and noise under them."""
    rng, pcms = np.random.default_rng(seed), []
    for pcm in speak(asked, seed, exam.group)[1]:
        padded = np.pad(pcm, (int(LEAD_S * MIC_RATE), int(TAIL_S * MIC_RATE)))
        if exam.snr_db is not None:
            kind = ("white", "pink", "hum", "clicks", "tones")[seed % 5]
            padded = at_snr(pcm, padded, noise(kind, len(padded), [], rng), exam.snr_db)
        padded = padded + rng.standard_normal(len(padded)) * ROOM
        pcms.append(np.round(np.clip(padded, -1, 1) * 32767).astype(np.int16))
    return pcms


def converse(engine: LocalEngine, asked: Talk, pcms: Sequence[np.ndarray | None]) -> Reply:
    """Walks a talk to its end: interrupts where it was interrupted; returns the last reply."""
    for number, (turn, pcm) in enumerate(zip(asked.turns, pcms, strict=True), 1):
        if pcm is None:
            engine.type(number, turn.user)
        else:
            hear(engine, number, pcm)
        reply = listen(engine, number, certain=bool(turn.reply))
        if turn.heard is not None and reply.text.startswith(turn.heard):
            engine.truncate(number, Heard(len(reply.pcm), turn.heard))
    return reply


def hear(engine: LocalEngine, turn: int, pcm: np.ndarray) -> None:
    """Feeds a recording in frames, as a microphone would."""
    for start in range(0, len(pcm), FRAME):
        engine.feed(turn, pcm[start : start + FRAME])


def listen(engine: LocalEngine, turn: int, certain: bool = True) -> Reply:
    """Takes the whole reply to a turn."""
    begun, first_s, text, sounds, complete = time.perf_counter(), 0.0, "", [], None
    for number, chunk in enumerate(engine.reply(turn, certain)):
        complete = chunk.complete if number == 0 else complete
        text += chunk.text
        sounds.append(chunk.pcm)
        if len(chunk.pcm) and not first_s:
            first_s = time.perf_counter() - begun
    total_s = time.perf_counter() - begun
    return Reply(text, np.concatenate(sounds), first_s, total_s, complete)


def speech_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Figures of what was said, over all voices; and by voice, beside its teacher's, the words."""
    from voicechat.evaluation.intelligibility import Recogniser, told_apart, word_error_rate

    said = [answer for answer in answers if len(answer.reply.pcm)]
    recogniser = Recogniser()
    figures = {
        "ended": sum(answer.ended for answer in said) / len(said),
        "real_time_factor": sum(a.reply.total_s for a in said)
        / sum(len(a.reply.pcm) / SPEAKER_RATE for a in said),
        "first_sound_s": float(np.median([a.reply.first_s for a in said])),
    }
    waves: dict[str, list[np.ndarray]] = {}
    for voice in sorted({answer.voice for answer in said}):
        own = [answer for answer in said if answer.voice == voice]
        waves[voice] = [answer.reply.pcm.astype(np.float32) / 32767 for answer in own]
        texts = [answer.reply.text for answer in own]
        figures[f"wer_{voice}"] = word_error_rate(texts, [recogniser(w) for w in waves[voice]])
        if voice in (readers := _teachers()):
            heard = [recogniser(readers[voice](text)) for text in texts]
            figures[f"wer_teacher_{voice}"] = word_error_rate(texts, heard)
    if set(waves) == {"Alder", "Wren"}:
        figures["told_apart"] = told_apart(waves["Alder"], waves["Wren"])
    return figures


def _teachers() -> dict[str, Callable[[str], np.ndarray]]:
    from voicechat.training.teacher import teachers

    return teachers()


def repeat(
    folder: Path, count: int, engine: Callable[[int], LocalEngine]
) -> tuple[float, float, int]:
    """Has recordings repeated: any model's hearing and speaking, by any list of wav and text.

    The engine is to be made with `REPEAT` as its persona.

    Args:
        folder: pairs of NAME.wav and NAME.txt.
        count: of them, in the order of their names.
        engine: makes a fresh one.

    Returns:
        Word errors of the reply's text against what was said (hearing), word errors of its sound
        against its text (speaking), and the number of recordings.

    Raises:
        UserError: there is no pair.
    """
    from voicechat.evaluation.intelligibility import Recogniser, word_error_rate

    texts = [t for t in sorted(folder.glob("*.txt")) if t.with_suffix(".wav").exists()][:count]
    if not texts:
        raise UserError(f"{folder} holds no pairs of NAME.wav and NAME.txt")
    recogniser, words, replies, heard = Recogniser(), [], [], []
    for number, path in enumerate(texts):
        answering = engine(number)
        hear(answering, 1, read_wav(path.with_suffix(".wav")))
        reply = listen(answering, 1)
        words.append(path.read_text(encoding="utf-8").strip())
        replies.append(reply.text)
        heard.append(recogniser(reply.pcm.astype(np.float32) / 32767))
    return _errors(words, replies), word_error_rate(replies, heard), len(texts)


def _errors(words: list[str], replies: list[str]) -> float:
    from voicechat.evaluation.intelligibility import word_error_rate
    from voicechat.spelling import normalise

    return word_error_rate(words, [normalise(reply) for reply in replies])
