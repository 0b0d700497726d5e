"""A person's recorded words are joined to questions, which the engine answers."""

from __future__ import annotations

import random
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from voicechat.audio.wav import write_wav
from voicechat.clock import MIC_RATE
from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import load
from voicechat.engine.local import LocalEngine
from voicechat.errors import UserError
from voicechat.evaluation import people
from voicechat.training.users import Voice, say


def test_every_difference_is_asked_once_with_its_answer() -> None:
    asked = dict(people.differences(1_000))
    assert len(asked) == 231
    assert len(dict(people.differences(20))) == 20
    assert asked["twenty minus nine"] == "Twenty minus nine is eleven."
    assert asked["zero minus zero"] == "Zero minus zero is zero."


def test_words_are_joined_in_their_order_with_silence_around() -> None:
    recorded = {"nine": np.full(100, 0.5, np.float32), "minus": np.full(50, -0.5, np.float32)}
    pcm = people.said("nine minus nine", recorded)
    loud = np.flatnonzero(np.diff(np.sign(pcm.astype(int)), prepend=0))
    assert pcm.dtype == np.int16
    assert [pcm[at] for at in loud] == [16384, 0, -16384, 0, 16384, 0]
    assert loud[0] == 0.15 * 16_000


def test_where_they_are_not_installed_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="apt-get install asterisk"):
        people.words(tmp_path / "none")


@pytest.mark.skipif(not which("espeak-ng"), reason="espeak-ng speaks the words")
def test_words_are_heard_and_questions_answered(tmp_path: Path) -> None:
    voice, rng = Voice("espeak", "m1", "train"), random.Random(2)
    for word, name in people.file_names().items():
        pcm = np.round(say(word, voice, rng) * 32767).astype(np.int16)
        write_wav(tmp_path / f"{name}.wav", pcm, MIC_RATE)
    config = ModelConfig(name="pocket", text_only=True)
    engine = LocalEngine(load(config), config)
    recorded = people.words(tmp_path)
    assert len(recorded) == 47 + len(["minus"])
    figures = people.measure(engine, recorded, people.differences(10))
    assert figures["a person's words"] > 0.6
    assert figures["a person's differences"] > 0.6
