"""Records a session while it runs: a thread and a bounded queue, so that the talk never waits."""

from __future__ import annotations

import json
import platform
import queue
import threading
import wave
from importlib import metadata
from pathlib import Path
from types import TracebackType

import numpy as np

from voicechat import __version__
from voicechat.clock import MIC_RATE, SPEAKER_RATE, TICKS_PER_S
from voicechat.config import Config, dump
from voicechat.errors import UserError
from voicechat.events import ReplyChunk, Step, Tick
from voicechat.recording import format

BACKLOG = 30 * TICKS_PER_S  # ticks that the disk may lag behind
WAVS = {
    format.MIC: MIC_RATE,
    format.CLEAN: MIC_RATE,
    format.HEARD: SPEAKER_RATE,
    format.REPLIES: SPEAKER_RATE,
}
JSONLS = (format.TICKS, format.ACTIONS, format.EVENTS)
FILES = (format.HEADER, format.CONFIG, *WAVS, *JSONLS)
LIBRARIES = ("numpy", "onnxruntime", "silero-vad", "webrtcvad-wheels", "livekit", "samplerate",
             "torch", "transformers")  # fmt: skip


def make_folder(folder: Path) -> None:
    """Makes a session's folder, unless it is there and free for one.

    Raises:
        UserError: if it cannot be made, or holds a file of a session's name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [name for name in FILES if (folder / name).exists()]
    except OSError as fault:
        raise UserError(f"--record {folder}: {fault.strerror or fault}") from fault
    if there:
        raise UserError(f"--record {folder}: holds {there[0]} already; choose another folder")


class Recorder:
    """Writes a session's folder, a second at a time.

    Args:
        folder: made if it is missing; nothing in it is written over.
        config: the settings, as the core got them.

    Raises:
        UserError: if the folder cannot be written, or holds a file of a session's name.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        self._queue: queue.Queue[tuple[Tick, Step] | None] = queue.Queue(BACKLOG)
        self._message = ""
        self._failed = False
        self._files = _Files(folder, config)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def write(self, tick: Tick, step: Step) -> None:
        """Records a tick and what it led to; never blocks."""
        if self._failed:
            return
        try:
            self._queue.put_nowait((tick, step))
        except queue.Full:
            self._fail("the disk is too slow")

    def take_message(self) -> str:
        """Why the recording stopped, once; the talk goes on without it."""
        message, self._message = self._message, ""
        return message

    def close(self) -> None:
        """Writes what is left and ends the thread."""
        self._queue.put(None)
        self._thread.join()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            with self._files as files:
                while (item := self._queue.get()) is not None:
                    if not self._failed:
                        files.add(*item)
        except OSError as fault:
            self._fail(fault.strerror or str(fault))
            while self._queue.get() is not None:
                pass

    def _fail(self, why: str) -> None:
        self._failed = True
        self._message = f"the recording stopped: {why}"


class _Files:
    """The session's files; what was added is on disk at the latest a second later."""

    def __init__(self, folder: Path, config: Config) -> None:
        make_folder(folder)
        try:
            (folder / format.CONFIG).write_text(dump(config), encoding="utf-8")
            (folder / format.HEADER).write_text(json.dumps(_header()) + "\n", encoding="utf-8")
            self._wavs = {name: _Wav(folder / name, rate) for name, rate in WAVS.items()}
            self._jsonls = {name: (folder / name).open("wb") for name in JSONLS}
        except OSError as fault:
            raise UserError(f"--record {folder}: {fault.strerror or fault}") from fault
        self._lines: dict[str, list[format.Line]] = {name: [] for name in JSONLS}

    def __enter__(self) -> _Files:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if fault is None:
                self._write()
        finally:
            for file in (*self._wavs.values(), *self._jsonls.values()):
                file.close()

    def add(self, tick: Tick, step: Step) -> None:
        self._wavs[format.MIC].add(tick.mic)
        self._wavs[format.CLEAN].add(step.clean)
        self._wavs[format.HEARD].add(tick.heard)
        for chunk in tick.chunks:
            if isinstance(chunk, ReplyChunk):
                self._wavs[format.REPLIES].add(chunk.pcm)
        self._lines[format.TICKS].append(format.tick_line(tick))
        self._lines[format.ACTIONS] += [format.action_line(tick.n, a) for a in step.actions]
        self._lines[format.EVENTS] += [event.line() for event in step.events]
        if tick.n % TICKS_PER_S == TICKS_PER_S - 1:
            self._write()

    def _write(self) -> None:
        """Sound first, ticks last: a tick on disk has all that belongs to it."""
        for wav in self._wavs.values():
            wav.write()
        for name in (format.ACTIONS, format.EVENTS, format.TICKS):
            lines, self._lines[name] = self._lines[name], []
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            self._jsonls[name].write(text.encode())
            self._jsonls[name].flush()


class _Wav:
    """A wav whose header is right after every write."""

    def __init__(self, path: Path, rate: int) -> None:
        self._file = path.open("wb")
        self._wave = wave.open(self._file)
        self._wave.setparams((1, 2, rate, 0, "NONE", ""))
        self._new: list[np.ndarray] = []
        self._wave.writeframes(b"")

    def add(self, pcm: np.ndarray) -> None:
        if len(pcm):
            self._new.append(pcm)

    def write(self) -> None:
        new, self._new = self._new, []
        if new:
            self._wave.writeframes(np.concatenate(new).astype("<i2").tobytes())
        self._file.flush()

    def close(self) -> None:
        self._wave.close()
        self._file.close()


def _header() -> format.Line:
    versions = {"voicechat": __version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"format": format.VERSION, "machine": platform.platform(), "versions": versions}
