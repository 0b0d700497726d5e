"""The whole program at a real terminal where there is no sound: the first command."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MAIN = Path(__file__).parents[2] / "main.py"
NO_PORTAUDIO = 'raise OSError("PortAudio library not found")'  # as sounddevice does without it


class Terminal:
    """A pseudo-terminal of 80 columns with the program in it."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.seen = ""
        (folder / "sounddevice.py").write_text(NO_PORTAUDIO)
        env = {"TERM": "xterm", "HOME": str(folder), "PYTHONPATH": str(folder)}
        self.process = subprocess.Popen(
            [sys.executable, MAIN, "--model", "scripted", *flags],
            stdin=self.slave, stdout=self.slave, stderr=self.slave, cwd=folder,
            env={**os.environ, **env},
        )  # fmt: skip
        os.set_blocking(self.master, False)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def until_seen(self, text: str) -> None:
        deadline = time.monotonic() + 90
        while text not in self.seen:
            assert self.process.poll() is None and time.monotonic() < deadline, self.seen
            self._read()

    def wait(self) -> int:
        while self.process.poll() is None:
            self._read()
        self._read()
        return self.process.returncode

    def _read(self) -> None:
        try:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.02)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.close()


def test_a_talk_is_typed_stopped_and_left(terminal: Terminal, tmp_path: Path) -> None:
    terminal.until_seen("apt install libportaudio2")
    terminal.until_seen("Instead, a sample")
    terminal.until_seen("● listening")
    terminal.press("hello\r")
    terminal.until_seen("hello")
    terminal.until_seen("This is a voice of tones.")
    terminal.press("\x1b")
    terminal.until_seen("(interrupted)")
    for _ in range(2):
        os.kill(terminal.process.pid, signal.SIGINT)
        time.sleep(0.3)
    assert terminal.wait() == 0
    assert (tmp_path / "reply.wav").exists()
    assert termios.tcgetattr(terminal.slave) == terminal.before
    assert terminal.seen.rindex("\x1b[?25h") > terminal.seen.rindex("\x1b[?25l")


def test_a_killed_talk_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.until_seen("● listening")
    terminal.process.terminate()
    assert terminal.wait() == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before
