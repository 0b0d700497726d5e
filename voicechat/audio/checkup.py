"""What `doctor` measures of microphone, speaker and room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from voicechat.audio.calibration import EchoPath, find_echo, sweep
from voicechat.audio.echo import Canceller
from voicechat.audio.levels import dbfs
from voicechat.clock import MIC_RATE, SPEAKER_RATE, TICKS_PER_S

TAIL_S = 1.5  # listened on after a sound, for a late echo and the room's noise
NOISE_TICKS = TICKS_PER_S  # of the tail, its end: the room's noise
LOUD_DB = -50.0  # an echo softer than this is not worth measuring what was cancelled of it
CLEAR_DB = 10.0  # nor one less far above the noise; what is so far below the noise is not measured
CLIPPING = 32_000


class Sound(Protocol):
    """As `audio.devices.Devices`."""

    def read(self) -> np.ndarray:
        """The next `[320]` int16, 16 kHz."""

    def play(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16, 24 kHz."""

    def skip_backlog(self) -> None:
        """The next frame is of now."""

    def take_heard(self) -> tuple[np.ndarray, int]:
        """What the DAC took since the last call, and how much of it was ours."""


@dataclass(frozen=True)
class Level:
    """How loud the microphone is.

    Attributes:
        noise_db: while the user is quiet, in dBFS.
        speech_db: of the loudest second while the user speaks.
        clipped: share of samples at the limit.
    """

    noise_db: float
    speech_db: float
    clipped: float

    def advice(self) -> str:
        """What to change, in plain words; nothing if all is well."""
        if self.speech_db <= -95:
            return "the microphone gives digital silence: unmute it, or choose another (--input)"
        if self.clipped > 0.001:
            return "your voice is too loud and distorts: turn the microphone's level down"
        if self.speech_db < -45:
            return "your voice is too soft: turn the microphone's level up, or come closer"
        if self.speech_db - self.noise_db < 10:
            return "your voice hardly stands out of the noise: come closer, or use a headset"
        return ""


def listen(sound: Sound, seconds: float) -> np.ndarray:
    """Records: `[samples]` int16, 16 kHz."""
    sound.skip_backlog()
    return np.concatenate([sound.read() for _ in range(round(seconds * TICKS_PER_S))])


def measure_level(quiet: np.ndarray, speaking: np.ndarray) -> Level:
    """Of two recordings, `[samples]` int16, 16 kHz."""
    whole = speaking[: len(speaking) // MIC_RATE * MIC_RATE].reshape(-1, MIC_RATE)
    clipped = float(np.mean(np.abs(speaking.astype(int)) >= CLIPPING))
    return Level(dbfs(quiet), max(map(dbfs, whole)), clipped)


def measure_echo(sound: Sound, speech: np.ndarray, input_name: str, output_name: str) -> EchoPath:
    """Plays a sweep and, if it comes back, `speech` through the canceller.

    Args:
        sound: microphone and speaker.
        speech: `[samples]` int16, 24 kHz.
        input_name: the microphone's.
        output_name: the speaker's.
    """
    found = find_sweep(*exchange(sound, sweep()))
    if found is None:
        return EchoPath(input_name, output_name)
    erle_db = measure_erle(*exchange(sound, speech))
    return EchoPath(input_name, output_name, round(found[0], 1), round(found[1], 1), erle_db)


def exchange(sound: Sound, played: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Plays and listens.

    Returns:
        `[ticks, 320]` int16, 16 kHz, and what the DAC took in each of these ticks, 24 kHz.
    """
    sound.skip_backlog()
    sound.play(played)
    frames, heard = [], []
    for _ in range(round((len(played) / SPEAKER_RATE + TAIL_S) * TICKS_PER_S)):
        frames.append(sound.read())
        heard.append(sound.take_heard()[0])
    return np.stack(frames), heard


def find_sweep(frames: np.ndarray, heard: list[np.ndarray]) -> tuple[float, float] | None:
    """Delay in ms after the DAC took it and loss in dB of the sweep, or None."""
    began = int(np.argmax(np.concatenate(heard) != 0))
    return find_echo(frames.reshape(-1)[began * MIC_RATE // SPEAKER_RATE :], sweep())


def measure_erle(frames: np.ndarray, heard: list[np.ndarray]) -> float | None:
    """By how many dB the canceller lowers the loud echo, its first second not counted.

    The room's noise, which no canceller removes, is taken from what was and from what is left.

    Args:
        frames: `[ticks, 320]` int16, 16 kHz.
        heard: what the DAC took in each of these ticks, 24 kHz.

    Returns:
        None if no echo is loud, or none is clear of the noise.
    """
    canceller = Canceller()
    cleaned = np.stack([canceller.process(*pair) for pair in zip(frames, heard, strict=True)])
    noise = frames[-NOISE_TICKS:]
    least_db = max(LOUD_DB, dbfs(noise) + CLEAR_DB)
    loud = [n for n in range(TICKS_PER_S, len(frames)) if dbfs(frames[n]) > least_db]
    if not loud:
        return None
    before, after = (
        _power(sound[loud]) - _power(sound[-NOISE_TICKS:]) for sound in (frames, cleaned)
    )
    least = max(1.0, _power(noise) / 10 ** (CLEAR_DB / 10))  # 1: a step of 16 bits
    return round(10 * float(np.log10(before / max(after, least))), 1)


def _power(pcm: np.ndarray) -> float:
    return float(np.mean(np.square(pcm, dtype=np.float64)))
