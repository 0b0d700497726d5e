"""Reads a recorded session, be it whole or the beginning that a crash left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicechat.clock import FRAME
from voicechat.config import Config, load
from voicechat.errors import UserError
from voicechat.events import Tick
from voicechat.recording import format

DAMAGE = (AttributeError, IndexError, KeyError, TypeError, ValueError)  # of lines that are others
WAV_HEADER = 44  # bytes; the length in it may be older than the data


@dataclass(frozen=True, eq=False)
class Recording:
    """A session as it was recorded.

    Attributes:
        folder: where it lies.
        config: its settings.
        header: versions.
        ticks: all that were written whole.
        clean: `[ticks, 320]` int16, 16 kHz: the microphone in them, as the core heard it.
        actions: what the core ordered in these ticks.
        events: what happened in them.
    """

    folder: Path
    config: Config
    header: format.Line
    ticks: list[Tick]
    clean: np.ndarray
    actions: list[format.Line]
    events: list[format.Line]


def read(folder: Path) -> Recording:
    """Reads a session.

    Raises:
        UserError: if the folder holds none, or one of another format.
    """
    header = _header(folder)
    try:
        clean = _frames(folder / format.CLEAN)
        ticks = list(_ticks(folder, len(clean)))
        last = ticks[-1].n if ticks else -1
        actions, events = (
            [line for line in _lines(folder / name) if line["n"] <= last]
            for name in (format.ACTIONS, format.EVENTS)
        )
    except (OSError, *DAMAGE) as fault:
        raise UserError(f"{folder}: the recording is damaged ({fault!r})") from fault
    config = load(folder / format.CONFIG, [])
    return Recording(folder, config, header, ticks, clean[: len(ticks)], actions, events)


def sound(path: Path) -> np.ndarray:
    """`[samples]` int16 of a wav that the recorder wrote, whatever length its header states."""
    data = path.read_bytes()[WAV_HEADER:]
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)


def _header(folder: Path) -> format.Line:
    path = folder / format.HEADER
    if not path.is_file():
        raise UserError(f"{folder}: holds no recorded session (made by --record FOLDER)")
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
        version = header["format"]
    except (ValueError, KeyError, TypeError) as fault:
        raise UserError(f"{path}: is not the header of a recorded session") from fault
    if version != format.VERSION:
        raise UserError(f"{folder}: format {version!r}; this voicechat reads {format.VERSION}")
    return header


def _lines(path: Path) -> Iterator[format.Line]:
    """The lines that were written whole."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            if not text.endswith("\n"):
                return
            yield json.loads(text)


def _frames(path: Path) -> np.ndarray:
    """`[frames, 320]` int16."""
    pcm = sound(path)
    return pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)


def _ticks(folder: Path, most: int) -> Iterator[Tick]:
    mic = _frames(folder / format.MIC)[:most]
    heard = _Cutter(sound(folder / format.HEARD))
    replies = _Cutter(sound(folder / format.REPLIES))
    for index, line in enumerate(_lines(folder / format.TICKS)):
        if line["n"] != index:
            raise ValueError(f"tick {line['n']} stands where {index} should")
        sizes = [format.chunk_samples(chunk) for chunk in line.get("chunks", ())]
        whole = heard.has(line.get("heard", 0)) and replies.has(sum(sizes))
        if not whole or index >= len(mic):
            return
        pcm = iter([replies.take(size) for size in sizes])
        yield format.parse_tick(line, mic[index], heard.take(line.get("heard", 0)), pcm)


class _Cutter:
    """Takes pieces off the front."""

    def __init__(self, pcm: np.ndarray) -> None:
        self._pcm, self._at = pcm, 0

    def has(self, samples: int) -> bool:
        return self._at + samples <= len(self._pcm)

    def take(self, samples: int) -> np.ndarray:
        if samples < 0:
            raise ValueError(f"{samples} samples")
        self._at += samples
        return self._pcm[self._at - samples : self._at]
