"""Pocket's tokenizer: bytes that come back, short prompts, the same file for the same seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from voicechat.errors import UserError
from voicechat.spelling import number
from voicechat.training.domain import talk
from voicechat.training.tokenizer import SIZE, SPECIAL, load_tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return train_tokenizer(tmp_path_factory.mktemp("tokenizer"), talks=1500)


def test_special_tokens_come_first_and_are_one_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() == SIZE
    assert [tokenizer.encode(token).ids for token in SPECIAL] == [[i] for i in range(len(SPECIAL))]


@pytest.mark.parametrize("n", [*range(21), 30, 90])
def test_a_number_word_is_one_token(tokenizer: Tokenizer, n: int) -> None:
    for form in (number(n), f" {number(n)}", number(n).capitalize()):
        assert len(tokenizer.encode(form).ids) == 1, form


def test_the_prompt_is_short(tokenizer: Tokenizer) -> None:
    prompt = "<|im_start|>system\nYou are Pocket, a small voice assistant.<|im_end|>\n"
    assert len(tokenizer.encode(prompt).ids) <= 15


def test_any_text_comes_back(tokenizer: Tokenizer) -> None:
    rng = random.Random(5)
    texts = [turn.reply for _ in range(200) for turn in talk(rng).turns]
    for text in (*texts, "Grüße, 12.5 % \u20ac \U0001f600\n\n x"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_the_same_seed_learns_the_same_vocabulary(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_tokenizer(tmp_path / name, seed=3, talks=100)
    one, two = ((tmp_path / name / "tokenizer.json").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_missing_tokenizer_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train data"):
        load_tokenizer(tmp_path / "tokenizer.json")
