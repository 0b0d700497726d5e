"""Pocket's tokenizer: byte-level BPE learned on the domain, with Qwen's special tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from voicechat.errors import UserError
from voicechat.spelling import number
from voicechat.training.domain import reply_sentences, talk
from voicechat.training.files import whole
from voicechat.training.rows import SYSTEM

SIZE = 2048
VOICES = 8
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>",
    "<|IMAGE|>", "<|VIDEO|>", "<|vision_bos|>", "<|vision_eos|>", "<|vision_pad|>",
    "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>", "<tts_text_bos_single>",
    *(f"<|voice_{i}|>" for i in range(VOICES)),
)  # fmt: skip
_SPLIT = r"'(?:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+"


def train_tokenizer(workdir: Path, seed: int = 0, talks: int = 30_000) -> Tokenizer:
    """Learns the vocabulary on sampled talks, the same for the same seed.

    Args:
        workdir: Gets `tokenizer.json`.
        seed: Of the talks.
        talks: How many are sampled.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE, special_tokens=[AddedToken(t, special=True) for t in SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(_texts(random.Random(seed), talks), trainer)
    with whole(workdir / "tokenizer.json") as part:
        tokenizer.save(str(part))
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Loads a `tokenizer.json`.

    Raises:
        UserError: There is no such file.
    """
    if not path.is_file():
        raise UserError(f"no tokenizer at {path}: run 'python main.py train data' first")
    return Tokenizer.from_file(str(path))


def _texts(rng: random.Random, talks: int) -> Iterator[str]:
    """Yields what must be short in tokens: the prompt, number words, replies, talks."""
    for word in (number(n) for n in (*range(20), *range(20, 101, 10))):
        for form in (word, f" {word}", word.capitalize()):
            yield from [form] * 500
    yield from [f"system\n{SYSTEM}", "user\n", "assistant\n"] * 500
    yield from reply_sentences()
    for _ in range(talks):
        for turn in talk(rng).turns:
            yield turn.user
            yield turn.reply
