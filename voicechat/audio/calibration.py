"""How the microphone hears the speaker here: measured by `doctor`, used by `--echo auto`.

sweep ──▶ speaker ~~~ air ~~~ mic ──▶ cross-correlation: delay and loss
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr

from voicechat.clock import MIC_RATE, SPEAKER_RATE
from voicechat.errors import UserError

SWEEP_S = 1.0
SWEEP_HZ = (200.0, 7000.0)
SWEEP_PEAK = 8192  # -12 dBFS
ROOM_SAMPLES = MIC_RATE // 5  # in which a small room falls silent
CLEAR_PEAK = 6.0  # an echo's correlation stands out of the rest by so much
LONGEST_DELAY_MS = 450.0  # WebRTC's canceller follows no longer one
LEAST_ERLE_DB = 12.0  # of the canceller, to be trusted
UNHEARD_LOSS_DB = 50.0  # beside a headset


@dataclass(frozen=True)
class EchoPath:
    """What `doctor` measured between two devices.

    Attributes:
        input: the microphone's name.
        output: the speaker's name.
        delay_ms: from handing a sample to the DAC to reading it; None if no echo was heard.
        loss_db: how much softer the echo is than what was played; None if none was heard.
        erle_db: how much of it the canceller removed; None if there was nothing to remove: no
            echo, or one too soft to measure that.
    """

    input: str
    output: str
    delay_ms: float | None = None
    loss_db: float | None = None
    erle_db: float | None = None

    def remedy(self) -> str:
        """What to do about this echo: a value of `--echo`.

        None is no reason to leave the canceller out: it leaves itself out while none comes
        (`EchoFree`), and is back when the headset is pulled out or the speaker is turned up.
        """
        if None in (self.delay_ms, self.loss_db, self.erle_db) or self.loss_db >= UNHEARD_LOSS_DB:
            return "aec"
        cancelled = self.erle_db >= LEAST_ERLE_DB and self.delay_ms <= LONGEST_DELAY_MS
        return "aec" if cancelled else "gate"


def choose_echo(mode: str, input_name: str, output_name: str, path: Path | None = None) -> str:
    """The echo mode to use between two devices: the one asked for, or what `auto` comes to.

    Args:
        mode: `AudioConfig.echo`.
        input_name: the microphone's.
        output_name: the speaker's.
        path: the file of measurements; the user's own by default.
    """
    if mode != "auto":
        return mode
    for measured in load(path or default_path()):
        if (measured.input, measured.output) == (input_name, output_name):
            return measured.remedy()
    return "aec"


def default_path() -> Path:
    """Where measurements are kept, for this user."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "voicechat" / "echo.json"


def load(path: Path) -> list[EchoPath]:
    """All that was measured; nothing where nothing was.

    Raises:
        UserError: if the file is broken.
    """
    try:
        return [EchoPath(**item) for item in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, TypeError) as fault:
        raise UserError(f"{path}: cannot be read; delete it and run `doctor` again") from fault


def save(measured: EchoPath, path: Path) -> None:
    """Keeps a measurement in place of an older one between the same devices.

    Raises:
        UserError: if the file is broken or cannot be written.
    """
    devices = (measured.input, measured.output)
    others = [old for old in load(path) if (old.input, old.output) != devices]
    text = json.dumps([asdict(item) for item in (*others, measured)], indent=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as fault:
        raise UserError(
            f"{path}: cannot be written ({fault.strerror}); --echo auto knows nothing of this"
        ) from fault


def sweep() -> np.ndarray:
    """A rising tone to find again: `[24000]` int16, 24 kHz, an exponential sweep that fades."""
    low, high = SWEEP_HZ
    time_s = np.arange(int(SWEEP_S * SPEAKER_RATE)) / SPEAKER_RATE
    octaves = np.log(high / low)
    phase = 2 * np.pi * low * SWEEP_S / octaves * (np.exp(time_s / SWEEP_S * octaves) - 1)
    fade = np.minimum(1, np.minimum(time_s, SWEEP_S - time_s) / 0.02)
    return (SWEEP_PEAK * fade * np.sin(phase)).astype(np.int16)


def find_echo(mic: np.ndarray, played: np.ndarray) -> tuple[float, float] | None:
    """Finds what was played in what was heard, by matched filtering.

    Args:
        mic: `[samples]` int16, 16 kHz, from the moment that `played` began to about a second
            after its end, which tells the noise.
        played: `[samples]` int16, 24 kHz.

    Returns:
        Delay in ms and loss in dB, or None if nothing stands out.
    """
    wanted = soxr.resample(played.astype(np.float64), SPEAKER_RATE, MIC_RATE)
    size = 1 << (len(mic) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(mic, size) * np.conj(np.fft.rfft(wanted, size))
    last = len(mic) - len(wanted) - 2 * ROOM_SAMPLES
    match = np.abs(np.fft.irfft(spectrum, size)[: max(1, last)])
    delay = int(np.argmax(match))
    if match[delay] <= CLEAR_PEAK * np.sqrt(np.mean(match**2)):
        return None
    echo, after = mic[delay : delay + len(wanted)], mic[delay + len(wanted) + ROOM_SAMPLES :]
    power, noise = (float(np.mean(np.square(part, dtype=float))) for part in (echo, after))
    loss_db = 10 * np.log10(np.mean(wanted**2) / max(power - noise, 1e-3))
    return delay * 1000 / MIC_RATE, float(loss_db)
