"""The main thread of a session: keys and signals go in, faults come out, handlers are restored."""

import os
import queue
import signal
import threading

import pytest

from voicechat.events import Key, Typed
from voicechat.ui.keys import Keyboard
from voicechat.ui.plain import Plain
from voicechat.ui.terminal import hold


class Session:
    """Takes keys until it is told to leave, and does something at its start."""

    def __init__(self, start: object = lambda: None) -> None:
        self.start = start
        self.keys: queue.Queue[Key | Typed | None] = queue.Queue()
        self.pressed: list[Key | Typed] = []

    def press(self, key: Key | Typed) -> None:
        self.keys.put(key)

    def leave(self) -> None:
        self.keys.put(None)

    def run(self) -> None:
        self.start()
        while (key := self.keys.get(timeout=10)) is not None:
            self.pressed.append(key)
            if len(self.pressed) == 2:
                return


def held(session: Session, typed: bytes = b"") -> list[Key | Typed]:
    reading, writing = os.pipe()
    os.write(writing, typed)
    with os.fdopen(reading) as stream:
        hold(session, Plain("Wren"), Keyboard(stream=stream))
    os.close(writing)
    return session.pressed


def kill(number: int) -> None:
    signal.pthread_kill(threading.main_thread().ident, number)


def test_what_is_typed_reaches_the_session() -> None:
    assert held(Session(), b"hello\n\n") == [Typed("hello"), Key.SPACE]


def test_help_is_shown_and_is_no_key_of_the_session(capsys: pytest.CaptureFixture) -> None:
    assert held(Session(), b"?\na\nb\n") == [Typed("a"), Typed("b")]
    assert "Ctrl-C" in capsys.readouterr().out


def test_ctrl_c_is_a_key_and_is_itself_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert held(Session(lambda: kill(signal.SIGINT)), b"a\n").count(Key.INTERRUPT) == 1
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_ends_the_session_in_order(number: int) -> None:
    assert held(Session(lambda: kill(number))) == []


def test_three_ctrl_c_leave_a_loop_that_hangs() -> None:
    hangs = threading.Event()

    def start() -> None:
        for _ in range(3):
            kill(signal.SIGINT)
            hangs.wait(0.1)
        hangs.wait(10)

    with pytest.raises(KeyboardInterrupt):
        held(Session(start))
    hangs.set()


def test_a_fault_of_the_loop_is_raised_in_the_main_thread() -> None:
    def start() -> None:
        raise ZeroDivisionError("in the loop")

    with pytest.raises(ZeroDivisionError):
        held(Session(start))
