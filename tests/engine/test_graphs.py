"""The wrapper of CUDA graphs: nothing on CPU, a faithful replay where there is CUDA."""

from __future__ import annotations

import pytest
import torch

from voicechat.engine.graphs import Captured, warming

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine")


def test_on_cpu_it_is_the_function_itself_even_while_warming() -> None:
    step = Captured(lambda pair, scale: (pair[0] * scale, pair[1]))
    with warming():
        tripled, kept = step((torch.ones(2), "as it is"), 3)
    assert tripled.tolist() == [3, 3] and kept == "as it is"


@pytest.mark.gpu
@needs_cuda
def test_a_replay_sees_new_inputs_and_keeps_old_results() -> None:
    calls = []
    step = Captured(lambda x: (calls.append(1), x * 2)[1])
    with warming():
        first = step(torch.ones(4, device="cuda"))
    before = len(calls)
    second = step(torch.full((4,), 5.0, device="cuda"))
    assert len(calls) == before
    assert first.tolist() == [2.0] * 4 and second.tolist() == [10.0] * 4


@pytest.mark.gpu
@needs_cuda
def test_a_shape_that_was_never_warmed_runs_as_it_is() -> None:
    step = Captured(lambda x: x + 1)
    with warming():
        step(torch.ones(4, device="cuda"))
    assert step(torch.ones(3, device="cuda")).tolist() == [2.0] * 3
