"""Several processes train the same networks: each takes its own steps, now and then they average.

    torchrun --nproc-per-node 2 main.py train thinker

Local SGD (Lin et al., "Don't Use Large Mini-Batches, Use Local SGD", 2020): between two averages
nothing is exchanged, so that it costs next to nothing, and noise that the processes do not share
averages out. The first process keeps the checkpoint and the log; after a kill all go on from it.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import distributed
from torch.distributed.algorithms.model_averaging.utils import average_parameters

PERIOD = 60  # steps between two averages
T = TypeVar("T")


def join() -> int:
    """Meets the other processes, if there are any; returns the number of this one."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("gloo")
        atexit.register(distributed.destroy_process_group)  # else its threads may abort the exit
    return distributed.get_rank() if distributed.is_initialized() else 0


def processes() -> int:
    """How many train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def gather(found: list[T]) -> list[T]:
    """What all processes found, in the order of their numbers."""
    if not distributed.is_initialized():
        return found
    parts: list[list[T]] = [[]] * processes()
    distributed.all_gather_object(parts, found)
    return [one for part in parts for one in part]


def average(parameters: Iterable[torch.nn.Parameter], step: int) -> None:
    """Gives the parameters their mean over all processes, each `PERIOD` steps."""
    if distributed.is_initialized() and step % PERIOD == 0:
        average_parameters(iter(parameters), distributed.group.WORLD)


def wait() -> None:
    """Waits until all processes have come here."""
    if distributed.is_initialized():
        distributed.barrier()
