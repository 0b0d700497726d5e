"""Where the time of a reply goes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import TypeVar

T = TypeVar("T")


class Stages:
    """Adds up seconds by stage, for one thread; a stage inside another is charged alone.

    Attributes:
        seconds: by the stage's name, in the order of first use.
        spans: which stage worked from when to when, by `time.perf_counter`.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.spans: list[tuple[str, float, float]] = []
        self._open: list[str] = []
        self._since = 0.0

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Charges what runs inside to a stage."""
        self._charge()
        self._open.append(name)
        try:
            yield
        finally:
            self._charge()
            self._open.pop()

    def each(self, name: str, items: Iterator[T]) -> Iterator[T]:
        """Charges what making each item takes."""
        while True:
            with self(name):
                item = next(items, None)
            if item is None:
                return
            yield item

    @contextmanager
    def beside(self, others: Stages) -> Iterator[None]:
        """Takes over what another thread charged to stages of its own, once both are done."""
        try:
            yield
        finally:
            self.seconds |= others.seconds
            self.spans = sorted(self.spans + others.spans, key=itemgetter(1))

    def _charge(self) -> None:
        now = time.perf_counter()
        if self._open:
            name = self._open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self._since
            self.spans.append((name, self._since, now))
        self._since = now
