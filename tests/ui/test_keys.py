"""Keys, by bytes and on a real pseudo-terminal."""

import os
import pty
import termios
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.events import Key, Typed
from voicechat.ui import keys
from voicechat.ui.keys import Keyboard, Lines, Typing


@pytest.mark.parametrize(
    ("sent", "keys", "line"),
    [
        (b" ", (Key.SPACE,), ""),
        (b"?", (Key.HELP,), ""),
        (b"\x1b", (Key.ESCAPE,), ""),
        (b"why? me", (), "why? me"),
        (b"hello there\r", (Typed("hello there"),), ""),
        (b"one\ntwo\nthr", (Typed("one"), Typed("two")), "thr"),
        (b"\n\n", (), ""),
        (b"helo\x7flo", (), "hello"),
        (b"hello you\x17", (), "hello"),
        (b"hello\x15 ", (Key.SPACE,), ""),
        (b"half\x1b", (Key.ESCAPE,), ""),
        (b"\x1b[A\x1b[1;5C\x1bOP\x1bx", (), ""),
        ("grüß".encode(), (), "grüß"),
        (b"a\x00\x01b", (), "ab"),
    ],
)
def test_bytes_become_keys_and_lines(sent: bytes, keys: tuple, line: str) -> None:
    typing = Typing()
    assert (typing.feed(sent), typing.line) == (keys, line)


def test_a_letter_cut_in_two_is_one_letter() -> None:
    typing = Typing()
    for byte in "ß".encode():
        typing.feed(bytes([byte]))
    assert typing.line == "ß"


@given(st.binary())
def test_any_bytes_are_survived(sent: bytes) -> None:
    for decoder in (Typing(), Lines()):
        assert all(isinstance(key, Key | Typed) for key in decoder.feed(sent))


def test_in_line_mode_empty_lines_and_signs_are_keys() -> None:
    lines = Lines()
    assert lines.feed(b"hel") == ()
    assert lines.feed(b"lo\n\n?\n.\nrest") == (Typed("hello"), Key.SPACE, Key.HELP, Key.ESCAPE)


def test_a_terminal_gives_single_keys_and_is_restored() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with os.fdopen(slave) as stream:
        with pytest.raises(RuntimeError), Keyboard(stream=stream) as keyboard:
            os.write(master, b" hi")
            assert keyboard.wait(5) == (Key.SPACE,) and keyboard.line == "hi"
            assert not termios.tcgetattr(stream)[3] & termios.ICANON
            raise RuntimeError("leaves by a fault")
        assert termios.tcgetattr(stream) == before
    os.close(master)


def test_a_pipe_gives_lines_and_its_end_is_no_busy_loop() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream, Keyboard(stream=stream) as keyboard:
        os.write(writing, b"hello\n")
        os.close(writing)
        assert keyboard.wait(5) == (Typed("hello"),)
        assert keyboard.wait(5) == ()
        start = time.monotonic()
        assert keyboard.wait(0.05) == () and time.monotonic() - start >= 0.05


class Console:
    """Stands for Windows' msvcrt, which exists nowhere else."""

    def __init__(self, pressed: str) -> None:
        self.pressed, self.echoed = list(pressed), ""

    def kbhit(self) -> bool:
        return bool(self.pressed)

    def getwch(self) -> str:
        return self.pressed.pop(0)

    def putwch(self, char: str) -> None:
        self.echoed += char


@pytest.mark.parametrize(
    ("by_line", "pressed", "heard", "line", "echoed"),
    [
        (False, " why\xe0H not", (Key.SPACE,), "why not", ""),  # between them an arrow key
        (False, "hello\r\x1b", (Typed("hello"), Key.ESCAPE), "", ""),
        (False, "hi \ud83d\ude00\r", (Typed("hi 😀"),), "", ""),  # an emoji comes in two halves
        (False, "hi\ud83d", (), "hi�", ""),
        (True, "hello\r\r.\r", (Typed("hello"), Key.SPACE, Key.ESCAPE), "", "hello\n\n.\n"),
    ],
)
def test_a_windows_console_gives_the_same_keys(
    monkeypatch: pytest.MonkeyPatch, by_line: bool, pressed: str, heard: tuple, line: str,
    echoed: str,
) -> None:  # fmt: skip
    console = Console(pressed)
    monkeypatch.setattr(keys, "termios", None)
    monkeypatch.setattr(keys, "msvcrt", console, raising=False)
    master, slave = pty.openpty()
    with os.fdopen(slave) as stream, Keyboard(by_line, stream) as keyboard:
        assert (keyboard.wait(1), keyboard.line, console.echoed) == (heard, line, echoed)
        assert keyboard.wait(0.02) == ()
    os.close(master)
