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
    "say again", "what did you say then", "what did you tell me",
    "what did you just tell me", "could you say that again", "could you say that once more",
    "please say that again", "please say it again", "tell me that again", "say that once more",
    "repeat your answer", "repeat your last answer", "what was your answer", "repeat it",
    "i could not hear you", "i could not hear that", "i did not hear that", "i did not get that",
    "i did not understand you", "let me hear that again", "can i hear that again", "and again",
    "what was that again", "can you say it one more time", "once again please", "i missed it",
    "would you repeat that", "repeat the last answer", "what were you saying", "repeat",
    "say your last answer again", "sorry i did not hear you", "that was too fast",
    "i couldn't hear you", "what was it you said", "could you repeat your answer",
    "what did you answer", "i wasn't listening", "you were too quiet", "run that by me again",
    "give me that again", "would you say that one more time", "can you go over that again",
    "let me have that once more", "i was not paying attention", "what was the last thing you said",
    "sorry i missed what you said", "i'd like to hear that again", "say what you just said",
    "i lost you there", "it was too noisy to hear you", "your answer once more",
    "repeat what you said",
)  # fmt: skip
RESUME = (
    "go on", "continue", "keep going", "carry on", "go ahead", "what comes next", "and then",
    "please go on", "you can go on", "go on from there", "finish it", "please continue",
    "go on please", "what is next", "and what comes then", "and then what", "you may continue",
    "do go on", "can you go on", "finish what you were saying", "please carry on",
    "continue please", "i am listening",
    "go on then", "now go on", "yes go on", "go on with it", "go on with that", "just go on",
    "please keep going", "tell me the rest", "what is the rest", "and the rest", "the rest please",
    "continue from there", "continue with that", "you may go on", "you can continue", "proceed",
    "where were you", "where did you stop", "and what then", "what happened then", "resume",
    "what happens next", "what happened next", "do not stop", "don't stop", "keep talking",
    "continue where you stopped", "go on where you stopped", "finish that", "finish it please",
    "i want to hear the rest", "and how does it go on", "how does it go on", "what came next",
    "sorry go on", "sorry please go on", "i interrupted you go on", "next",
    "let me hear the rest", "take it from there", "could you go on", "could you continue",
    "can you continue", "will you go on", "and further", "what was the rest",
    "pick up where you left off", "continue from where you stopped", "go on from where you were",
    "let's continue", "let's go on", "say the rest", "give me the rest",
    "i'd like to hear the rest", "how does it continue", "you were not finished",
    "i cut you off go on", "you can keep going", "carry on from there",
    "back to what you were saying", "go on with your answer", "finish your sentence",
    "finish your answer", "get on with it", "don't let me stop you", "you were not done yet",
    "is there more to it",
    "keep on going",
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
