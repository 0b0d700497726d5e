"""What the Talker prefers: pairs of its own attempts at one text."""

from pathlib import Path

import numpy as np
import pytest
import torch

from voicechat.errors import UserError
from voicechat.training import dpo
from voicechat.training.listen import Spoken
from voicechat.training.talker import build_talker
from voicechat.training.tokenizer import train_tokenizer

TEXTS = ("the sun is a star", "one two three four")  # the shorter first


def attempts_with(wrong: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list:
    """The pairs of attempts at both texts by which so many words, in turn, are wrong."""

    def speak(talker, tokenizer, texts, voice, temperature) -> list[Spoken]:
        assert list(texts) == [text for text in TEXTS for _ in range(4)]
        return [Spoken(torch.full((12,), 1 + n), True) for n in wrong * 2]

    def heard(pcm: np.ndarray) -> str:
        words, text = round(float(pcm[0]) * 1000) - 1, TEXTS[int(heard.calls // 4 % 2)]
        heard.calls += 1
        return " ".join(["wrong"] * words + text.split()[words:])

    heard.calls = 0
    monkeypatch.setattr(dpo, "speak", speak)
    tokenizer = train_tokenizer(tmp_path, talks=20)
    return dpo.attempt(
        dpo.DPOConfig(attempts=4), build_talker(tokenizer, 64, 1, 64), tokenizer, TEXTS, heard,
        lambda codes, voice: np.full(5760, float(codes[0]) / 1000),
    )  # fmt: skip


def test_the_best_attempt_at_a_text_stands_beside_its_worst(tmp_path, monkeypatch) -> None:
    pairs = attempts_with([2, 0, 3, 1], tmp_path, monkeypatch)
    assert [pair.better.voice for pair in pairs] == [0, 0, 1, 1]
    assert len({pair.better.text for pair in pairs}) == 2
    for pair in pairs:
        assert pair.better.text == pair.worse.text and pair.better.voice == pair.worse.voice
        assert (int(pair.better.codes[0]), int(pair.worse.codes[0])) == (1, 4)


def test_attempts_that_are_all_alike_are_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(UserError, match="raise the temperature"):
        attempts_with([1, 1, 1, 1], tmp_path, monkeypatch)
