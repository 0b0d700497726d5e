"""The microphone without the assistant's own voice.

    heard (24 kHz) ──▶ 16 kHz ──▶ reference ─┐
                                             ▼
    mic ────────────────────────▶ Canceller | Gate | Half | Headset ──▶ what the user said

`heard` reaches us when the DAC takes it, one output latency before it sounds, so that the reference
always comes before its echo, as WebRTC's canceller wants it (it follows delays up to 450 ms).
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import numpy as np

from voicechat.audio.levels import SILENCE_DB, dbfs
from voicechat.audio.resample import Blocks, Resampler
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, exactly, ticks
from voicechat.errors import UserError

APM_FRAME = exactly(FRAME, 2)  # WebRTC's audio processing takes exactly 10 ms
REACH_MS = 400  # an echo comes at most so long after its reference
AUDIBLE_DB = -60.0  # a reference below this echoes nothing that counts


class Echo(Protocol):
    """What is done about the assistant's own voice in the microphone."""

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """Cleans one frame.

        Args:
            mic: `[320]` int16, 16 kHz.
            heard: `[about 480]` int16, 24 kHz: what the DAC took since the last frame.

        Returns:
            `[320]` int16, 16 kHz.
        """


class Headset:
    """Nothing: the microphone does not hear the speaker."""

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The microphone as it is."""
        return mic


class Canceller:
    """WebRTC's acoustic echo canceller (AEC3), from the package `livekit`.

    It is fed in silence too: paused and resumed, it has lost the alignment of reference and echo,
    and removes 9 dB instead of 37 in the first second of the next reply.
    """

    def __init__(self) -> None:
        try:
            from livekit import rtc
        except ImportError as fault:
            raise UserError(
                "--echo aec needs livekit: pip install livekit, or use --echo gate or headset"
            ) from fault
        self._apm: Any = rtc.AudioProcessingModule(
            echo_cancellation=True,
            noise_suppression=False,
            high_pass_filter=True,
            auto_gain_control=False,
        )
        self._frame = rtc.AudioFrame
        self._resampler = Resampler(SPEAKER_RATE, MIC_RATE)
        self._blocks = Blocks(APM_FRAME)

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The microphone less the echo of everything heard so far."""
        for block in self._blocks.cut(self._resampler.process(heard)):
            self._apm.process_reverse_stream(self._pack(block))
        frames = [self._pack(half) for half in mic.reshape(-1, APM_FRAME)]
        for frame in frames:
            self._apm.process_stream(frame)
        return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])

    def _pack(self, pcm: np.ndarray) -> Any:
        return self._frame(bytearray(pcm.tobytes()), MIC_RATE, 1, APM_FRAME)


class Reference:
    """The level of what may be echoing now: the loudest of the last 400 ms."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque([SILENCE_DB], maxlen=ticks(REACH_MS))

    def update(self, heard: np.ndarray) -> float:
        """Takes what the DAC took; gives the level in dBFS."""
        self._levels.append(dbfs(heard))
        return max(self._levels)


class Gate:
    """Lets through only what is louder than the echo can explain.

    The loss between speaker and microphone is learnt from what is heard while the assistant
    speaks: of the last 10 s, the user may have talked over a fifth without being taken for echo.

    Args:
        loss_db: what the loss is taken for until something was heard.
    """

    MARGIN_DB = 9.0
    QUANTILE = 0.8
    LEAST = 25  # frames that the first estimate needs

    def __init__(self, loss_db: float = 0.0) -> None:
        self._gain_db = -loss_db
        self._seen: deque[float] = deque(maxlen=ticks(10_000))
        self._reference = Reference()

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The microphone, or silence where it holds no more than echo."""
        reference = self._reference.update(heard)
        if reference < AUDIBLE_DB:
            return mic
        gain = dbfs(mic) - reference
        explained = gain <= self._gain_db + self.MARGIN_DB
        self._seen.append(gain)
        if len(self._seen) >= self.LEAST:
            self._gain_db = sorted(self._seen)[int(self.QUANTILE * len(self._seen))]
        return np.zeros_like(mic) if explained else mic


class Half:
    """Half duplex: deaf while the assistant speaks. The last resort: no interruptions."""

    def __init__(self) -> None:
        self._reference = Reference()

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The microphone, or silence while an echo may come."""
        return mic if self._reference.update(heard) < AUDIBLE_DB else np.zeros_like(mic)


def make_echo(mode: str) -> Echo:
    """The remedy of that name; `auto` must have been resolved (`calibration.choose_echo`).

    Raises:
        UserError: if a package for it is missing.
    """
    match mode:
        case "headset":
            return Headset()
        case "aec":
            return Canceller()
        case "gate":
            return Gate()
        case "half":
            return Half()
    raise AssertionError(mode)
