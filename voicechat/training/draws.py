"""What the steps of a run learn from, drawn ahead by other processes where that helps."""

from __future__ import annotations

import random
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

DrawFn = Callable[[int, random.Random], Any]
RngFn = Callable[[int], random.Random]


def draws(draw: DrawFn, rng: RngFn, steps: range, workers: int) -> DataLoader:
    """Loads what `draw` gives for each step, in their order.

    Args:
        draw: Given a step's number and its own random generator, returns what it learns from.
        rng: A step's generator by its number.
        steps: The steps' numbers.
        workers: Processes that draw ahead; 0: drawn when it is asked for.
    """
    return DataLoader(
        _Draws(draw, rng), sampler=steps, batch_size=None, collate_fn=_as_drawn,
        num_workers=workers, worker_init_fn=_by_value,
    )  # fmt: skip


class _Draws(Dataset):
    def __init__(self, draw: DrawFn, rng: RngFn) -> None:
        self.draw, self.rng = draw, rng

    def __getitem__(self, step: int) -> Any:
        return self.draw(step, self.rng(step))


def _as_drawn(drawn: Any) -> Any:
    return drawn


def _by_value(worker: int) -> None:
    """Lets tensors travel between processes as bytes: many small ones are slow to share."""
    ForkingPickler.register(torch.Tensor, lambda t: (torch.from_numpy, (t.numpy(),)))
