"""Keys from the terminal: single presses and typed lines.

`Typing` is pure: bytes in, keys out. `Keyboard` puts the terminal into character mode and always
puts it back.
"""

from __future__ import annotations

import codecs
import os
import re
import select
import sys
import time
from types import TracebackType
from typing import TextIO

from voicechat.events import Key, Typed

try:
    import termios
    import tty
except ImportError:  # Windows
    import msvcrt

    termios = None

# an arrow or function key, Alt with a key, or one character
_TOKEN = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b[^\x1b]|.", re.DOTALL)
_ALONE = {" ": Key.SPACE, "?": Key.HELP}  # while no line is being typed
_LINES = {"": Key.SPACE, "?": Key.HELP, ".": Key.ESCAPE}  # where only whole lines can be read
_ESCAPE_S = 0.02  # after an Esc, the rest of an arrow key's sequence has arrived by then
_POLL_S = 0.01  # Windows has no way to wait for a key for a while
_TWO = "\x00\xe0"  # with these an arrow or function key begins there, and one more follows


class Typing:
    """Decodes what a terminal in character mode sends.

    Attributes:
        line: what has been typed of a line so far.
    """

    def __init__(self) -> None:
        self.line = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def feed(self, data: bytes) -> tuple[Key | Typed, ...]:
        """The keys and lines that these bytes complete."""
        pressed = (self._press(token) for token in _TOKEN.findall(self._decode(data)))
        return tuple(key for key in pressed if key is not None)

    def _press(self, token: str) -> Key | Typed | None:
        if token == "\x1b":
            self.line = ""
            return Key.ESCAPE
        if not self.line and token in _ALONE:
            return _ALONE[token]
        if token in "\r\n":
            text, self.line = self.line.strip(), ""
            return Typed(text) if text else None
        self.line = _edited(self.line, token)
        return None


def _edited(line: str, token: str) -> str:
    if token in "\x7f\b":
        return line[:-1]
    if token == "\x15":  # Ctrl-U
        return ""
    if token == "\x17":  # Ctrl-W
        return line.rstrip().rpartition(" ")[0]
    return line + token if token.isprintable() else line


class Lines:
    """Decodes whole lines, of a pipe or for a screen reader: the same interface as `Typing`."""

    line = ""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> tuple[Key | Typed, ...]:
        """The lines that these bytes complete; an empty one is space, `.` is Esc."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        texts = [line.decode("utf-8", "replace").strip() for line in lines]
        return tuple(_LINES.get(text) or Typed(text) for text in texts)


class Keyboard:
    """The terminal's input while a session runs; a context manager.

    Args:
        by_line: leave the terminal in line mode, as a pipe is.
        stream: the terminal or pipe.
    """

    def __init__(self, by_line: bool = False, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdin
        self._open = stream is not None and not stream.closed
        self._fd = stream.fileno() if self._open else -1
        terminal = self._open and os.isatty(self._fd)
        if termios is None:  # nor can it wait for a pipe
            self._open = terminal
        self._raw = terminal and not by_line
        self._typing = Typing() if self._raw else Lines()

    def __enter__(self) -> Keyboard:
        if self._raw and termios:
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd, termios.TCSADRAIN)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._raw and termios:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    @property
    def line(self) -> str:
        """What has been typed of a line so far."""
        return self._typing.line

    def wait(self, seconds: float) -> tuple[Key | Typed, ...]:
        """Waits for a press, at most so long."""
        if not self._open:
            time.sleep(seconds)
            return ()
        if termios is None:
            return self._typing.feed(_console(seconds, echo=not self._raw))
        data = self._read(seconds)
        if self._raw and data.endswith(b"\x1b"):
            data += self._read(_ESCAPE_S)
        return self._typing.feed(data)

    def _read(self, seconds: float) -> bytes:
        if not select.select([self._fd], [], [], seconds)[0]:
            return b""
        data = os.read(self._fd, 1024)
        self._open = bool(data)  # a pipe that ended says no more
        return data


def _console(seconds: float, echo: bool) -> bytes:
    """What was pressed in a Windows console, waited for at most so long."""
    until = time.monotonic() + seconds
    while not msvcrt.kbhit():
        if time.monotonic() >= until:
            return b""
        time.sleep(_POLL_S)
    pressed = ""
    while msvcrt.kbhit():
        char = msvcrt.getwch()
        if char in _TWO:
            msvcrt.getwch()
            continue
        char = "\n" if char == "\r" else char
        if echo:
            msvcrt.putwch(char)
        pressed += char
    # What is beyond 16 bits, an emoji, came as two halves.
    return pressed.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
