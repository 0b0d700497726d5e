"""CUDA graphs around a step: a wrapper, not a weave.

    step = Captured(step, enabled=settings.graphs)   # the same function on CPU, or when disabled
    with warming():                                  # once, over the very path that is used
        run()
    run()                                            # replays; shapes never warmed run as they are

A captured function takes tensors (in tuples and lists as deep as it likes) and plain values. It may
write into tensors that it holds on to (a cache), if writing the same twice does no harm; whatever
changes from call to call, a position too, has to be a tensor among its inputs.

After moshi's `CUDAGraphed`: an identity on CPU, an off switch, refusals that name the remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

from voicechat.errors import UserError

_warming: ContextVar[bool] = ContextVar("warming", default=False)
_WARM_UPS = 3  # calls before the capture, so that libraries have chosen their kernels


@contextmanager
def warming() -> Iterator[None]:
    """Inside, calls with new shapes are captured; outside, they run without a graph."""
    token = _warming.set(True)
    try:
        yield
    finally:
        _warming.reset(token)


class Captured:
    """A function as one CUDA graph for each shape of its inputs.

    Args:
        function: what to capture; see the module's text for what it may do.
        enabled: the off switch.
    """

    def __init__(self, function: Callable[..., Any], enabled: bool = True) -> None:
        self.function, self.enabled = function, enabled
        self._graphs: dict[Hashable, _Graph] = {}

    @torch.inference_mode()
    def __call__(self, *inputs: Any) -> Any:
        """Calls the function, or replays it; what comes back is the caller's to keep."""
        leaves = list(_leaves(inputs))
        if not self.enabled or not any(_on_cuda(leaf) for leaf in leaves):
            return self.function(*inputs)
        key = tuple(_kind(leaf) for leaf in leaves)
        if key not in self._graphs:
            if not _warming.get():
                return self.function(*inputs)
            self._graphs[key] = _Graph(self.function, inputs)
        return self._graphs[key].replay(leaves)


class _Graph:
    """One capture, with the buffers that it reads and writes."""

    def __init__(self, function: Callable[..., Any], inputs: Any) -> None:
        self.inputs = _map(inputs, Tensor.clone)
        self.graph = torch.cuda.CUDAGraph()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        try:
            with torch.cuda.graph(self.graph):
                self.outputs = function(*self.inputs)
        except RuntimeError as fault:
            reason = str(fault).splitlines()[0]
            raise UserError(
                f"a CUDA graph could not be captured ({reason}); run with --set model.graphs=false"
            ) from fault

    def replay(self, leaves: list[Any]) -> Any:
        for mine, given in zip(_leaves(self.inputs), leaves, strict=True):
            if isinstance(mine, Tensor):
                mine.copy_(given)
        self.graph.replay()
        return _map(self.outputs, Tensor.clone)


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple | list):
        for branch in tree:
            yield from _leaves(branch)
    else:
        yield tree


def _map(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same tree with every tensor changed."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_map(branch, change) for branch in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(_map(branch, change) for branch in tree)
    return tree


def _kind(leaf: Any) -> Hashable:
    return (leaf.shape, leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else leaf


def _on_cuda(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf.is_cuda
