"""A sound card where there is none: a private pulseaudio, and PortAudio led to it.

    Person.say ──▶ sink "micfeed" ──▶ source "mic" ──▶ PortAudio's default input
                        ▲ echo(delay)
    Person.ears ◀── sink "speaker" ◀── PortAudio's default output

Use the fixture `card` (a whole test session shares one). A subprocess finds the same card with
`env=card.env`. Linux only; skipped with the reason where pulseaudio is missing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

RATE = 48_000
ASOUND = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse hint { show on description "default" } }
ctl.!default { type pulse }
"""
SINKS = {"speaker": "Virtual_Speaker", "micfeed": "Virtual_Mic_Feed"}


class Recording:
    """A `parec` that runs; `stop()` gives what it heard."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path, rate: int) -> None:
        self._process, self._path, self.rate = process, path, rate

    def stop(self) -> np.ndarray:
        """Ends the recording: `[samples]` int16, mono."""
        _end(self._process)
        data = self._path.read_bytes()
        return np.frombuffer(data[: len(data) // 2 * 2], np.int16)


class VirtualCard:
    """A pulseaudio of one's own with a microphone to speak into and a speaker to listen to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = dict(
            os.environ,
            XDG_RUNTIME_DIR=str(folder),
            PULSE_RUNTIME_PATH=str(folder / "pulse"),
            PULSE_SERVER=f"unix:{folder / 'pulse.sock'}",
            PULSE_STATE_PATH=str(folder / "state"),
            PULSE_COOKIE=str(folder / "cookie"),
            ALSA_CONFIG_PATH=str(folder / "asound.conf"),
        )
        self.env.pop("PULSE_LATENCY_MSEC", None)
        self._server: subprocess.Popen[bytes] | None = None
        self._keepers: list[subprocess.Popen[bytes]] = []
        (folder / "asound.conf").write_text(ASOUND)
        (folder / "default.pa").write_text(self._script())

    def start(self) -> None:
        """Starts the server, and the silence that keeps its idle sinks awake.

        An idle null sink wakes every 2 s only, so that the microphone would come in lumps.
        """
        self._server = self._spawn(
            "pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no --disable-shm=yes "
            f"--realtime=no --high-priority=no -F {self.folder / 'default.pa'}"
        )
        for _ in range(50):
            if self._pactl("info").returncode == 0:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("pulseaudio did not start")
        quiet = "pacat --raw --rate=48000 --channels=1 --latency-msec=20 --process-time-msec=5"
        self._keepers = [self._spawn(f"{quiet} -d {sink} /dev/zero") for sink in SINKS]
        time.sleep(0.3)

    def stop(self) -> None:
        """Pulls the card out."""
        for process in (*self._keepers, self._server):
            if process is not None:
                _end(process)
        self._keepers, self._server = [], None
        (self.folder / "pulse.sock").unlink(missing_ok=True)

    def say(self, pcm: np.ndarray, rate: int) -> subprocess.Popen[bytes]:
        """Speaks `[samples]` int16 into the microphone; wait for the process to hear it out."""
        path = self.folder / f"say{time.monotonic_ns()}.raw"
        path.write_bytes(np.ascontiguousarray(pcm, np.int16).tobytes())
        return self._spawn(
            f"pacat --raw --rate={rate} --channels=1 --latency-msec=20 -d micfeed {path}"
        )

    def listen(self, rate: int = RATE) -> Recording:
        """Records the speaker from now on."""
        path = self.folder / f"heard{time.monotonic_ns()}.raw"
        command = (
            f"parec --raw --rate={rate} --channels=1 --latency-msec=20 -d speaker.monitor {path}"
        )
        process = self._spawn(command)
        for _ in range(100):
            if path.exists() and path.stat().st_size:
                break
            time.sleep(0.02)
        return Recording(process, path, rate)

    @contextlib.contextmanager
    def echo(self, delay_ms: int = 80) -> Iterator[None]:
        """Lets the microphone hear the speaker, at full level."""
        loaded = self._pactl(
            "load-module", "module-loopback", "source=speaker.monitor", "sink=micfeed",
            f"latency_msec={delay_ms}",
        )  # fmt: skip
        assert loaded.returncode == 0, loaded.stderr
        try:
            yield
        finally:
            self._pactl("unload-module", loaded.stdout.decode().strip())

    def _script(self) -> str:
        sinks = "".join(
            f"load-module module-null-sink sink_name={name} rate={RATE} channels=2 format=s16le "
            f"sink_properties=device.description={title}\n"
            for name, title in SINKS.items()
        )
        return (
            "load-module module-native-protocol-unix auth-anonymous=1 "
            f"socket={self.folder / 'pulse.sock'}\n{sinks}"
            "load-module module-remap-source source_name=mic master=micfeed.monitor "
            "master_channel_map=front-left channel_map=mono remix=no "
            "source_properties=device.description=Virtual_Mic\n"
            "set-default-sink speaker\nset-default-source mic\n"
        )

    def _spawn(self, command: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command.split(), env=self.env, stdout=quiet, stderr=quiet)

    def _pactl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["pactl", *arguments], env=self.env, capture_output=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def missing() -> str:
    """What keeps a virtual card from starting here, or nothing."""
    programs = [p for p in ("pulseaudio", "pactl", "pacat", "parec") if shutil.which(p) is None]
    if programs:
        return f"not installed: {', '.join(programs)} (apt install pulseaudio pulseaudio-utils)"
    folders = [f for pattern in ("lib*", "lib*/*") for f in Path("/usr").glob(pattern)]
    if not any((f / "alsa-lib" / "libasound_module_pcm_pulse.so").exists() for f in folders):
        return "not installed: ALSA's pulse plugin (apt install libasound2-plugins)"
    return ""


@pytest.fixture(scope="session")
def card() -> Iterator[VirtualCard]:
    """The virtual card, with this process's PortAudio on it."""
    if reason := missing():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="voicechat-card-"))  # short: a socket's path is limited
    virtual = VirtualCard(folder)
    patch = pytest.MonkeyPatch()
    for name, value in virtual.env.items():
        patch.setenv(name, value)
    try:
        virtual.start()
        yield virtual
    finally:
        virtual.stop()
        patch.undo()
        shutil.rmtree(folder)
