"""Which words of a reply have been said after so many of its samples.

    text    One, two, three. |  A little  red  train ...
    weight  ==== === =====   |  = ====== === =====        letters, about as long as they sound
    sound   ▁▃▅▁▃▅▁▃▅▅▁▁▁▁▁▁▁▁▁▃▅▃▅▃▅▅▅▃▅▅▅▁              where it pauses, a phrase has ended

Between two pauses that are matched, speech is shared out among the words by weight. Which pause
ends which phrase is the cheapest monotone matching, by dynamic programming: phrases should be as
long as their weight says, and neither pauses nor punctuation should be left over. Pure numpy: no
recogniser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from voicechat.clock import SPEAKER_RATE

FRAME = SPEAKER_RATE // 100  # 10 ms
QUIET_DB = 35.0  # below the loudest: a pause
SHORTEST_PAUSE = 7  # frames
PACE = 8.2  # frames a unit of weight, before a whole reply was heard
SPREAD = 3.0  # how far, in weights, a phrase strays from its own: the square root of so many
LEFT_OVER = 1.5  # costs a punctuation mark without a pause
PAUSE_LEFT_OVER = 0.7  # costs a pause within a phrase
REACH = 5  # at most so many marks or pauses in a row are left over
_SILENT = re.compile(
    r"[^a-z0-9]|(?<=[a-z])e$|(?<=o)u|(?<=[aeo])[iy]|(?<=g)h|(?<=[tscpw])h|(?<=c)k|(.)(?=\1)"
)  # noqa: E501
_PUNCTUATION = tuple(".,;:?!")


@lru_cache(maxsize=4096)
def weight(word: str) -> float:
    """About how many phones a word has; a letter that is spelt has two."""
    return max(2.0, float(len(_SILENT.sub("", word.lower()))))


@dataclass(frozen=True)
class Words:
    """A text as words and phrases.

    Attributes:
        ends: `[words]` where each word ends in the text, characters.
        weights: `[words]` cumulated, of the words up to and with each.
        marks: indices of the words that end a phrase, the last one included.
    """

    ends: np.ndarray
    weights: np.ndarray
    marks: np.ndarray


def read(text: str) -> Words:
    """Splits a text; what has neither letter nor digit, as three dots, takes no time."""
    found = [(match.end(), match.group()) for match in re.finditer(r"\S*\w\S*", text)]
    marks = [i for i, (_, word) in enumerate(found) if word.endswith(_PUNCTUATION)]
    if found and len(found) - 1 not in marks:
        marks.append(len(found) - 1)
    return Words(
        np.array([end for end, _ in found], dtype=int),
        np.cumsum([weight(word) for _, word in found]),
        np.array(marks, dtype=int),
    )


def spoken(pcm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a voice speaks.

    Args:
        pcm: `[samples]` int16, 24 kHz.

    Returns:
        `[frames + 1]` frames of speech before each 10 ms frame; and `[pauses]` the same at each
        pause that lasts.
    """
    frames = len(pcm) // FRAME
    power = np.square(pcm[: frames * FRAME].reshape(frames, FRAME), dtype=np.float64).mean(axis=1)
    level = 10 * np.log10(power + 1.0)
    loud = level > (np.percentile(level, 95) if frames else 0.0) - QUIET_DB
    edges = np.flatnonzero(np.diff(np.concatenate(([True], loud, [True])).astype(int)))
    long_enough = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start < SHORTEST_PAUSE:
            loud[start:stop] = True
        else:
            long_enough.append(start)
    before = np.concatenate(([0], np.cumsum(loud)))
    return before, np.unique(before[np.array(long_enough, dtype=int)])


def pace(text: str, pcm: np.ndarray) -> float | None:
    """Frames of speech a unit of weight in a whole reply; None if it is too short to tell."""
    words, (before, _) = read(text), spoken(pcm)
    return float(before[-1] / words.weights[-1]) if len(words.ends) > 2 else None


@dataclass(frozen=True, eq=False)
class Alignment:
    """A reply's words beside its sound.

    Attributes:
        text: as far as it is known.
        pcm: `[samples]` int16, 24 kHz, as far as it is made.
        whole: `pcm` says all of `text`.
        words: of the text.
        before: `[frames + 1]` frames of speech before each frame of the sound.
        anchors: `[2, points]` corresponding frames of speech and weights, both rising.
    """

    text: str
    pcm: np.ndarray
    whole: bool
    words: Words
    before: np.ndarray
    anchors: np.ndarray

    def of(self, text: str, pcm: np.ndarray, whole: bool) -> bool:
        """Whether it is of just these, the very same sound."""
        return self.pcm is pcm and self.text == text and self.whole == whole

    def heard(self, samples: int) -> str:
        """The words that so many samples say: a prefix of the text."""
        if self.whole and samples >= len(self.pcm):
            return self.text
        frames = self.before[min(samples // FRAME, len(self.before) - 1)]
        said = float(np.interp(frames, *self.anchors))
        count = int(np.searchsorted(self.words.weights, said + 0.5, side="right"))
        return self.text[: self.words.ends[count - 1]] if count else ""


def align(text: str, pcm: np.ndarray, whole: bool, frames_a_weight: float = PACE) -> Alignment:
    """Finds out which part of the sound says which word.

    Args:
        text: the reply's text as far as it is known.
        pcm: `[samples]` int16, 24 kHz: the reply as far as it is made.
        whole: `pcm` says all of `text`.
        frames_a_weight: the voice's pace, for a reply that is not whole.
    """
    words, (before, pauses) = read(text), spoken(pcm)
    if not len(words.ends) or not before[-1]:
        return Alignment(text, pcm, whole, words, before, np.zeros((2, 1)))
    if whole:
        frames_a_weight = before[-1] / words.weights[-1]
    in_sound, in_text = _match(words, pauses / frames_a_weight, before[-1] / frames_a_weight, whole)
    anchors = np.stack((in_sound * frames_a_weight, in_text))
    return Alignment(text, pcm, whole, words, before, anchors)


def heard_text(
    text: str, pcm: np.ndarray, samples: int, whole: bool, frames_a_weight: float = PACE
) -> str:
    """The words of `text` that `pcm[:samples]` says; see `align`."""
    return align(text, pcm, whole, frames_a_weight).heard(samples)


def _match(
    words: Words, pauses: np.ndarray, length: float, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Matches pauses with the ends of phrases.

    Returns:
        Corresponding times in the sound and in the text, both in weights and rising.
    """
    marks = words.weights[words.marks]
    sound = np.concatenate(([0.0], pauses[(pauses > 0) & (pauses < length)]))
    text = np.concatenate(([0.0], marks[:-1] if whole else marks))
    cost, back = _costs(sound, text)
    cost += _rest(text, marks[-1], length - sound, whole)
    i, j = np.unravel_index(np.argmin(cost), cost.shape)
    path = []
    while i or j:
        path.append((i, j))
        i, j = back[i, j]
    path = [(0, 0), *reversed(path)]
    in_sound, in_text = [sound[j] for _, j in path], [text[i] for i, _ in path]
    left = length - in_sound[-1]
    in_sound.append(length)
    in_text.append(marks[-1] if whole else min(marks[-1], in_text[-1] + left))
    return np.array(in_sound), np.array(in_text)


def _costs(sound: np.ndarray, text: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest ways.

    Returns:
        `[marks, pauses]` the least cost with mark i at pause j, where 0, 0 is the beginning; and
        `[marks, pauses, 2]` the pair before on that way.
    """
    cost = np.full((len(text), len(sound)), np.inf)
    back = np.zeros((len(text), len(sound), 2), dtype=int)
    cost[0, 0] = 0.0
    here, skip = np.arange(len(sound)), np.arange(1, REACH + 1)[:, None]
    before = np.maximum(here - skip, 0)  # [REACH, pauses]: the pause that is so many before
    lasts = np.where(here < skip, np.inf, sound - sound[before])
    for i in range(1, len(text)):
        phrases = np.arange(min(i, REACH), 0, -1)[:, None, None]
        last = i - phrases[:, 0, 0]
        step = _step(lasts, text[i] - text[last, None, None], phrases, skip)
        ways = (cost[last][:, before] + step).reshape(-1, len(sound))
        best = np.argmin(ways, axis=0)
        cost[i] = ways[best, here]
        back[i] = np.stack((last[best // REACH], before[best % REACH, here]), axis=-1)
    return cost, back


def _step(sound: Any, text: Any, phrases: Any, pauses: Any) -> Any:
    """What it costs that these phrases, without a pause but the last one, are this sound."""
    stray = (sound - text) ** 2 / (SPREAD * np.maximum(text, 1.0))
    return stray + LEFT_OVER * (phrases - 1) + PAUSE_LEFT_OVER * (pauses - 1)


def _rest(text: np.ndarray, end: float, sound: np.ndarray, whole: bool) -> np.ndarray:
    """What it costs that the rest of the sound is the rest of the text, or its beginning.

    Returns:
        `[marks, pauses]`, of what follows mark i and pause j.
    """
    pauses = np.arange(len(sound), 0, -1)
    if whole:
        marks = np.arange(len(text), 0, -1)[:, None]
        return _step(sound, end - text[:, None], marks, pauses)
    reached = text[:, None] + sound
    marks = np.searchsorted(text, reached, side="right") - np.arange(len(text))[:, None]
    beyond = np.maximum(0.0, reached - end)
    return beyond + LEFT_OVER * np.maximum(0, marks - 1) + PAUSE_LEFT_OVER * (pauses - 1)
