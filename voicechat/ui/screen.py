"""The terminal: what is finished goes to the scrollback, the rest is redrawn below it."""

from __future__ import annotations

import os
from collections import deque
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live

from voicechat.events import Event, Meter
from voicechat.ui import render
from voicechat.ui.view import Say, View, measure, see

ERRORS = 2  # the error stream's file descriptor


class Display(AbstractContextManager["Display"], Protocol):
    """What a session is shown on; it leaves the terminal as it was."""

    def show(self, meter: Meter, events: tuple[Event, ...]) -> None:
        """Takes what a tick brought; from the loop's thread, and never blocks."""

    def draw(self, typing: str = "") -> None:
        """Shows what came since the last call; from the main thread."""

    def help(self) -> None:
        """Shows or hides the keys."""


class Screen:
    """The live display, on rich.

    Args:
        view: what is shown before anything happens.
        log: takes what C libraries write to the error stream meanwhile; ALSA's warnings would
            tear the picture. What Python writes there appears above it.
        console: where.
    """

    def __init__(self, view: View, log: Path, console: Console | None = None) -> None:
        self._view, self._log = view, log
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._news: deque[tuple[Meter, tuple[Event, ...]]] = deque()
        self._printed = -1

    def __enter__(self) -> Screen:
        self._errors = os.dup(ERRORS)
        with self._log.open("ab") as log:
            os.dup2(log.fileno(), ERRORS)
        self._live.start()
        return self

    def __exit__(self, *fault: Any) -> None:
        self.draw()
        self._live.stop()
        os.dup2(self._errors, ERRORS)
        os.close(self._errors)
        self._console.print(*map(render.say, self._pending()), end="")

    def show(self, meter: Meter, events: tuple[Event, ...]) -> None:
        """Takes what a tick brought; from the loop's thread, and never blocks."""
        self._news.append((meter, events))

    def draw(self, typing: str = "") -> None:
        """Shows what came since the last call; from the main thread."""
        view = replace(self._view, typing=typing)
        while self._news:
            meter, events = self._news.popleft()
            for event in events:
                view = see(view, event)
            view = measure(view, meter)
        self._view = view
        self._print_finished()
        open_says = (render.say(say, self._room()) for say in self._pending())
        self._live.update(Group(*open_says, render.foot(view, self._console.width)), refresh=True)

    def help(self) -> None:
        """Shows or hides the keys."""
        self._view = replace(self._view, help=not self._view.help)

    def _pending(self) -> list[Say]:
        return [say for say in self._view.says if say.key > self._printed]

    def _print_finished(self) -> None:
        for say in self._pending():
            if say.open:
                return
            self._console.print(render.say(say))
            self._printed = say.key

    def _room(self) -> int:
        """How many characters of a say fit beside the foot."""
        return max(1, self._console.height - 8) * max(20, self._console.width - 10)
