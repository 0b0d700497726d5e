"""The shell around the core: devices, the engine's thread, and what the screen gets to see.

Live: one thread runs `Session.run` (the loop), one the engine (`EngineThread`), main draws.
Replayed: the same `Session` over a file's microphone, a speaker on the sample clock and
`recording.replay.ClockedEngine`, in one thread, faster than real time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from voicechat.events import Action, Event, Key, Meter, ReplyChunk, ReplyFailed, Typed


class Microphone(Protocol):
    """Where ticks come from."""

    def read(self) -> np.ndarray | None:
        """Waits for the next `[320]` int16 frame at 16 kHz; None when the source has ended."""


class Speaker(Protocol):
    """Where replies go."""

    def play(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16, 24 kHz."""

    def flush(self, fade_samples: int) -> None:
        """Drops what is still held, but for a fade."""

    def take_heard(self) -> tuple[np.ndarray, int]:
        """What the speaker consumed since the last call, and how much of it was ours."""


class Worker(Protocol):
    """Runs the engine; `EngineThread` live, `ClockedEngine` under the sample clock."""

    def submit(self, action: Action) -> None:
        """Queues an order for the engine, in order; `Cancel` takes effect at once."""

    def collect(self, n: int) -> tuple[ReplyChunk | ReplyFailed, ...]:
        """What the engine delivered until tick `n`, without what was cancelled."""

    def close(self) -> None:
        """Ends the worker."""


class Session:
    """One conversation.

    Args:
        core: `conversation.core.Core`.
        worker: runs the engine.
        microphone: gives frames.
        speaker: takes sound.
        show: called in the loop after each tick, with what is new: `show(meter, events)`. It must
            not block; a live screen puts both into a queue.
        recorder: `recording.writer.Recorder`, if the session is recorded.
    """

    def press(self, key: Key | Typed) -> None:
        """Passes on what the user pressed or typed; from any thread."""

    def run(self) -> None:
        """The loop: until the microphone ends or the user leaves."""
