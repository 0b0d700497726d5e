"""The bundled checkpoint converses: spoken questions in, spoken answers out.

Forty talks of the domain, by voices that no training heard, go through the streaming engine; the
bounds stand below what its card says, by what forty talks may differ from many.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import load
from voicechat.engine.local import LocalEngine
from voicechat.evaluation.intelligibility import Recogniser, melody, word_error_rate
from voicechat.evaluation.quality import Answer, Exam, examine
from voicechat.evaluation.said import as_float

QUESTIONS = 40
RIGHT = 0.8  # the share of answers that are exactly the expected words
WRONG = {"Wren": 0.2, "Alder": 0.2}  # words that the recogniser gets wrong, at most
MELODY = 1.0  # semitones; on one tone it is a tenth


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    if missing := [tool for tool in ("espeak-ng", "flite") if not shutil.which(tool)]:
        pytest.skip(f"the questions are spoken by {missing[0]}, which is missing")
    checkpoint = load(ModelConfig(name="pocket"))
    silent = LocalEngine(checkpoint, ModelConfig(name="pocket", text_only=True))
    aloud = [LocalEngine(checkpoint, replace(ModelConfig(name="pocket"), voice=v)) for v in WRONG]
    exam = Exam("spoken", aloud=True)
    asked = examine(exam, QUESTIONS, lambda n, heard: aloud[n % 2] if heard else silent)
    return list(asked)


def test_most_spoken_questions_are_answered_to_the_letter(answers: list[Answer]) -> None:
    wrong = [(a.kind, a.expected, a.reply.text) for a in answers if not a.right]
    assert 1 - len(wrong) / QUESTIONS >= RIGHT, wrong


def test_both_voices_are_understood_and_come_to_an_end(answers: list[Answer]) -> None:
    recogniser = Recogniser()
    aloud = [a for a in answers if len(a.reply.pcm)]
    assert all(answer.ended for answer in aloud)
    # A wrong reply may be a hundred words long, and would outweigh all others.
    spoken = sorted((a for a in aloud if a.short), key=lambda a: a.voice)
    assert len(aloud) - len(spoken) <= QUESTIONS // 20
    for voice, group in groupby(spoken, key=lambda a: a.voice):
        replies = [answer.reply for answer in group]
        heard = [recogniser(as_float(reply.pcm)) for reply in replies]
        texts = [reply.text for reply in replies]
        errors = word_error_rate(texts, heard)
        assert errors <= WRONG[voice], (voice, list(zip(texts, heard, strict=True)))
        assert np.median([melody(as_float(reply.pcm)) for reply in replies]) > MELODY, voice
    assert {answer.voice for answer in spoken} == set(WRONG)
