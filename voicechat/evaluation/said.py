"""How replies are spoken: understood, ended by themselves, in time, by whom.

The recogniser had no part in making them, and hears the teacher's own speech of the same words too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from voicechat.clock import SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import Recogniser, told_apart, word_error_rate
from voicechat.training.teacher import teachers

if TYPE_CHECKING:
    from voicechat.evaluation.quality import Answer, Reply

Figures = dict[str, float | str]  # a word instead of a number says why there is none


def figures_of(answers: Sequence[Answer]) -> Figures:
    """Figures of what was said, over all voices; and by voice, beside its teacher's, the words."""
    said = [answer for answer in answers if len(answer.reply.pcm)]
    if not said:
        return {"speech": "n/a: nothing was said aloud"}
    seconds = sum(len(answer.reply.pcm) for answer in said) / SPEAKER_RATE
    figures: Figures = {
        "replies heard": len(said),
        "ended by itself": sum(answer.ended for answer in said) / len(said),
        "real-time factor": sum(answer.reply.total_s for answer in said) / seconds,
        "first sound, s": float(np.median([answer.reply.first_s for answer in said])),
    }
    by_voice = {
        voice: [answer.reply for answer in said if answer.voice == voice]
        for voice in dict.fromkeys(answer.voice for answer in said)
    }
    figures |= _words_wrong(by_voice)
    if by_voice.keys() == {"Alder", "Wren"}:
        low, high = ([as_float(reply.pcm) for reply in by_voice[v]] for v in ("Alder", "Wren"))
        figures["told apart by pitch"] = told_apart(low, high)
    else:
        figures["told apart by pitch"] = "n/a: that takes Wren and Alder"
    return figures


def _words_wrong(by_voice: dict[str, list[Reply]]) -> Figures:
    """Word errors of each voice by a recogniser, and of its teacher saying the same."""
    try:
        recogniser, readers, figures = Recogniser(), teachers(), Figures()
    except UserError as fault:
        return {"words wrong": f"n/a: {fault}"}
    for voice, replies in by_voice.items():
        texts = [reply.text for reply in replies]
        heard = [recogniser(as_float(reply.pcm)) for reply in replies]
        figures[f"words wrong, {voice}"] = word_error_rate(texts, heard)
        beside = f"words wrong, {voice}'s teacher"
        if voice in readers:
            read = [recogniser(readers[voice](text)) for text in texts]
            figures[beside] = word_error_rate(texts, read)
        else:
            figures[beside] = "n/a: only pocket's own voices have one"
    return figures


def as_float(pcm: np.ndarray) -> np.ndarray:
    """`[samples]` int16 -> float32 in [-1, 1]."""
    return pcm.astype(np.float32) / 32767
