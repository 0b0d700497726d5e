"""One resumable training loop for every stage.

What a step draws (data, dropout, noise) depends on the seed and the step's number alone, never on
how the run got there: a run that was killed and one that was not go on with the same losses.

The networks train on CUDA where there is any. What a step learns from is drawn apart from it, so
that a GPU need not wait: other processes then draw for the steps to come.
"""

from __future__ import annotations

import copy
import math
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from voicechat.errors import UserError
from voicechat.training import together
from voicechat.training.draws import DrawFn, draws
from voicechat.training.files import whole
from voicechat.training.log import Log

Losses = Mapping[str, torch.Tensor | float]
StepFn = Callable[[Any], Losses]
EvaluateFn = Callable[[], Mapping[str, float]]

_WORKERS = 12  # beside a GPU, at most


@dataclass(frozen=True)
class Schedule:
    """Learning rate: linear warm-up, then a cosine down to `floor` times `lr`."""

    steps: int
    lr: float
    warmup: int
    floor: float = 0.05

    def at(self, step: int) -> float:
        """Learning rate of the step with this number, counted from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = min(1.0, (step - self.warmup) / max(1, self.steps - self.warmup))
        return self.lr * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done)))


class Trainer:
    """Runs the steps of one stage and keeps `last.pt`, `log.jsonl` and `curve.png` in its folder.

    A `start.pt` there (see `unpack`) holds weights to begin with: state dicts by module.

    Args:
        stage: Name of the stage and of its folder below `workdir`.
        workdir: Where the stages keep their work.
        modules: What is trained and saved, by name. Frozen parts that a stage needs belong too.
            They are moved to `device`.
        optimizer: Over the modules' parameters. A group may carry `lr_scale`, a factor on the rate.
        schedule: Learning rate and number of steps. Not part of the checkpoint: a longer schedule
            continues the run.
        seed: Seeds every step together with its number.
        checkpoint_every: Steps between checkpoints.
        log_every: Steps that one line of the log averages over.
        bf16: Run the steps under bf16 autocast; weights and optimizer stay float32.
        ema: Decay of an exponential average of the weights, or None for no average.
        clip: Largest norm of the gradient.
        workers: Processes that draw ahead; None: none on a CPU, which they would only slow down.

    Attributes:
        device: Where the modules are.
        rank: Number of this process where several train together; the first one writes.
    """

    def __init__(
        self,
        stage: str,
        workdir: Path,
        modules: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        seed: int,
        checkpoint_every: int = 200,
        log_every: int = 25,
        bf16: bool = False,
        ema: float | None = None,
        clip: float = 1.0,
        workers: int | None = None,
    ) -> None:
        self.stage, self.folder = stage, workdir / stage
        self.log = Log(self.folder)
        self.modules, self.optimizer, self.schedule = dict(modules), optimizer, schedule
        self.seed, self.checkpoint_every, self.log_every = seed, checkpoint_every, log_every
        self.bf16, self.ema, self.clip = bf16, ema, clip
        self.rank = together.join()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        ahead = min(_WORKERS, os.cpu_count() - 1) if self.device.type == "cuda" else 0
        self.workers = ahead if workers is None else workers
        self.folder.mkdir(parents=True, exist_ok=True)
        for module in modules.values():
            module.to(self.device)
        self._begin()
        self.averages = {k: copy.deepcopy(m).eval() for k, m in modules.items()} if ema else {}
        self.step = 0
        self._stop = False
        self._sums: dict[str, float] = {}
        self._since = 0
        if (self.folder / "last.pt").exists():
            self._load()

    def run(
        self,
        draw: DrawFn,
        step_fn: StepFn,
        evaluate: EvaluateFn | None = None,
        evaluate_every: int = 1000,
        until: int | None = None,
    ) -> dict[str, float]:
        """Trains from the last checkpoint to the end of the schedule (or to step `until`).

        Args:
            draw: Given the step's number and its own random generator, returns what the step
                learns from, on the CPU.
            step_fn: Given that, returns the losses; the entry "loss" is what is minimised, the
                others are logged.
            evaluate: Measures the modules (the averages, with `ema`); logged.
            evaluate_every: Steps between evaluations; one more follows the last step.
            until: Stop early, as a kill would, but saved.

        Returns:
            The losses of the last line of the log.

        Raises:
            SystemExit: After SIGTERM, once the state is saved.
        """
        end = self.schedule.steps if until is None else min(until, self.schedule.steps)
        previous = signal.signal(signal.SIGTERM, self._on_sigterm)
        started, last = time.monotonic(), {}
        try:
            for drawn in draws(draw, self._rng, range(self.step, end), self.workers):
                self._train_step(step_fn, drawn)
                if self.step % self.log_every == 0 or self.step == end:
                    last = self._log(time.monotonic() - started)
                if evaluate and (self.step % evaluate_every == 0 or self.step == end):
                    self._evaluate(evaluate)
                if self.step % self.checkpoint_every == 0:
                    self.save()
                if self._stop:
                    break
            self.save()
            if not self._stop:  # else they stop at different steps
                together.wait()
        finally:
            signal.signal(signal.SIGTERM, previous)
        if self._stop:
            raise SystemExit(f"{self.stage}: stopped and saved at step {self.step}")
        return last

    def _rng(self, step: int) -> random.Random:
        return random.Random(f"{self.seed}/{self.stage}/{step}" + f"/{self.rank}" * (self.rank > 0))

    def _train_step(self, step_fn: StepFn, drawn: Any) -> None:
        torch.manual_seed(self._rng(self.step).getrandbits(63))
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.at(self.step) * group.get("lr_scale", 1.0)
        for module in self.modules.values():
            module.train()
        with self._autocast():
            losses = step_fn(drawn)
        self.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        params = [p for g in self.optimizer.param_groups for p in g["params"]]
        norm = nn.utils.clip_grad_norm_(params, self.clip)
        assert torch.isfinite(norm), f"{self.stage}: gradient {norm} at step {self.step}"
        self.optimizer.step()
        self.step += 1
        together.average(params, self.step)
        self._average()
        for key, value in losses.items():
            scalar = value.item() if isinstance(value, torch.Tensor) else float(value)
            self._sums[key] = self._sums.get(key, 0.0) + scalar
        self._since += 1

    def _autocast(self) -> AbstractContextManager[Any]:
        if not self.bf16:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    @torch.no_grad()
    def _average(self) -> None:
        if not self.averages:
            return
        decay = min(self.ema, (1 + self.step) / (10 + self.step))  # young averages forget quickly
        for key, average in self.averages.items():
            source, target = self.modules[key].state_dict(), average.state_dict()
            for name, value in target.items():
                if value.is_floating_point():
                    value.lerp_(source[name], 1 - decay)
                else:
                    value.copy_(source[name])

    def _log(self, seconds: float) -> dict[str, float]:
        line = {k: v / self._since for k, v in self._sums.items()}
        self._sums, self._since = {}, 0
        self._write({"step": self.step, "seconds": round(seconds, 1), **line})
        return line

    def _evaluate(self, evaluate: EvaluateFn) -> None:
        if self.rank:
            return
        for module in self.modules.values():
            module.eval()
        with torch.no_grad():
            figures = evaluate()
        self._write({"step": self.step, **{f"eval/{k}": v for k, v in figures.items()}})

    def _write(self, line: dict[str, float]) -> None:
        if self.rank:
            return
        self.log.write(line)
        text = " ".join(f"{k} {v:.4g}" for k, v in line.items() if k != "step")
        print(f"{self.stage} {self.step}/{self.schedule.steps} {text}", flush=True)

    def save(self) -> None:
        """Writes `last.pt` (whole or not at all) and draws the curve."""
        if self.rank:
            return
        state = {
            "step": self.step,
            "modules": {k: m.state_dict() for k, m in self.modules.items()},
            "averages": {k: m.state_dict() for k, m in self.averages.items()},
            "optimizer": self.optimizer.state_dict(),
            "sums": self._sums,
            "since": self._since,
        }
        with whole(self.folder / "last.pt") as part:
            torch.save(state, part)
        self.log.draw()

    def _begin(self) -> None:
        """Takes the weights that `start.pt` brings, where another checkpoint is gone on from."""
        if not (start := self.folder / "start.pt").exists():
            return
        state = torch.load(start, weights_only=True, map_location="cpu")
        with _fitting(start):
            for key, weights in state.items():
                unknown = self.modules[key].load_state_dict(weights, strict=False).unexpected_keys
                assert not unknown, f"{self.stage}: {unknown} in start.pt"

    def _load(self) -> None:
        last = self.folder / "last.pt"
        state = torch.load(last, weights_only=True, map_location="cpu")
        self.step, self._sums, self._since = state["step"], state["sums"], state["since"]
        scales = [group.get("lr_scale", 1.0) for group in self.optimizer.param_groups]
        with _fitting(last):
            self.optimizer.load_state_dict(state["optimizer"])
            for key, module in self.modules.items():
                module.load_state_dict(state["modules"][key])
            for key, average in self.averages.items():
                average.load_state_dict(state["averages"][key])
        for group, scale in zip(self.optimizer.param_groups, scales, strict=True):
            group["lr_scale"] = scale  # as it is set now, like the schedule
        if self.rank:
            return
        self.log.drop_after(self.step)
        print(f"{self.stage}: resumed at step {self.step}", flush=True)

    def _on_sigterm(self, number: int, frame: FrameType | None) -> None:
        self._stop = True


@contextmanager
def _fitting(file: Path) -> Iterator[None]:
    """Says so where a checkpoint does not fit what is trained now."""
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as fault:
        raise UserError(
            "sizes, frozen layers and ema cannot change while a run goes on: "
            f"set them back, or remove {file}"
        ) from fault


def trained(workdir: Path, stage: str) -> dict[str, dict[str, torch.Tensor]]:
    """State dicts of a stage's modules by name: the averages where the stage keeps them.

    Of a stage that never ran it is what `start.pt` brings.

    Raises:
        UserError: The stage has no checkpoint in `workdir`.
    """
    last, start = (workdir / stage / name for name in ("last.pt", "start.pt"))
    if last.exists():
        state = torch.load(last, weights_only=True, map_location="cpu")
        return state["averages"] or state["modules"]
    if start.exists():
        return torch.load(start, weights_only=True, map_location="cpu")
    raise UserError(f"there is no {last}: run 'train {stage}' first")
