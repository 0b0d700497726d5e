"""Asking for the last reply again, and going on after an interruption."""

from __future__ import annotations

import random

from voicechat.training.domain.outside import aside
from voicechat.training.domain.phrasing import ask
from voicechat.training.domain.talks import ASIDE_KINDS, Turn, cut, rest, single

NOTHING_SAID = "I have not said anything yet."
ALL_SAID = "That was all."
_REPEAT = (
    "say that again", "what did you say", "repeat that", "can you repeat that", "what was that",
    "come again", "say it again", "once more", "i did not hear you", "one more time",
    "could you repeat that", "say it once more", "tell me again", "i did not catch that",
    "please repeat", "what did you just say", "sorry what was that", "pardon",
    "can you say that again", "i missed that", "repeat it please", "again please",
    "repeat what you said",
)  # fmt: skip
RESUME = (
    "go on", "continue", "keep going", "carry on", "go ahead", "what comes next", "and then",
    "please go on", "you can go on", "go on from there", "finish it", "please continue",
    "go on please", "what is next", "and what comes then", "and then what", "you may continue",
    "do go on", "can you go on", "finish what you were saying", "please carry on",
    "continue please", "i am listening", "keep on going",
)  # fmt: skip


def repeat(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Asks for the last reply once more: the whole of it, if it was cut."""
    if rng.random() < 0.1:
        return (Turn(ask(rng, _REPEAT, split, bare=True), NOTHING_SAID),)
    first = single(rng, split, rng.choice(ASIDE_KINDS))
    again = Turn(ask(rng, _REPEAT, split, bare=True), first.reply)
    if rng.random() < 0.2 and len(first.reply.split()) > 1:
        first = cut(rng, first)
    return (aside(rng, split), first, again) if rng.random() < 0.25 else (first, again)


def resume(rng: random.Random, split: str) -> tuple[Turn, ...]:
    """Interrupts a reply and asks to go on: the answer starts at the next word, cut or not."""
    chance = rng.random()
    if chance < 0.05:
        return (Turn(ask(rng, RESUME, split, bare=True), NOTHING_SAID),)
    kind = rng.choice(("count", "count", "story", "story", "rhyme", "spelling", "fact", "joke"))
    turn = single(rng, split, kind)
    if chance < 0.12:
        return turn, Turn(ask(rng, RESUME, split, bare=True), ALL_SAID)
    turns = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        if len(turn.reply.split()) > 1:
            turns.append(cut(rng, turn))
            turn = Turn(ask(rng, RESUME, split, bare=True), rest(turn.reply, turns[-1].heard or ""))
    return (*turns, turn) if turns else resume(rng, split)
