"""What counts as right, how a talk is walked, and that noise stands at its ratio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from tests.engine import tiny
from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import load
from voicechat.engine.local import LocalEngine
from voicechat.errors import UserError
from voicechat.evaluation import quality
from voicechat.evaluation.quality import Answer, Exam, Reply
from voicechat.events import Heard, ReplyChunk
from voicechat.training.domain import Talk, Turn

SECOND = np.zeros(16_000, np.int16)


@dataclass
class Recorded:
    """Notes what an engine is told, and gives prepared replies."""

    replies: list[str]
    told: list[tuple[object, ...]] = field(default_factory=list)

    def type(self, turn: int, text: str) -> None:
        self.told.append(("type", turn, text))

    def feed(self, turn: int, pcm: np.ndarray) -> None:
        self.told.append(("feed", turn, len(pcm)))

    def reply(self, turn: int, certain: bool) -> Iterator[ReplyChunk]:
        self.told.append(("reply", turn, certain))
        text = self.replies[turn - 1]
        yield ReplyChunk(turn, text[:2], complete=0.75)
        yield ReplyChunk(turn, text[2:], np.ones(480, np.int16), 0, 1)
        yield ReplyChunk(turn, final=True)

    def truncate(self, turn: int, heard: Heard) -> None:
        self.told.append(("truncate", turn, heard.text))


def answer(text: str, expected: str, complete: float | None = None) -> Answer:
    reply = Reply(text, np.zeros(0, np.int16), 0.0, 0.0, complete)
    return Answer("fact", "Wren", expected, reply, ended=True)


def test_only_the_very_words_are_right() -> None:
    assert answer("Paris.", "Paris.").right
    assert not answer("Paris", "Paris.").right


def test_to_admit_it_any_of_the_admissions_will_do() -> None:
    assert answer("Sorry, I did not catch that.", "I am sorry, I don't know that.").admits
    assert not answer("Paris.", "I am sorry, I don't know that.").admits


@pytest.mark.parametrize(("complete", "right"), [(0.2, True), (0.8, False), (None, False)])
def test_an_unfinished_turn_is_right_if_it_was_judged_so(complete, right) -> None:
    assert answer("", "", complete).right is right


def test_a_talk_is_walked_and_interrupted_where_it_was() -> None:
    count = Turn("count to four", "One, two, three, four.", heard="One, two,")
    engine = Recorded(["One, two, three, four.", "Three, four."])
    talk = Talk("resume", (count, Turn("go on", "Three, four.")))
    reply = quality.converse(engine, talk, [None, SECOND])
    assert reply.text == "Three, four." and reply.complete == 0.75 and len(reply.pcm) == 480
    fed = [told for told in engine.told if told[0] == "feed"]
    assert len(fed) == 50 and all(told[1:] == (2, 320) for told in fed)
    rest = [told for told in engine.told if told[0] != "feed"]
    assert rest == [
        ("type", 1, "count to four"), ("reply", 1, True), ("truncate", 1, "One, two,"),
        ("reply", 2, True),
    ]  # fmt: skip


def test_a_wrong_reply_is_not_interrupted_at_words_it_never_said() -> None:
    engine = Recorded(["Seven.", "Three, four."])
    count = Turn("count to four", "One, two, three, four.", heard="One, two,")
    quality.converse(engine, Talk("resume", (count, Turn("go on", ""))), [SECOND, SECOND])
    assert all(told[0] != "truncate" for told in engine.told)
    assert ("reply", 2, False) in engine.told  # whether it was unfinished is the question


def test_a_typed_exam_asks_the_real_engine_and_alternates_its_voices(tmp_path: Path) -> None:
    short = {"thinker": {"max_new_tokens": 5}}
    config = ModelConfig(
        name=str(tiny.save(tmp_path)), text_only=True, greedy=True, settings=short
    )  # fmt: skip
    checkpoint, voices = load(config), list(tiny.VOICES)
    engines = [LocalEngine(checkpoint, replace(config, voice=voice)) for voice in voices]

    def engine(number: int, aloud: bool) -> LocalEngine:
        assert not aloud
        return engines[number % 2]

    exam = Exam("typed", group="", kinds=("sum",))
    first, second = quality.examine(exam, 2, engine)
    assert (first.voice, second.voice) == tuple(voices)
    assert first.kind == "sum" and " plus " in first.expected
    assert first.reply.text and not first.right
    again, _ = quality.examine(exam, 2, engine)
    assert (again.expected, again.reply.text) == (first.expected, first.reply.text)


def test_recordings_are_named_where_their_text_cannot_be_read(tmp_path: Path) -> None:
    for name, text in (("a", b"hello"), ("b", b"caf\xe9"), ("c", b"unspoken")):
        (tmp_path / f"{name}.txt").write_bytes(text)
    for name in ("a", "b"):
        (tmp_path / f"{name}.wav").touch()
    assert quality.recordings(tmp_path, 1) == [(tmp_path / "a.wav", "hello")]
    with pytest.raises(UserError, match="b.txt is not in UTF-8"):
        quality.recordings(tmp_path, 3)
