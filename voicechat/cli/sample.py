"""The talk of a machine without sound: recorded questions in, a wav with both parties out.

It goes through the very same session and screen, at the pace of speech; only the devices are files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soxr

from voicechat.audio.wav import read_wav, write_wav
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, TICKS_PER_S
from voicechat.events import Event, EventKind, Meter
from voicechat.recording.replay import ClockedDevices, frames

SAMPLES = Path(__file__).parents[1] / "assets" / "samples"
INTERRUPTING = "4_help"  # is asked while the answer before it, a count to ten, still sounds
AFTER_S = 2.0  # ... so long after its beginning
LONGEST_S = 20.0  # of any answer is listened to
BETWEEN_S = 1.0  # of quiet before another question
Show = Callable[[Meter, tuple[Event, ...]], None]
QUIET = np.zeros(FRAME, dtype=np.int16)


class SampleTalk(ClockedDevices):
    """A microphone that asks when it is its turn, and a speaker that is a file.

    Args:
        wait: sleeps; a test need not.
    """

    def __init__(self, wait: Callable[[float], None] = time.sleep) -> None:
        super().__init__(self._paced(self._ask(sorted(SAMPLES.glob("*.wav"))), wait))
        self._mic_heard: list[np.ndarray] = []
        self._answering = self._sounding = False

    def watched(self, show: Show) -> Show:
        """`show`, and this one sees what the screen is shown: so it knows when to ask."""

        def both(meter: Meter, events: tuple[Event, ...]) -> None:
            self._notice(events)
            show(meter, events)

        return both

    def _notice(self, events: tuple[Event, ...]) -> None:
        for event in events:
            match event.event:
                case EventKind.SPEECH_START | EventKind.TURN_END:
                    self._answering = True
                case EventKind.REPLY_START:
                    self._sounding = True
                case EventKind.REPLY_END | EventKind.CUT | EventKind.DISCARD | EventKind.ERROR:
                    self._answering = self._sounding = False

    def write(self, path: Path) -> None:
        """Writes the questions left and the answers right, on one clock.

        Raises:
            UserError: if the file cannot be written.
        """
        asked = np.concatenate(self._mic_heard).astype(np.float32)
        asked = soxr.resample(asked, MIC_RATE, SPEAKER_RATE)
        answered = np.concatenate(self.heard)
        samples = min(len(asked), len(answered))
        both = np.stack([asked[:samples].astype(np.int16), answered[:samples]], axis=1)
        write_wav(path, both)

    def _ask(self, questions: list[Path]) -> Iterator[np.ndarray]:
        for path in questions:
            yield from self._listen(AFTER_S if path.stem == INTERRUPTING else LONGEST_S)
            yield from frames(read_wav(path))
        yield from self._listen(LONGEST_S)

    def _listen(self, patience_s: float) -> Iterator[np.ndarray]:
        """Until nobody has spoken for a while, or a reply has sounded for `patience_s`."""
        quiet = sounded = 0
        while quiet < BETWEEN_S * TICKS_PER_S and sounded < patience_s * TICKS_PER_S:
            quiet = 0 if self._answering else quiet + 1
            sounded += self._sounding
            yield QUIET

    def _paced(
        self, mic: Iterator[np.ndarray], wait: Callable[[float], None]
    ) -> Iterator[np.ndarray]:
        """A frame each 20 ms, as a device would deliver."""
        begun = time.monotonic()
        for n, frame in enumerate(mic):
            wait(max(0.0, begun + n / TICKS_PER_S - time.monotonic()))
            self._mic_heard.append(frame)
            yield frame
