"""The ODE that token2wav's DiT solves: fixed time points, explicit Runge-Kutta.

The right side is called by the *number* of its evaluation, so that everything which depends on
the time alone (embeddings, adaptive norms, cached keys) is computed or looked up once.

Source: `Qwen2_5OmniToken2WavDiTModel.sample` and `RungeKutta4ODESolver` of transformers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from voicechat.config import Token2WavSettings


@dataclass(frozen=True)
class Tableau:
    """A Butcher tableau: when each stage is evaluated, from which stages, and their weights."""

    nodes: tuple[float, ...]
    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]


TABLEAUS = {
    "euler": Tableau((0,), ((),), (1,)),
    "midpoint": Tableau((0, 1 / 2), ((), (1 / 2,)), (0, 1)),
    "rk4": Tableau(  # the 3/8 rule
        (0, 1 / 3, 2 / 3, 1),
        ((), (1 / 3,), (-1 / 3, 1), (1, -1, 1)),
        (1 / 8, 3 / 8, 3 / 8, 1 / 8),
    ),
}


class Ode:
    """A solver with its time points laid out.

    Attributes:
        times: `[evaluations]` float32, the time of each evaluation in the order of the calls.
    """

    def __init__(self, settings: Token2WavSettings) -> None:
        self.tableau = TABLEAUS[settings.solver]
        points = time_points(settings.num_steps, settings.sway_coefficient)
        self.steps: list[float] = (points[1:] - points[:-1]).tolist()
        nodes = torch.tensor(self.tableau.nodes)
        self.times = (points[:-1, None] + torch.outer(torch.tensor(self.steps), nodes)).flatten()

    def solve(self, velocity: Callable[[int, Tensor], Tensor], value: Tensor) -> Tensor:
        """Integrates from the first time point to the last.

        Args:
            velocity: `velocity(evaluation, value)`, of the value's shape.
            value: where it starts: noise.
        """
        for number, step in enumerate(self.steps):
            value = value + step * self._slope(velocity, number, step, value)
        return value

    def _slope(
        self, velocity: Callable[[int, Tensor], Tensor], number: int, step: float, value: Tensor
    ) -> Tensor:
        slopes: list[Tensor] = []
        first = number * len(self.tableau.nodes)
        for stage, row in enumerate(self.tableau.stages):
            shifted = value + step * _mix(row, slopes) if row else value
            slopes.append(velocity(first + stage, shifted))
        return _mix(self.tableau.weights, slopes)


def time_points(num_steps: int, sway: float) -> Tensor:
    """`[num_steps]` times from 0 to 1; a negative sway puts more of them at the beginning.

    Source: F5-TTS (arXiv 2410.06885), section 3.3.
    """
    times = torch.linspace(0, 1, num_steps)
    return times + sway * (torch.cos(torch.pi / 2 * times) - 1 + times)


def _mix(weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    terms = [weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight]
    return sum(terms[1:], terms[0])
