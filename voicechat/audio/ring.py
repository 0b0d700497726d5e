"""A ring of samples of fixed size."""

from __future__ import annotations

import numpy as np


class Ring:
    """First in, first out, over one preallocated array; it never grows and never allocates.

    Attributes:
        held: samples waiting.
    """

    def __init__(self, capacity: int) -> None:
        assert capacity > 0, capacity
        self._data = np.zeros(capacity, dtype=np.int16)
        self._read = 0
        self.held = 0

    def write(self, pcm: np.ndarray) -> None:
        """Appends `[samples]` int16.

        Raises:
            AssertionError: if they do not fit: the writer should have counted.
        """
        capacity = len(self._data)
        assert self.held + len(pcm) <= capacity, (self.held, len(pcm), capacity)
        start = (self._read + self.held) % capacity
        first = min(len(pcm), capacity - start)
        self._data[start : start + first] = pcm[:first]
        self._data[: len(pcm) - first] = pcm[first:]
        self.held += len(pcm)

    def read_into(self, out: np.ndarray) -> int:
        """Fills the beginning of `out` with the oldest samples; the rest of it stays as it is.

        Returns:
            How many samples there were, at most `len(out)`.
        """
        count = min(len(out), self.held)
        first = min(count, len(self._data) - self._read)
        out[:first] = self._data[self._read : self._read + first]
        out[first:count] = self._data[: count - first]
        self._read = (self._read + count) % len(self._data)
        self.held -= count
        return count

    def fade(self, samples: int) -> None:
        """Drops all but the oldest `samples`, and fades those out linearly."""
        tail = np.zeros(samples, dtype=np.int16)
        count = self.read_into(tail)
        ramp = np.linspace(1.0, 0.0, count + 1, dtype=np.float32)[1:]
        self._read = self.held = 0
        self.write((tail[:count] * ramp).astype(np.int16))
