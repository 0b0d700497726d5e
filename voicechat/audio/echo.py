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

from voicechat.audio.levels import SILENCE_DB
from voicechat.audio.reference import REACH_MS, EchoFree, Reference
from voicechat.audio.resample import Blocks, Resampler
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, exactly, ticks
from voicechat.errors import UserError

APM_FRAME = exactly(FRAME, 2)  # WebRTC's audio processing takes exactly 10 ms
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

    Where no echo comes, or one below the microphone's noise, it finds no path, expects one all the
    same, and takes the user for it: of one who interrupts it took 10 dB and more out of every other
    frame, where beside an echo it does so in one of ten (-40 dB) to three of ten (-6 dB). So its
    work is left out while there is none.
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
        self._echo_free = EchoFree()

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The microphone less the echo of everything heard so far."""
        reference = self._resampler.process(heard)
        for block in self._blocks.cut(reference):
            self._apm.process_reverse_stream(self._pack(block))
        frames = [self._pack(half) for half in mic.reshape(-1, APM_FRAME)]
        for frame in frames:
            self._apm.process_stream(frame)
        if self._echo_free.update(mic, reference):
            return mic
        return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])

    def _pack(self, pcm: np.ndarray) -> Any:
        return self._frame(bytearray(pcm.tobytes()), MIC_RATE, 1, APM_FRAME)


class Gate:
    """Lets through only what is louder than the echo can explain, band by band.

    Two voices are seldom loud in the same band at the same moment: a user no louder than the echo
    still stands out in some. What reaches the microphone of each band of the speaker is learnt
    while the assistant speaks, of its last 10 s.
    """

    EDGES_HZ = np.geomspace(150, 7000, 13)
    MARGIN_DB = 6.0
    QUANTILE = 0.95  # of the gains seen in a band: a user who talks over the rest is not learnt
    SHARE = 0.3  # of a frame's energy must be unexplained
    MEMORY = ticks(10_000)
    LEAST = 25  # frames that the first estimate needs

    def __init__(self) -> None:
        bands = len(self.EDGES_HZ) - 1
        self._echoing = deque([np.full(bands, SILENCE_DB)], maxlen=ticks(REACH_MS))
        self._seen, self._count = np.zeros((self.MEMORY, bands)), 0
        self._gain_db = np.zeros(bands)
        self._reference = Reference()

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """The microphone, or silence where it holds no more than echo."""
        self._echoing.append(self._levels(heard, SPEAKER_RATE))
        if self._reference.update(heard) < AUDIBLE_DB:
            return mic
        levels = self._levels(mic, MIC_RATE)
        gain_db = levels - np.max(self._echoing, axis=0)
        unexplained = gain_db > self._gain_db + self.MARGIN_DB
        self._learn(gain_db)
        power = 10 ** (levels / 10)
        return mic if power[unexplained].sum() > self.SHARE * power.sum() else np.zeros_like(mic)

    def _learn(self, gain_db: np.ndarray) -> None:
        self._seen[self._count % self.MEMORY] = gain_db
        self._count += 1
        if self._count >= self.LEAST:
            self._gain_db = np.quantile(self._seen[: self._count], self.QUANTILE, axis=0)

    def _levels(self, pcm: np.ndarray, rate: int) -> np.ndarray:
        """`[bands]` dB of full scale."""
        if not len(pcm):
            return np.full(len(self.EDGES_HZ) - 1, SILENCE_DB)
        spectrum = np.fft.rfft(pcm * np.hanning(len(pcm)) / (32768 * len(pcm)))
        edges = np.ceil(self.EDGES_HZ * len(pcm) / rate).astype(int)
        power = np.concatenate(([0.0], np.cumsum(np.abs(spectrum) ** 2)))[
            np.minimum(edges, len(spectrum))
        ]
        return 10 * np.log10(np.maximum(np.diff(power), 10 ** (SILENCE_DB / 10)))


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
