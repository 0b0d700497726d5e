"""What the core brings forth in a tick."""

from __future__ import annotations

from typing import Any

import numpy as np

from voicechat.events import Action, Event, EventKind, Step


class Outbox:
    """Gathers actions and events, in order, until the tick is over.

    Attributes:
        n: the tick.
    """

    def __init__(self) -> None:
        self.open(0)

    def open(self, n: int) -> None:
        """Tick `n` begins."""
        self.n = n
        self._actions: list[Action] = []
        self._events: list[Event] = []

    def act(self, action: Action) -> None:
        """Orders something."""
        self._actions.append(action)

    def tell(self, kind: EventKind, turn: int | None = None, **detail: Any) -> None:
        """Says that something happened."""
        self._events.append(Event(self.n, kind, turn, detail))

    def close(self, frame: np.ndarray) -> Step:
        """The tick is over; `frame` is what the ear made of its microphone."""
        return Step(tuple(self._actions), tuple(self._events), frame)
