"""`main.py bench quality`: is what the model hears, thinks and says right?

Talks of the domain are asked through the streaming engine by voices that pocket was never trained
on, in phrasings that it was trained on unless the exam says otherwise, and count as right if the
last reply is exactly the one expected.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count as numbers
from pathlib import Path

import numpy as np

from voicechat.audio.wav import read_wav
from voicechat.clock import FRAME, MIC_RATE
from voicechat.engine.local import LocalEngine
from voicechat.evaluation.intelligibility import Recogniser, word_error_rate
from voicechat.evaluation.said import as_float
from voicechat.events import Heard
from voicechat.spelling import normalise
from voicechat.training.augment import at_snr, noise
from voicechat.training.domain import Talk, talk
from voicechat.training.domain.outside import replies as admissions
from voicechat.training.speech import pairs_of, text_of
from voicechat.training.users import speak

LEAD_S, TAIL_S = 0.15, 0.4
ROOM = 2e-4  # a quiet room's noise, of full scale
_NOISES = 1  # the bank that no training draws from
REPEAT = "Repeat exactly what the user says, word for word, and say nothing else."
ALOUD_WORDS = 15  # longer replies are only read: a story takes as long as ten lines


@dataclass(frozen=True)
class Exam:
    """A set of talks and how they are asked.

    Attributes:
        name: as it is reported.
        group: of the voices that ask, `training.users.GROUPS`; empty: typed.
        split: of the domain: "phrasing" and "pairs" were never trained, nor asked by anybody.
        kinds: of talks; none: all, as they are drawn.
        snr_db: of the noise under the voice, if any: sounds as in training, but none of its own.
        aloud: the answers are spoken and listened to, unless they are long.
    """

    name: str
    group: str = "held"
    split: str = "train"
    kinds: tuple[str, ...] = ()
    snr_db: float | None = None
    aloud: bool = False


Engines = Callable[[int, bool], LocalEngine]  # by number, so that voices alternate; aloud or not

EXAMS = (
    Exam("spoken", aloud=True),
    Exam("typed", group=""),
    Exam("unseen phrasing", split="phrasing"),
    Exam("unseen phrasing, typed", group="", split="phrasing"),
    Exam("noise 15 dB", snr_db=15.0),
    Exam("natural voices", group="natural"),
    Exam("unseen synthesiser", group="unseen"),
    Exam("unseen pairs", split="pairs"),
    Exam("several turns", kinds=("memory", "follow", "repeat", "resume")),
    Exam("several turns, unseen phrasing", split="phrasing", kinds=("follow", "repeat", "resume")),
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

    @property
    def admits(self) -> bool:
        """That it does not know, cannot do it or did not catch it, in whichever words."""
        return self.reply.text.strip() in admissions()

    @property
    def short(self) -> bool:
        """Whether the reply is as short as those that are listened to, right or wrong."""
        return len(self.reply.text.split()) <= ALOUD_WORDS


def examine(exam: Exam, count: int, engine: Engines, seed: int = 0) -> Iterator[Answer]:
    """Asks `count` talks, after each of which the engine forgets.

    The exams draw the same talks, but for their split and kinds.

    Raises:
        UserError: a synthesiser is missing here.
    """
    rng = random.Random(f"{exam.split} {exam.kinds} {seed}")
    for number in range(count):
        asked = _draw(rng, exam, number)
        expected = asked.turns[-1].reply
        pcms = spoken(asked, exam, number) if exam.group else [None] * len(asked.turns)
        answering = engine(number, exam.aloud and len(expected.split()) <= ALOUD_WORDS)
        reply = converse(answering, asked, pcms)
        yield Answer(asked.kind, answering.voice.name, expected, reply, _ended(answering))
        for turn in range(len(asked.turns)):
            answering.discard(turn + 1)


def _draw(rng: random.Random, exam: Exam, number: int) -> Talk:
    """A talk; one that waits for no answer only where that is the question."""
    if exam.kinds:
        return talk(rng, exam.split, exam.kinds[number % len(exam.kinds)])
    drawn = (talk(rng, exam.split) for _ in numbers())
    return next(asked for asked in drawn if asked.turns[-1].reply)


def _ended(engine: LocalEngine) -> bool:
    return len(engine.last.codes) < engine.checkpoint.settings.talker.max_new_tokens


def spoken(asked: Talk, exam: Exam, seed: int) -> list[np.ndarray]:
    """The user's turns, `[samples]` int16 each, with silence around and noise under them."""
    rng, pcms = np.random.default_rng(seed), []
    for pcm in _said(asked, seed, exam.group):
        padded = np.pad(pcm, (int(LEAD_S * MIC_RATE), int(TAIL_S * MIC_RATE)))
        if exam.snr_db is not None:
            kind = ("white", "pink", "hum", "clicks", "tones")[seed % 5]
            padded = at_snr(pcm, padded, noise(kind, len(padded), [], rng, _NOISES), exam.snr_db)
        padded = padded + rng.standard_normal(len(padded)) * ROOM
        pcms.append(np.round(np.clip(padded, -1, 1) * 32767).astype(np.int16))
    return pcms


@lru_cache(maxsize=256)  # exams share their talks
def _said(asked: Talk, seed: int, group: str) -> list[np.ndarray]:
    return speak(asked, seed, group)[1]


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


def recordings(folder: Path, count: int) -> list[tuple[Path, str]]:
    """The first recordings of a folder of NAME.wav and NAME.txt, with what is said in each.

    Raises:
        UserError: there is no pair, or a text cannot be read.
    """
    return [(wav, text_of(wav)) for wav in pairs_of(folder)[:count]]


def repeat(folder: Path, count: int, engine: Engines) -> tuple[float, float, int]:
    """Has recordings repeated: any model's hearing and speaking, by any list of wav and text.

    The engine is to be made with `REPEAT` as its persona.

    Args:
        folder: as `recordings` takes it.
        count: of them, in the order of their names.
        engine: gives one, which is to forget each recording.

    Returns:
        Word errors of the reply's text against what was said (hearing), word errors of its sound
        against its text (speaking), and the number of recordings.

    Raises:
        UserError: there is no pair.
    """
    pairs = recordings(folder, count)
    recogniser, replies, heard = Recogniser(), [], []
    for number, (wav, _) in enumerate(pairs):
        answering = engine(number, True)
        hear(answering, 1, read_wav(wav))
        reply = listen(answering, 1)
        replies.append(reply.text)
        heard.append(recogniser(as_float(reply.pcm)))
        answering.discard(1)
    hearing = word_error_rate([text for _, text in pairs], [normalise(r) for r in replies])
    return hearing, word_error_rate(replies, heard), len(pairs)
