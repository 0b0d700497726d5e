"""Recorded speech with its text: pairs of NUMBER.wav and NUMBER.txt in a folder.

Beside what a teacher read lies NUMBER.npz, with what only a teacher knows (`teacher.Reading`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

from voicechat.clock import SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.training.speech_mel import SILENCE, log_mel, with_pulses
from voicechat.training.teacher import VOICES, Reader, held_out, tidy

MOST = 12_000
CHARACTERS = " abcdefghijklmnopqrstuvwxyz'"  # of the CTC losses; 0 is the blank


@dataclass(frozen=True)
class Utterance:
    """A sentence as one voice says it.

    Attributes:
        voice: Index of the voice.
        text: Its words.
        pcm: [samples] float16, 24 kHz, whole codes (480 samples).
        pulses: Where its pulses stand, [3, frames] float16, where that is known.
        flat: The same on one tone, [samples] float16, where a teacher read it.
    """

    voice: int
    text: str
    pcm: np.ndarray
    pulses: np.ndarray | None = None
    flat: np.ndarray | None = None

    def mel(self) -> torch.Tensor:
        """[80, frames] float32, two frames a code."""
        return _mel(self.pcm)

    def flat_mel(self) -> torch.Tensor:
        """The same on one tone, which the codec names."""
        return _mel(self.flat)

    def with_pulses(self) -> torch.Tensor:
        """[83, frames] float32: what the DiT makes."""
        return with_pulses(self.mel(), torch.from_numpy(self.pulses))


def _mel(pcm: np.ndarray) -> torch.Tensor:
    return log_mel(torch.from_numpy(pcm.astype(np.float32))[None])[0]


def load_folder(folder: Path, voice: int) -> list[Utterance]:
    """Reads the pairs of a folder, in the order of their names.

    Raises:
        UserError: There is no pair, or a recording cannot be read.
    """
    return [read_pair(file, voice) for file in pairs_of(folder)]


def pairs_of(folder: Path) -> list[Path]:
    """The NAME.wav of each pair in a folder, in the order of their names.

    Raises:
        UserError: There is none.
    """
    files = [text.with_suffix(".wav") for text in sorted(folder.glob("*.txt"))]
    if not (pairs := [file for file in files if file.exists()]):
        raise UserError(f"{folder} holds no pairs of NAME.wav and NAME.txt")
    return pairs


def read_pair(file: Path, voice: int) -> Utterance:
    """Reads NAME.wav and NAME.txt.

    Raises:
        UserError: The recording or its text cannot be read.
    """
    try:
        pcm, rate = soundfile.read(file, dtype="float32", always_2d=True)
        tidied = tidy(soxr.resample(pcm.mean(axis=1), rate, SPEAKER_RATE))
    except (soundfile.LibsndfileError, UserError) as fault:
        raise UserError(f"{file}: {fault}") from fault
    return Utterance(voice, text_of(file), tidied.astype(np.float16))


def text_of(file: Path) -> str:
    """What is said in NAME.wav, by NAME.txt.

    Raises:
        UserError: It is not in UTF-8.
    """
    text = file.with_suffix(".txt")
    try:
        return text.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as fault:
        raise UserError(f"{text} is not in UTF-8: {fault}") from fault


def read_aloud(read: Reader, texts: Sequence[str], voice: int) -> list[Utterance]:
    """Texts as a reader reads them."""
    readings = ((text, read(text)) for text in texts)
    return [
        Utterance(voice, text, *(x.astype(np.float16) for x in (said.pcm, said.pulses, said.flat)))
        for text, said in readings
    ]


def load_readings(folder: Path, voice: int, most: int | None = None) -> list[Utterance]:
    """What a teacher read into a folder, in the order of its names, at most `most` of it.

    Raises:
        UserError: There is nothing, or it was read by an earlier version of this program.
    """
    return [read_reading(file, voice) for file in pairs_of(folder)[:most]]


def read_reading(file: Path, voice: int) -> Utterance:
    """Reads NAME.wav, NAME.txt and NAME.npz, as `teacher.record` writes them.

    Raises:
        UserError: There is no NAME.npz: an earlier version of this program read aloud.
    """
    known = file.with_suffix(".npz")
    if not known.exists():
        raise UserError(f"{known.name} is missing: remove {file.parent} and run 'train data' again")
    pcm, _ = soundfile.read(file, dtype="float32")
    with np.load(known) as parts:
        pulses, flat = parts["pulses"], parts["flat"]
    return Utterance(voice, text_of(file), pcm.astype(np.float16), pulses, flat)


def load_presets(workdir: Path) -> list[Utterance]:
    """What the teachers read in the preset voices, but for what is held out.

    At most `MOST` recordings of each: enough for whatever only makes sound.

    Raises:
        UserError: The stage `data` has not run.
    """
    folders = ((voice, workdir / "speech" / name) for voice, name in enumerate(VOICES))
    loaded = [u for voice, folder in folders for u in load_readings(folder, voice, MOST)]
    return [u for u in loaded if not held_out(u.text)]


def balanced(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Repeats the utterances of the voices that have few, so that all voices are as frequent."""
    of_voice: dict[int, list[Utterance]] = {}
    for utterance in utterances:
        of_voice.setdefault(utterance.voice, []).append(utterance)
    most = max(map(len, of_voice.values()))
    return [u for own in of_voice.values() for u in own * round(most / len(own))]


class Buckets:
    """Draws batches of things whose lengths are near each other, so that little is padding."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self._order = sorted(range(len(lengths)), key=lambda i: lengths[i])

    def draw(self, size: int, rng: random.Random) -> list[int]:
        """Returns indices of `size` different things."""
        window = min(len(self._order), 4 * size)
        start = rng.randint(-window // 2, len(self._order) - window // 2)  # the ends as often
        start = min(max(0, start), len(self._order) - window)
        return rng.sample(self._order[start : start + window], min(size, window))


def pad_mels(mels: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Stacks [80, frames] mels with silence behind.

    Returns:
        [batch, 80, frames] and the lengths in frames, [batch].
    """
    lengths = torch.tensor([m.shape[1] for m in mels])
    padded = torch.full((len(mels), mels[0].shape[0], int(lengths.max())), SILENCE)
    for row, mel in zip(padded, mels, strict=True):
        row[:, : mel.shape[1]] = mel
    return padded, lengths


def spelled(text: str) -> torch.Tensor:
    """Indices of a text's letters for CTC, 1 the space."""
    return torch.tensor([CHARACTERS.index(c) + 1 for c in text.lower() if c in CHARACTERS])


def seconds(utterances: Sequence[Utterance]) -> float:
    """Sum of the durations."""
    return sum(len(u.pcm) for u in utterances) / SPEAKER_RATE
