"""What is reported of speech, and what is reported where there is nothing to report."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from voicechat.evaluation.quality import Answer, Reply
from voicechat.evaluation.said import figures_of
from voicechat.training.teacher import teachers


def test_the_teacher_himself_is_as_good_as_the_teacher() -> None:
    text = "The capital of France is Paris."
    read = {voice: np.round(reader(text).pcm * 32767) for voice, reader in teachers().items()}
    replies = {v: Reply(text, pcm.astype(np.int16), 0.2, 1.0, None) for v, pcm in read.items()}
    figures = figures_of([Answer("", v, text, reply, True) for v, reply in replies.items()])
    assert figures["replies heard"] == 2 and figures["ended by itself"] == 1.0
    assert figures["told apart by pitch"] == 1.0
    for voice in ("Wren", "Alder"):
        teacher = figures[f"words wrong, {voice}'s teacher"]
        assert figures[f"words wrong, {voice}"] == pytest.approx(teacher) == 0.0
        assert figures[f"melody in semitones, {voice}"] > 1


@pytest.mark.skipif(find_spec("resemblyzer") is None, reason="pip install --no-deps resemblyzer")
def test_a_speaker_encoder_knows_the_voices() -> None:
    text = "The capital of France is Paris."
    read = {voice: np.round(reader(text).pcm * 32767) for voice, reader in teachers().items()}
    replies = {v: Reply(text, pcm.astype(np.int16), 0.2, 1.0, None) for v, pcm in read.items()}
    own = figures_of([Answer("", v, text, reply, True) for v, reply in replies.items()])
    assert own["told apart by speaker encoder"] == 1.0
    swapped = zip(replies, reversed(replies.values()), strict=True)
    other = figures_of([Answer("", v, text, reply, True) for v, reply in swapped])
    assert other["told apart by speaker encoder"] == 0.0
    for voice in replies:
        assert own[f"similarity, {voice}"] > other[f"similarity, {voice}"] + 0.1


def test_a_reply_far_too_long_is_counted_and_not_heard() -> None:
    noise = (3000 * np.random.default_rng(0).standard_normal(24_000)).astype(np.int16)
    short = Answer("", "Robin", "Yes.", Reply("Yes.", noise, 0.2, 1.0, None), True)
    long = Answer("", "Robin", "Yes.", Reply("no " * 16, noise, 0.2, 1.0, None), False)
    figures = figures_of([short, long])
    assert figures["replies heard"] == 1 and figures["too long to be heard"] == 1
    assert figures["ended by itself"] == 0.5


def test_a_voice_without_a_teacher_and_silence_say_why() -> None:
    noise = (3000 * np.random.default_rng(0).standard_normal(24_000)).astype(np.int16)
    robin = Answer("", "Robin", "Yes.", Reply("Yes.", noise, 0.2, 1.0, None), False)
    figures = figures_of([robin])
    assert figures["words wrong, Robin's teacher"].startswith("n/a: only pocket's own voices")
    assert figures["told apart"] == "n/a: that takes Wren and Alder"
    assert figures["ended by itself"] == 0.0
    silent = Answer("", "Wren", "", Reply("Yes.", np.zeros(0, np.int16), 0.0, 0.1, None), True)
    assert figures_of([silent]) == {"speech": "n/a: nothing was said aloud"}
