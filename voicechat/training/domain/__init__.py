"""The domain of pocket's conversation: what can be said to it, and the one right reply.

`talk` draws training and test conversations; `reply_sentences` lists what the voices must be able
to say, `said` what they say in talks and `said_often` how often; `questions` lists single questions
for the synthesis of users' speech. Two splits are never trained: "phrasing" (ways of asking) and
"pairs" (of the counts a tenth, of the comparisons a hundredth of the pairs of numbers).
"""

from voicechat.training.domain.sample import (
    KINDS,
    SELDOM,
    SPLITS,
    questions,
    rare_words,
    reply_sentences,
    said,
    said_often,
    talk,
    taught_talk,
)
from voicechat.training.domain.talks import Talk, Turn
from voicechat.training.domain.words import sentences

__all__ = [
    "KINDS", "SELDOM", "SPLITS", "Talk", "Turn", "questions", "rare_words", "reply_sentences",
    "said", "said_often", "sentences", "talk", "taught_talk",
]  # fmt: skip
