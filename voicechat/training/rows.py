"""Talks as rows of token ids, the way the engine prompts, with what each row teaches.

A row is one conversation: the system prompt, then turns. Where a user's turn is *spoken*, its ids
are `<|AUDIO|>` between `<|audio_bos|>` and `<|audio_eos|>`, one for each vector the audio
encoder gives. Where it is *spelled*, the text's own ids stand there with `<|AUDIO|>` strewn
between them: what an encoder whose CTC blank is `<|AUDIO|>` would hear (see `hearing`). Text is
all a Thinker needs to learn to read that, at a tenth of the cost of speech.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from tokenizers import Tokenizer

from voicechat.training import domain
from voicechat.training.domain import Talk, Turn
from voicechat.training.domain.again import RESUME
from voicechat.training.domain.phrasing import ask
from voicechat.training.domain.talks import rest
from voicechat.training.domain.words import GOES_ON

SYSTEM = "You are Pocket, a small voice assistant."
IGNORE = -100  # torch's cross entropy skips these labels
_ALONE = (
    "chat", "sum", "difference", "product", "larger", "count", "calendar", "capital", "color",
    "opposite", "sound", "spelling", "fact", "outside", "unclear", "story", "rhyme", "joke", "tell",
    "unfinished",
)  # fmt: skip
_TELLING = ("tell", "memory")
GOING_ON = 8.0
OPENING = 3.0
Drawn = TypeVar("Drawn")


@dataclass
class Row:
    """Token ids and, of the same length, what to predict *at* each position or `IGNORE`.

    Attributes:
        ids: the conversation's tokens.
        labels: `labels[i]` is to be predicted from `ids[:i]`.
        weights: what each taught token counts: where a reply begins, `OPENING`, for nearly all that
            is answered wrong is wrong from there; where a sentence closes and where a reply ends,
            1; any other token the root of a share in its reply, so that a long one counts more than
            a short one, but not as much as it is longer. Where a reply goes on, behind its three
            dots, and where that is foreseen, `GOING_ON`: what lies behind that word is reading on.
        spoken: which positions the audio encoder fills.
        heard: with what, in order: `[vectors, width]` for each spoken turn.
        replies: (start, end) of each whole reply with its `<|im_end|>`, one a scored turn.
        foreseen: the positions whose label is not what stands there (see `foresee`).
        resumed: (from, to) wherever a reply goes on: from the position that predicts its first word
            it is best to look to the one that foresaw it.
    """

    ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    spoken: list[bool] = field(default_factory=list)
    heard: list[torch.Tensor] = field(default_factory=list)
    replies: list[tuple[int, int]] = field(default_factory=list)
    foreseen: list[int] = field(default_factory=list)
    resumed: list[tuple[int, int]] = field(default_factory=list)

    def add(self, ids: Sequence[int], spoken: bool = False) -> None:
        """Appends ids that are given, to be filled with vectors if `spoken`."""
        self.ids += ids
        self.labels += [IGNORE] * len(ids)
        self.spoken += [spoken] * len(ids)

    def teach(self, ids: Sequence[int], decisive: Collection[int]) -> None:
        """Appends ids to be predicted: the `decisive` ones count 1, the first two others `OPENING`.

        Where decisive ones stand before it, behind a cut reply, the first other one counts
        `GOING_ON`.
        """
        before = len(self.ids)
        self.ids += ids
        self.labels += ids
        self.spoken += [False] * len(ids)
        share = max(1, len(ids)) ** -0.5
        begun = next((i for i, x in enumerate(ids) if x not in decisive), 0)  # behind three dots
        weights = [1.0 if x in decisive else share for x in ids]
        weights[begun : begun + 2] = [OPENING for _ in weights[begun : begun + 2]]
        if begun and self.foreseen:
            weights[begun] = GOING_ON
            self.resumed.append((before + begun - 1, self.foreseen[-1] - 1))
        self.weights += weights

    def foresee(self, token: int) -> None:
        """Teaches another token than the one that stands at the last position."""
        self.labels[-1] = token
        self.weights.append(GOING_ON)
        self.foreseen.append(len(self.ids) - 1)


class Scribe:
    """Writes talks with a tokenizer.

    Args:
        tokenizer: pocket's.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        name = tokenizer.token_to_id
        self.audio, self.end = name("<|AUDIO|>"), name("<|im_end|>")
        self.audio_bos, self.audio_eos = name("<|audio_bos|>"), name("<|audio_eos|>")
        self.specials = sum(t.special for t in tokenizer.get_added_tokens_decoder().values())
        self._system = self.ids(f"<|im_start|>system\n{SYSTEM}<|im_end|>\n")
        self._user, self._reply = (
            self.ids("<|im_start|>user\n"),
            self.ids("<|im_end|>\n<|im_start|>assistant\n"),
        )
        self._close = self.ids("<|im_end|>\n")
        self._decisive = {self.end, *self.ids("."), *self.ids(GOES_ON)}

    def ids(self, text: str) -> list[int]:
        """Returns the text's token ids."""
        return self.tokenizer.encode(text).ids

    def start(self) -> Row:
        """Returns a row that holds the system prompt."""
        row = Row()
        row.add(self._system)
        return row

    def typed(self, row: Row, turn: Turn) -> None:
        """Appends a turn that was typed."""
        row.add([*self._user, *self.ids(turn.user)])
        self._answer(row, turn)

    def spoken(self, row: Row, turn: Turn, heard: torch.Tensor) -> None:
        """Appends a turn that was spoken: what the encoder gave, `[vectors, width]`."""
        row.add([*self._user, self.audio_bos])
        row.add([self.audio] * len(heard), spoken=True)
        row.heard.append(heard)
        row.add([self.audio_eos])
        self._answer(row, turn)

    def spelled(self, row: Row, turn: Turn, rng: random.Random, errors: float = 0.02) -> None:
        """Appends a turn as an encoder spells it: ids, some twice, some wrong, and blanks."""
        pace = rng.uniform(0.5, 4)
        row.add([*self._user, self.audio_bos, *[self.audio] * rng.randint(0, 4)])
        for token in self.ids(turn.user):
            if rng.random() < errors:
                token = rng.randrange(self.specials, self.tokenizer.get_vocab_size())
            row.add([token] * rng.choice((1, 1, 1, 2)))
            row.add([self.audio] * int(rng.expovariate(1 / pace)))
        row.add([*[self.audio] * rng.randint(1, 6), self.audio_eos])
        self._answer(row, turn)

    def drill(self, row: Row, rng: random.Random) -> None:
        """Appends random tokens and the same again: to copy is to find what followed before.

        Half the copies are cut, and gone on with when that is asked for: the same once more, where
        no story helps to find the word.
        """
        tokens = range(self.specials, self.tokenizer.get_vocab_size())
        tokens = [token for token in tokens if token not in self._decisive]  # dots mean going on
        drawn = rng.choices(tokens, k=rng.randint(4, 30))
        row.add([*self._user, *drawn, *self._reply])
        if rng.random() < 0.5:
            cut = rng.randrange(1, len(drawn))
            row.teach(drawn[:cut], self._decisive)
            row.add(self._close)
            row.foresee(drawn[cut])
            asked = self.ids(ask(rng, RESUME, "train", bare=True))
            row.add([*self._user, *asked, *self._reply])
            drawn = [*self.ids(GOES_ON), *drawn[cut:]]
        row.teach([*drawn, self.end], self._decisive)
        row.add(self._close[1:])

    def _answer(self, row: Row, turn: Turn) -> None:
        row.add(self._reply)
        whole = self.ids(turn.reply)
        if turn.heard is None:
            row.replies.append((len(row.ids), len(row.ids) + len(whole) + 1))
            row.teach([*whole, self.end], self._decisive)
            row.add(self._close[1:])
            return
        kept = self.ids(turn.heard)
        same = next(
            (i for i, (a, b) in enumerate(zip(kept, whole, strict=False)) if a != b), len(kept)
        )
        row.teach(kept[:same], self._decisive)  # where it was cut is nothing to learn
        row.add([*kept[same:], *self._close])
        # Behind its end, where no reply is made: "go on" then finds its first word in one place.
        row.foresee(self.ids(rest(turn.reply, turn.heard))[len(self.ids(GOES_ON))])


def draw_talks(rng: random.Random, turns: int, seldom: float = 0.0) -> list[Talk]:
    """Draws a conversation of so many turns, at least (`seldom`: see `domain.taught_talk`)."""
    return string(lambda: domain.taught_talk(rng, seldom), lambda talk: talk, turns)


def string(draw: Callable[[], Drawn], talk_of: Callable[[Drawn], Talk], turns: int) -> list[Drawn]:
    """Strings drawn talks together until there are so many turns, or one that nothing follows.

    So the talks that need what was said before are as frequent in a row as among the talks.
    """
    drawn = [draw()]
    talks = [talk_of(drawn[0])]
    while sum(len(t.turns) for t in talks) < turns and talks[-1].kind != "unfinished":
        following = draw()
        if may_follow(talk_of(following), talks):
            drawn.append(following)
            talks.append(talk_of(following))
    return drawn


def may_follow(talk: Talk, before: Sequence[Talk]) -> bool:
    """Whether a talk's replies stay right behind other talks.

    Nothing follows an unfinished turn: the user goes on with it. One turn that leans on nothing
    stands at the very beginning: "what did you say" is then answered by what was not said. And what
    a user tells of themselves would answer later questions that are taught as never told.
    """
    if before[-1].kind == "unfinished":
        return False
    if talk.kind in _TELLING and any(t.kind in _TELLING for t in before):
        return False
    return len(talk.turns) > 1 or talk.kind in _ALONE
