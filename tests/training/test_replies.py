"""What the Talker is shown."""

import random

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from voicechat.training.codec import Labelled
from voicechat.training.domain import said, said_often
from voicechat.training.replies import PAUSE_CODES, Replies
from voicechat.training.teacher import held_out

OFTEN, NEVER = "I am sorry, I don't know that.", "Nobody says this."


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_a_sentence_that_is_said_often_is_drawn_more_often_but_the_others_are_not_lost(
    tokenizer: Tokenizer,
) -> None:
    items = [
        Labelled(0, text, torch.empty(0), torch.full((length,), 1))
        for text, length in ((OFTEN, 9), (NEVER, 3))
    ]
    replies, rng = Replies(items, tokenizer, quiet=8), random.Random(1)
    drawn = [len(replies.draw(0.0, 100, rng).codes) for _ in range(500)]
    assert said_often()[OFTEN] > 100 and said_often()[NEVER] == 0
    assert drawn.count(9) / 5 > drawn.count(3) > 5
    assert {len(replies.draw(0.0, 5, rng).codes) for _ in range(20)} == {3}


def test_replies_of_several_sentences_are_mostly_whole_ones_of_the_domain(
    tokenizer: Tokenizer,
) -> None:
    rng, texts = random.Random(2), sorted(said_often())
    # A sentence is known again by its one code.
    items = [Labelled(0, t, torch.empty(0), torch.tensor([n])) for n, t in enumerate(texts)]
    pool = Replies(items, tokenizer, quiet=-1)
    drawn = [pool.draw(1.0, 1000, rng).codes for _ in range(400)]
    replies = [tuple(texts[code] for code in codes if code >= 0) for codes in drawn]
    known = set(said())
    assert 0.6 < sum(reply in known for reply in replies) / len(replies) < 0.8
    most = 3 + 2 * PAUSE_CODES
    assert max(len(pool.draw(1.0, most, rng).codes) for _ in range(200)) == most


def test_what_is_said_often_is_never_held_out() -> None:
    often = [text for text, times in said_often().items() if times > 20]
    assert len(often) > 300 and not any(map(held_out, often))
