"""What the Talker learns from: replies of one sentence and of several, and prompts before them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice

import torch
from tokenizers import Tokenizer

from voicechat.training.alignment import token_of_letter
from voicechat.training.codec import Labelled
from voicechat.training.domain import said, said_often
from voicechat.training.hearing import EMBEDDING, embedding_table
from voicechat.training.rows import IGNORE, Scribe, draw_talks
from voicechat.training.tokenizer import SIZE

VECTORS_A_LETTER = 1.8  # of a user's speech, at 25 a second
LONGEST_PROMPT, CUT_PROMPT = 400, 40  # positions
WHOLE = 0.7  # share of the joined replies that are whole replies of the domain
PAUSE_CODES = 8  # between sentences, beside the 60 + 120 ms that each recording brings


@dataclass(frozen=True)
class Said:
    """A reply as the Talker learns it.

    Attributes:
        voice: Index of the voice.
        text: Its tokens.
        codes: [codes], its sound.
        words: [codes], the token that each code says, -100 where none is known.
    """

    voice: int
    text: tuple[int, ...]
    codes: torch.Tensor
    words: torch.Tensor | None = None


@cache
def text_table(device: torch.device = torch.device("cpu")) -> torch.Tensor:  # noqa: B008
    """The frozen random text embeddings that Thinker and Talker share, [2048, 384]."""
    return embedding_table(SIZE, EMBEDDING).to(device)


def join(parts: Sequence[Labelled], tokenizer: Tokenizer, quiet: int) -> Said:
    """Sentences of one voice as one reply, with pauses between."""
    pause = torch.full((PAUSE_CODES,), quiet)
    codes = [c for part in parts for c in (part.codes, pause)][:-1]
    text = " ".join(part.text for part in parts)
    ids = tuple(tokenizer.encode(text).ids)
    return Said(parts[0].voice, ids, torch.cat(codes), _words(parts, tokenizer, text))


def _words(parts: Sequence[Labelled], tokenizer: Tokenizer, text: str) -> torch.Tensor | None:
    if any(part.places is None for part in parts):
        return None
    token_of, begin, words = token_of_letter(tokenizer, text), 0, []
    for part in parts:
        words += [token_of[begin + part.places], torch.full((PAUSE_CODES,), IGNORE)]
        begin += len(part.text) + 1
    return torch.cat(words[:-1])


class Replies:
    """Draws replies for training: single sentences and several joined, of all voices alike.

    What is said often has to be said well, and what is rare must not be forgotten: a sentence is
    drawn by the root of how often it is said in the domain's talks. Several are the whole of a
    reply there, the longer the likelier, for long ones are few; or strung together.
    """

    def __init__(self, items: Sequence[Labelled], tokenizer: Tokenizer, quiet: int) -> None:
        self.tokenizer, self.quiet = tokenizer, quiet
        voices = sorted({i.voice for i in items})
        self._of_voice = {v: [i for i in items if i.voice == v] for v in voices}
        self._whole = {v: _whole(own) for v, own in self._of_voice.items()}
        self._shares = {v: _shares(own) for v, own in self._of_voice.items()}

    def draw(self, joined: float, most_codes: int, rng: random.Random) -> Said:
        """Draws one reply of at most `most_codes` codes."""
        voice = rng.choice(list(self._of_voice))
        some = iter(lambda: self._one(voice, rng), None)
        parts = [next(item for item in some if len(item.codes) <= most_codes)]
        if rng.random() < joined:
            strung = [*parts, *islice(some, rng.randint(1, 7))]
            whole, sizes = self._whole[voice]
            if whole and rng.random() < WHOLE:
                strung = rng.choices(whole, cum_weights=sizes)[0]
            parts = _fitting(strung, most_codes) or parts
        return join(parts, self.tokenizer, self.quiet)

    def _one(self, voice: int, rng: random.Random) -> Labelled:
        return rng.choices(self._of_voice[voice], cum_weights=self._shares[voice])[0]

    def batch(
        self, positions: int, prompt: int, joined: float, most_codes: int, rng: random.Random
    ) -> list[Said]:
        """Draws replies of about one length that fill so many positions with their prompt's."""
        pool = [self.draw(joined, most_codes, rng) for _ in range(96)]
        pool.sort(key=lambda said: len(said.codes))
        end = rng.randint(1, len(pool))
        size = max(1, positions // (len(pool[end - 1].codes) + prompt))
        return pool[max(0, end - size) : end]


def _whole(items: Sequence[Labelled]) -> tuple[list[list[Labelled]], list[int]]:
    """The replies of several sentences in the domain's talks all of which are recorded.

    Returns:
        The replies, and their numbers of sentences, each with those before it.
    """
    own = {item.text: item for item in items}
    several = [r for r in said() if len(r) > 1 and all(sentence in own for sentence in r)]
    return [[own[sentence] for sentence in r] for r in several], list(accumulate(map(len, several)))


def _fitting(items: Sequence[Labelled], most_codes: int) -> list[Labelled]:
    """The items at the beginning that are no longer together than so many codes."""
    ends = accumulate(len(item.codes) + PAUSE_CODES for item in items)
    return [item for item, end in zip(items, ends, strict=True) if end <= most_codes + PAUSE_CODES]


def _shares(items: Sequence[Labelled]) -> list[float]:
    """The items' weights, each with those before it."""
    return list(accumulate(math.sqrt(1 + said_often()[item.text]) for item in items))


def random_prompt(scribe: Scribe, rng: random.Random, cut: float = 0.0) -> torch.Tensor:
    """A prompt as `generate` shows it to the Talker, [positions, 384].

    What stands before the voice must not matter, so it has to be there in training: one turn or
    several, spoken or typed. Where the user's voice stands the embeddings are zero.

    Args:
        scribe: Writes it.
        rng: Draws it.
        cut: Share of the prompts of which only the end is left: whole ones would be half of all
            positions a Talker trains on, and have nothing to teach but that they do not matter.
    """
    row = scribe.start()
    for talk in draw_talks(rng, rng.choice((1, 1, 1, 2, 3))):
        for turn in talk.turns:
            if rng.random() < 0.3:
                scribe.typed(row, turn)
            else:
                vectors = int(len(turn.user) * VECTORS_A_LETTER) + rng.randint(8, 30)
                scribe.spoken(row, turn, torch.zeros(vectors, 1))
    end = row.replies[-1][0]
    if end > LONGEST_PROMPT:
        return random_prompt(scribe, rng, cut)
    spoken = torch.tensor(row.spoken[:end])
    prompt = text_table()[row.ids[:end]].masked_fill(spoken[:, None], 0.0)
    return prompt[-rng.randint(1, CUT_PROMPT) :] if rng.random() < cut else prompt


def usual_prompt(tokenizer: Tokenizer) -> torch.Tensor:
    """One and the same prompt, [positions, 384], behind which attempts are compared."""
    return random_prompt(Scribe(tokenizer), random.Random(0))
