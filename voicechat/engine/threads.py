"""How torch's threads are shared out between the parts of the model.

A small model's operations are too small to be split: by two threads each, a reply of pocket's took
4.0 s for 8 s of CPU time, and beside a busy program they mostly wait for one another. So it gets
one thread for Thinker and Talker and one for token2wav, side by side: 3.0 s for 4.8 s of CPU time
(single runs of `Bench` one after the other, 10 s of speech, two cores). A large model gets all
threads for every operation, and a GPU its one stream: there the parts take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

ALL = torch.get_num_threads()  # torch's own choice, or that of OMP_NUM_THREADS
_SMALL = 200_000_000  # parameters


def side_by_side(model: nn.Module) -> bool:
    """Whether token2wav shall work beside the Talker; sets torch's threads to match."""
    on_cpu = next(model.parameters()).device.type == "cpu"
    small = on_cpu and sum(parameter.numel() for parameter in model.parameters()) < _SMALL
    torch.set_num_threads(1 if small else ALL)
    return small


def executor(beside: bool) -> Executor:
    """Does one thing after the other: on a thread of its own, or on the caller's."""
    return ThreadPoolExecutor(1, "token2wav") if beside else _Here()


@contextmanager
def all_threads() -> Iterator[None]:
    """Inside, every operation may use all threads, as torch has it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(ALL)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Here(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
