"""Keys and values of a language model: preallocated, and rewound by moving one number.

capacity |=========== length ===========|. . . . . . . . .|
                     ^ rewind              ^ the next step writes here
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

_SMALLEST = 256


class KeyValues(Cache):
    """A cache for transformers' decoder layers that lives as long as the talk.

    Two ways to write: usually behind `length`, giving views of what is valid; inside a captured
    graph (`at`) to a slot that is a tensor, giving a window of fixed size that a mask must limit.

    Args:
        layers: of the language model.
        capacity: positions to begin with; the buffers double when they are full.
    """

    def __init__(self, layers: int, capacity: int = _SMALLEST) -> None:
        super().__init__(layers=[_Layer(capacity) for _ in range(layers)])

    @property
    def capacity(self) -> int:
        """How many positions the buffers hold before they have to grow."""
        return self.layers[0].capacity

    @property
    def length(self) -> int:
        """How many positions are valid."""
        return self.layers[0].length

    def rewind(self, length: int) -> None:
        """Forgets everything from position `length` on."""
        assert 0 <= length <= self.length, (length, self.length)
        for layer in self.layers:
            layer.length = length

    def advance(self) -> None:
        """Counts the position that a captured step wrote."""
        for layer in self.layers:
            layer.length += 1

    @contextmanager
    def at(self, slot: Tensor, window: int) -> Iterator[None]:
        """Inside, one position is written at `slot` (`[1]` int64), and `window` are given."""
        for layer in self.layers:
            layer.slot, layer.window = slot, window
        try:
            yield
        finally:
            for layer in self.layers:
                layer.slot = None


class _Layer(CacheLayerMixin):
    """One layer's buffers, `[1, heads, capacity, head size]` each."""

    is_sliding = False

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity, self.length = capacity, 0
        self.slot: Tensor | None = None
        self.window = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys, self.values = self._room(key_states), self._room(value_states)
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self.slot is not None:
            self.keys.index_copy_(2, self.slot, key_states)
            self.values.index_copy_(2, self.slot, value_states)
            return self.keys[:, :, : self.window], self.values[:, :, : self.window]
        start, self.length = self.length, self.length + key_states.shape[2]
        self._grow()
        self.keys[:, :, start : self.length] = key_states
        self.values[:, :, start : self.length] = value_states
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.length + query_length, 0

    def get_seq_length(self) -> int:
        return self.length

    def get_max_length(self) -> int:
        return -1

    def _grow(self) -> None:
        if self.length <= self.capacity:
            return
        self.capacity = max(2 * self.capacity, self.length)
        keys, values = self.keys, self.values
        self.lazy_initialization(keys, values)
        self.keys[:, :, : keys.shape[2]] = keys
        self.values[:, :, : values.shape[2]] = values

    def _room(self, states: Tensor) -> Tensor:
        # Zeros, not garbage: a masked position still meets its value as 0 * value.
        return torch.zeros(*states.shape[:2], self.capacity, states.shape[3]).to(states)
