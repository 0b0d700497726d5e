"""The main thread of a live session: draws, and turns presses and signals into keys."""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from voicechat.events import Key, Typed
from voicechat.ui.keys import Keyboard
from voicechat.ui.screen import Display

DRAW_S = 0.1  # ten pictures a second, and one at each press
STUCK_S = 3.0  # three Ctrl-C within this time leave even a loop that hangs
ENDING = ("SIGTERM", "SIGHUP")  # Windows lacks the second


class Session(Protocol):
    """As `conversation.session.Session`."""

    def run(self) -> None:
        """The loop, until the session ends."""

    def press(self, key: Key | Typed) -> None:
        """Takes what the user pressed or typed; from any thread."""

    def leave(self) -> None:
        """Ends `run`; from any thread."""


def hold(session: Session, display: Display, keyboard: Keyboard) -> None:
    """Runs a session in a thread of its own and shows it, until it ends.

    Raises:
        BaseException: what the session raised, after the terminal was restored.
    """
    loop = _Loop(session)
    with keyboard, display, _signals(session):
        loop.start()
        while loop.is_alive():
            for key in keyboard.wait(DRAW_S):
                display.help() if key is Key.HELP else session.press(key)
            display.draw(keyboard.line)
    if loop.fault:
        raise loop.fault


class _Loop(threading.Thread):
    """Keeps what the session raises for the main thread."""

    def __init__(self, session: Session) -> None:
        super().__init__(name="session", daemon=True)
        self._session = session
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            self._session.run()
        except BaseException as fault:
            self.fault = fault


@contextmanager
def _signals(session: Session) -> Iterator[None]:
    """Ctrl-C is a key; what ends a program ends the session in order."""
    pressed = deque([-STUCK_S] * 3, maxlen=3)

    def interrupt(*_: object) -> None:
        pressed.append(time.monotonic())
        if pressed[-1] - pressed[0] < STUCK_S:
            raise KeyboardInterrupt
        session.press(Key.INTERRUPT)

    ending = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ending)}
    signal.signal(signal.SIGINT, interrupt)
    for number in ending:
        signal.signal(number, lambda *_: session.leave())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
