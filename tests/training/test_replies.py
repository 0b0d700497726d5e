"""What the Talker is shown."""

import random

import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from voicechat.training.codec import Labelled
from voicechat.training.domain import said_often
from voicechat.training.replies import Replies

OFTEN, NEVER = "I am sorry, I don't know that.", "Nobody says this."


def test_a_sentence_that_is_said_often_is_drawn_more_often_but_the_others_are_not_lost() -> None:
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    items = [
        Labelled(0, text, torch.empty(0), torch.full((length,), 1))
        for text, length in ((OFTEN, 9), (NEVER, 3))
    ]
    replies, rng = Replies(items, tokenizer, quiet=8), random.Random(1)
    drawn = [len(replies.draw(0.0, 100, rng).codes) for _ in range(500)]
    assert said_often()[OFTEN] > 100 and said_often()[NEVER] == 0
    assert drawn.count(9) / 5 > drawn.count(3) > 5
    assert {len(replies.draw(0.0, 5, rng).codes) for _ in range(20)} == {3}
