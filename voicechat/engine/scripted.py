"""An engine that reads from a script: deterministic, no torch, each letter a tone.

It keeps the protocol's promises and checks its callers: what `LocalEngine` would refuse or mistake
is an assertion here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from voicechat.clock import CODE, DIT_BLOCK, SPEAKER_RATE, speaker_samples
from voicechat.errors import UserError
from voicechat.events import Heard, ReplyChunk

LETTER = 4 * CODE  # 80 ms
GAP = 2 * CODE
PAUSE = 12 * CODE  # after punctuation
LEVEL = 3000
RISE = speaker_samples(10)
Judge = Callable[[np.ndarray], float]
Voice = Callable[[str], tuple[list[tuple[int, str]], np.ndarray]]  # as `speak`


class ScriptedEngine:
    """Answers turn k with the k-th reply, over and over.

    Args:
        replies: what to say.
        judge: given a turn's speech, `[samples]` int16, 16 kHz, how likely it is complete; without
            one the engine cannot tell.
        complete_at: an uncertain turn below this gets an empty answer.
        voice: speaks a reply; by default in tones.

    Attributes:
        history: what of each turn's reply is remembered, by turn.
        turns: the speech or text that each turn was fed.
    """

    def __init__(
        self,
        replies: Sequence[str],
        judge: Judge | None = None,
        complete_at: float = 0.5,
        voice: Voice | None = None,
    ) -> None:
        assert replies, "a script of no replies"
        self._replies, self._judge, self._complete_at = replies, judge, complete_at
        self._speak = voice or speak
        self.history: dict[int, str] = {}
        self.turns: dict[int, list[np.ndarray | str]] = {}

    def feed(self, turn: int, pcm: np.ndarray) -> None:
        """Hears; takes an answer back."""
        assert pcm.dtype == np.int16 and pcm.ndim == 1, (pcm.dtype, pcm.shape)
        self._add(turn, pcm)

    def type(self, turn: int, text: str) -> None:
        """Reads."""
        self._add(turn, text)

    def attach(self, turn: int, path: Path) -> None:
        """Refuses, as it perceives nothing."""
        raise UserError(f"{path}: the scripted engine perceives no files")

    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        """Answers by blocks of 240 ms, each word with the block in which it begins."""
        assert turn in self.turns, f"turn {turn} was never fed"
        complete = self._judge(self._heard(turn)) if self._judge and not certain else None
        if complete is not None and complete < self._complete_at:
            yield ReplyChunk(turn, complete=complete, final=True)
            return
        text = self._replies[(turn - 1) % len(self._replies)]
        starts, pcm = self._speak(text)
        self.history[turn] = text
        for start in range(0, len(pcm), DIT_BLOCK):
            stop = min(start + DIT_BLOCK, len(pcm))
            yield ReplyChunk(
                turn,
                "".join(word for at, word in starts if start <= at < stop),
                pcm[start:stop],
                start // CODE,
                stop // CODE,
                complete if start == 0 else None,
                stop == len(pcm),
            )

    def truncate(self, turn: int, heard: Heard) -> None:
        """Remembers only what was heard."""
        said = self.history[turn]
        assert said.startswith(heard.text), f"{heard.text!r} does not begin {said!r}"
        self.history[turn] = heard.text

    def discard(self, turn: int) -> None:
        """Forgets the turn and its reply."""
        self.turns.pop(turn, None)
        self.history.pop(turn, None)

    def _add(self, turn: int, part: np.ndarray | str) -> None:
        latest = max(self.turns, default=0)
        assert turn >= latest, f"turn {turn} fed after turn {latest}"
        self.history.pop(turn, None)
        self.turns.setdefault(turn, []).append(part)

    def _heard(self, turn: int) -> np.ndarray:
        parts = [part for part in self.turns[turn] if isinstance(part, np.ndarray)]
        return np.concatenate([np.zeros(0, dtype=np.int16), *parts])


def speak(text: str) -> tuple[list[tuple[int, str]], np.ndarray]:
    """The text as tones.

    Returns:
        Where each word starts, in samples, with its spaces: joined they are `text`; and the sound,
        `[samples]` int16, 24 kHz, whole codes.
    """
    starts, sound, at = [], [], 0
    words = text.split(" ")
    for index, word in enumerate(words):
        starts.append((at, word if index == 0 else f" {word}"))
        tones = [_tone(letter) for letter in word if letter.isalnum()]
        rest = PAUSE if word[-1:] in tuple(".,;:?!") else GAP
        piece = np.concatenate([*tones, np.zeros(rest, dtype=np.int16)])
        sound.append(piece)
        at += len(piece)
    return starts, np.concatenate(sound)


def _tone(letter: str) -> np.ndarray:
    pitch = 200 + 20 * (ord(letter.lower()) % 32)
    wave = np.sin(2 * np.pi * pitch * np.arange(LETTER) / SPEAKER_RATE)
    edge = np.minimum(1, np.minimum(np.arange(LETTER), np.arange(LETTER)[::-1]) / RISE)
    return np.rint(LEVEL * wave * edge).astype(np.int16)
