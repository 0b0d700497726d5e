"""The microphone and the speaker through PortAudio; the only importer of sounddevice.

    callback ──▶ Microphone (queue) ──▶ read()          loop thread
    callback ◀── Speaker (ring)     ◀── play(), flush()

A device that vanishes, changes or stops calling back is noticed within `watchdog_ms`; a thread then
closes both streams, starts PortAudio anew (the only way to see new devices) and opens them again,
by name or else by default. Meanwhile `read` gives silence at the pace of the clock, so that the
talk goes on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from voicechat.audio.microphone import Microphone
from voicechat.audio.speaker import Speaker
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, TICKS_PER_S
from voicechat.config import AudioConfig
from voicechat.errors import UserError

TICK_S = 1 / TICKS_PER_S
PATIENCE_S = 0.6  # how long a device that was asked for by name may take to come back
RETRY_S = 0.2
Callback = Callable[[np.ndarray, int, Any, Any], None]
WANTED = {"input": MIC_RATE, "output": SPEAKER_RATE}


@dataclass(frozen=True)
class Device:
    """A device as PortAudio knows it.

    Attributes:
        number: what `--input` and `--output` take, as they take the name or a part of it.
        name: of the device.
        host: the sound system that it is reached through.
        inputs: channels to record.
        outputs: channels to play.
        rate: what it runs at by default.
        default_for: "input" and "output", where it is the default.
    """

    number: int
    name: str
    host: str
    inputs: int
    outputs: int
    rate: int
    default_for: tuple[str, ...]


@dataclass(frozen=True)
class Opened:
    """How a device was opened.

    Attributes:
        name: of the device.
        rate: that it runs at.
        latency_s: what PortAudio says of the way between its callback and the air.
    """

    name: str
    rate: int
    latency_s: float


def list_devices() -> list[Device]:
    """All devices.

    Raises:
        UserError: without PortAudio.
    """
    sd = _portaudio()
    hosts = [host["name"] for host in sd.query_hostapis()]
    defaults = {kind: sd.default.device[kind] for kind in WANTED}
    return [
        Device(
            number,
            info["name"],
            hosts[info["hostapi"]],
            info["max_input_channels"],
            info["max_output_channels"],
            int(info["default_samplerate"]),
            tuple(kind for kind, index in defaults.items() if index == number),
        )
        for number, info in enumerate(sd.query_devices())
    ]


class Devices:
    """The open microphone and speaker of a session.

    Attributes:
        speaker: what is about to sound.
        input: how the microphone was opened.
        output: how the speaker was opened.
    """

    def __init__(self, config: AudioConfig) -> None:
        """Opens both.

        Raises:
            UserError: without PortAudio, a device, or the one that was asked for.
        """
        self._sd = _portaudio()
        self._watchdog_s = config.watchdog_ms / 1000
        self._messages: deque[str] = deque()
        self._streams: list[Any] = []
        self._reopening: threading.Thread | None = None
        self._closed = False
        self._due = time.monotonic()
        self.speaker = Speaker()
        try:
            self._open({"input": config.input, "output": config.output})
        except BaseException as fault:
            self._close_streams()  # a stream that outlives its callback crashes the process
            if isinstance(fault, self._sd.PortAudioError):
                raise UserError(
                    f"a sound device does not open: {fault}; `python main.py devices` lists others"
                ) from fault
            raise
        # Numbers may mean other devices later; a default may become another one.
        self._names = {
            "input": self.input.name if config.input else "",
            "output": self.output.name if config.output else "",
        }

    def read(self) -> np.ndarray:
        """Waits for the next frame: `[320]` int16, 16 kHz; silence while there is no device."""
        while not self._reopening:
            frame = self._microphone.frame(timeout_s=TICK_S)
            self._watch()
            if frame is not None:
                self._due = time.monotonic()
                return frame
        self._due += TICK_S
        time.sleep(max(0.0, self._due - time.monotonic()))
        return np.zeros(FRAME, dtype=np.int16)

    def skip_backlog(self) -> None:
        """Forgets what the microphone brought while nobody read: the next frame is of now."""
        while self._microphone.frame(timeout_s=0) is not None:
            pass
        self.take_heard()

    def play(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16, 24 kHz, to what will sound."""
        self.speaker.play(pcm)

    def flush(self, fade_samples: int) -> None:
        """Drops what has not yet gone to the DAC, but for a fade."""
        self.speaker.flush(fade_samples)

    def take_heard(self) -> tuple[np.ndarray, int]:
        """What the DAC took since the last call; see `Speaker.take_heard`."""
        return self.speaker.take_heard()

    def take_xruns(self) -> int:
        """Under- and overflows since the last call."""
        return self._microphone.take_xruns() + self.speaker.take_xruns()

    def take_message(self) -> str:
        """What happened to the devices since the last call, for the user; mostly nothing."""
        return "; ".join(self._messages.popleft() for _ in range(len(self._messages)))

    def close(self) -> None:
        """Closes both."""
        self._closed = True
        reopening = self._reopening  # the thread itself clears it at its end
        if reopening:
            reopening.join()
        self._close_streams()

    def __enter__(self) -> Devices:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def _open(self, names: dict[str, str]) -> None:
        def connect_microphone(rate: int) -> Callback:
            self._microphone = Microphone(rate)
            return self._microphone.callback

        def connect_speaker(rate: int) -> Callback:
            self.speaker.connect(rate)
            return self.speaker.callback

        self.input = self._open_stream("input", names["input"], connect_microphone)
        self.output = self._open_stream("output", names["output"], connect_speaker)

    def _open_stream(self, kind: str, name: str, connect: Callable[[int], Callback]) -> Opened:
        """Opens at the rate wanted or else the device's own, mono or else all its channels."""
        sd = self._sd
        info = _find(sd, name, kind)
        make = sd.InputStream if kind == "input" else sd.OutputStream
        native, most = int(info["default_samplerate"]), info[f"max_{kind}_channels"]
        tries = ((WANTED[kind], 1), (native, 1), (native, most))
        for rate, channels in tries:
            block = round(rate / TICKS_PER_S)
            try:
                stream = make(
                    rate, block, info["index"], channels, "int16", "low", callback=connect(rate)
                )
            except sd.PortAudioError:
                if (rate, channels) == tries[-1]:
                    raise
                continue
            self._streams.append(stream)
            stream.start()
            return Opened(info["name"], rate, float(stream.latency))
        raise AssertionError(tries)

    def _watch(self) -> None:
        called_at = min(self._microphone.called_at, self.speaker.called_at)
        late = time.monotonic() - called_at > self._watchdog_s
        if late or not all(stream.active for stream in self._streams):
            self._messages.append("the microphone or the speaker is gone; looking for it")
            self._reopening = threading.Thread(target=self._reopen, daemon=True)
            self._reopening.start()

    def _reopen(self) -> None:
        """Until it succeeds: by name at first, then also by default."""
        default = {"input": "", "output": ""}
        started = time.monotonic()
        while not self._closed:
            patient = time.monotonic() - started < PATIENCE_S
            tries = (self._names,) if patient else (self._names, default)
            if any(self._try_open(names) for names in tries):
                self._messages.append(f"back on {self.input.name} and {self.output.name}")
                break
            time.sleep(RETRY_S)
        self._reopening = None

    def _try_open(self, names: dict[str, str]) -> bool:
        self._close_streams()
        try:
            if self._sd._initialized:  # PortAudio looks for devices only when it starts
                self._sd._terminate()
            self._sd._initialize()
            self._open(names)
        except (self._sd.PortAudioError, UserError):
            return False  # not there yet: the caller tries again
        return True

    def _close_streams(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams = []


def _find(sd: ModuleType, name: str, kind: str) -> dict[str, Any]:
    device = None if name == "" else int(name) if name.isdecimal() else name
    try:
        return sd.query_devices(device, kind)
    except (ValueError, sd.PortAudioError) as fault:
        if device is None:
            raise UserError(
                f"there is no {kind} device: connect one, or see `python main.py devices`"
            ) from fault
        raise UserError(
            f"--{kind} {name}: {' '.join(str(fault).split())}; `python main.py devices` lists them"
        ) from fault


def _portaudio() -> ModuleType:
    try:
        import sounddevice
    except OSError as fault:  # its Linux wheel brings no library
        raise UserError(
            f"{fault}: install it, on Debian and Ubuntu with `apt install libportaudio2`"
        ) from fault
    return sounddevice
