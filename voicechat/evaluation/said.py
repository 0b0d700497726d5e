"""How replies are spoken: understood, ended by themselves, in time, by whom.

The recogniser had no part in making them, and hears the teacher's own speech of the same words too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from voicechat.clock import SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import Recogniser, melody, told_apart, word_error_rate
from voicechat.evaluation.similarity import SpeakerEncoder
from voicechat.training.teacher import teachers

if TYPE_CHECKING:
    from voicechat.evaluation.quality import Answer, Reply

Figures = dict[str, float | str]  # a word instead of a number says why there is none


def figures_of(answers: Sequence[Answer]) -> Figures:
    """Figures of what was said, over all voices; and by voice, beside its teacher's, the words.

    A wrong reply may be far longer than the right one, and then outweighs all others: such are
    counted and left out.
    """
    aloud = [answer for answer in answers if len(answer.reply.pcm)]
    said = [answer for answer in aloud if answer.short]
    if not said:
        return {"speech": "n/a: nothing was said aloud"}
    seconds = sum(len(answer.reply.pcm) for answer in said) / SPEAKER_RATE
    figures: Figures = {
        "replies heard": len(said),
        "too long to be heard": len(aloud) - len(said),
        "ended by itself": sum(answer.ended for answer in aloud) / len(aloud),
        "real-time factor": sum(answer.reply.total_s for answer in said) / seconds,
        "first sound, s": float(np.median([answer.reply.first_s for answer in said])),
    }
    by_voice = {
        voice: [answer.reply for answer in said if answer.voice == voice]
        for voice in dict.fromkeys(answer.voice for answer in said)
    }
    read = _by_teachers(by_voice)
    figures |= _words_wrong(by_voice, read) | _melodies(by_voice, read)
    if by_voice.keys() == {"Alder", "Wren"}:
        sounds = {v: [as_float(reply.pcm) for reply in by_voice[v]] for v in ("Alder", "Wren")}
        figures["told apart by pitch"] = told_apart(*sounds.values())
        figures |= _alike(sounds, read)
    else:
        figures["told apart"] = "n/a: that takes Wren and Alder"
    return figures


def _by_teachers(by_voice: dict[str, list[Reply]]) -> dict[str, list[np.ndarray]]:
    """The same words, read by the teachers of the voices that have one here."""
    try:
        readers = teachers()
    except UserError:
        return {}
    return {
        voice: [readers[voice](reply.text).pcm for reply in replies]
        for voice, replies in by_voice.items()
        if voice in readers
    }


def _words_wrong(by_voice: dict[str, list[Reply]], read: dict[str, list[np.ndarray]]) -> Figures:
    """Word errors of each voice by a recogniser, and of its teacher saying the same."""
    try:
        recogniser, figures = Recogniser(), Figures()
    except UserError as fault:
        return {"words wrong": f"n/a: {fault}"}
    for voice, replies in by_voice.items():
        texts = [reply.text for reply in replies]
        heard = [recogniser(as_float(reply.pcm)) for reply in replies]
        figures[f"words wrong, {voice}"] = word_error_rate(texts, heard)
        figures[f"words wrong, {voice}'s teacher"] = (
            word_error_rate(texts, [recogniser(pcm) for pcm in read[voice]])
            if voice in read
            else "n/a: only pocket's own voices have one, with pip install '.[train]'"
        )
    return figures


def _melodies(by_voice: dict[str, list[Reply]], read: dict[str, list[np.ndarray]]) -> Figures:
    """How far each voice goes up and down, in semitones, and its teacher saying the same."""
    spoken = {v: [as_float(reply.pcm) for reply in replies] for v, replies in by_voice.items()}
    spoken |= {f"{voice}'s teacher": pcms for voice, pcms in read.items()}
    return {
        f"melody in semitones, {who}": float(np.median([melody(pcm) for pcm in pcms]))
        for who, pcms in spoken.items()
    }


def _alike(sounds: dict[str, list[np.ndarray]], read: dict[str, list[np.ndarray]]) -> Figures:
    """How near the two voices' replies are to their teachers, by a speaker encoder."""
    try:
        encoder, figures = SpeakerEncoder(), Figures()
    except UserError as fault:
        return {"speaker similarity": f"n/a: {fault}"}
    if sounds.keys() != read.keys():
        return {"speaker similarity": "n/a: the teachers need pip install '.[train]'"}
    voices = {voice: encoder.voice(pcms) for voice, pcms in read.items()}
    apart = []
    for voice, pcms in sounds.items():
        (other,) = (vector for name, vector in voices.items() if name != voice)
        figures[f"similarity, {voice}"] = encoder.similarity(pcms, voices[voice])
        figures[f"similarity, {voice}'s teacher"] = encoder.similarity(read[voice], voices[voice])
        apart += encoder.nearer(pcms, voices[voice], other)
    figures["told apart by speaker encoder"] = float(np.mean(apart))
    return figures


def as_float(pcm: np.ndarray) -> np.ndarray:
    """`[samples]` int16 -> float32 in [-1, 1]."""
    return pcm.astype(np.float32) / 32767
