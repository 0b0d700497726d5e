"""General English sentences, so that more words are heard and said than the domain has.

The examples of use in WordNet 3.0 (Princeton University, a permissive licence; Debian's
`wordnet-base`), and the beginnings of questions and numbers around them.
"""

from __future__ import annotations

import random
import re
import zlib
from functools import cache
from pathlib import Path

from voicechat.errors import UserError
from voicechat.spelling import number
from voicechat.training import domain
from voicechat.training.domain import Talk, Turn
from voicechat.training.domain.words import capitalise

WORDNET = Path("/usr/share/wordnet")
_BEGINNINGS = (
    "what is", "what's", "how much is", "can you tell me", "do you know", "please tell me",
    "who is", "where is", "when is", "why is", "tell me about", "what does", "how many", "hey",
    "i would like to know", "could you say", "which is larger", "is it", "say", "my name is",
    "count from",
)  # fmt: skip
_NUMBERS = ("{}", "{} plus {}", "{} minus {}", "{} times {}", "from {} to {}", "{} or {}",
            "{} and {}")  # fmt: skip


@cache
def examples() -> tuple[str, ...]:
    """Returns WordNet's examples of 3 to 12 words, in lower case and without punctuation.

    Raises:
        UserError: WordNet is not installed.
    """
    files = sorted(WORDNET.glob("data.*"))
    if not files:
        raise UserError(f"no WordNet in {WORDNET}: apt-get install wordnet-base")
    found = set()
    for file in files:
        for gloss in re.findall(r"\| (.*)", file.read_text("latin-1")):
            found |= {_plain(example) for example in re.findall(r'"([^"]+)"', gloss)}
    return tuple(sorted(text for text in found if _fits(text)))


def _plain(text: str) -> str:
    return " ".join(re.sub(r"[,;:.!?]", " ", text.lower()).split())


def _fits(text: str) -> bool:
    words = len(text.split())
    return 3 <= words <= 12 and len(text) < 70 and re.fullmatch(r"[a-z' ]+", text) is not None


def sentences(count: int) -> tuple[str, ...]:
    """Returns `count` of the examples as sentences, in an order that says nothing of them."""
    chosen = sorted(examples(), key=lambda text: zlib.crc32(text.encode()))[:count]
    return tuple(f"{capitalise(text)}." for text in chosen)


def general(rng: random.Random) -> Talk:
    """Draws a text as a talk without a reply.

    It is an example of WordNet's, rare words of the domain side by side, numbers, or a question
    begun.
    """
    chance = rng.random()
    if chance < 0.35:
        text = rng.choice(examples())
    elif chance < 0.6:
        some = rng.choices(domain.rare_words(), k=rng.randint(1, 4))
        text = " ".join([rng.choice(_BEGINNINGS) if rng.random() < 0.5 else "", *some]).strip()
    elif chance < 0.75:
        form = rng.choice(_NUMBERS)
        text = form.format(*(number(rng.randint(0, 100)) for _ in range(2)))
        text = f"{rng.choice(_BEGINNINGS)} {text}" if rng.random() < 0.7 else text
    else:
        words = rng.choice(examples()).split()[: rng.randint(2, 6)]
        text = " ".join([rng.choice(_BEGINNINGS), *words])
    return Talk("general", (Turn(text, ""),))
