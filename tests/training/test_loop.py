"""The training loop: what it promises to a run that is killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from voicechat.errors import UserError
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.optim import MuonAdamW

SCRIPT = """
import sys, time
from pathlib import Path
from tests.training.test_loop import draw, trainer
print("ready", flush=True)
run, step = trainer(Path(sys.argv[1]))
run.run(draw, lambda drawn: (time.sleep(0.02), step(drawn))[1])
"""


def trainer(workdir: Path, steps: int = 60, ema: float | None = 0.99, workers: int = 0):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.2), nn.Linear(8, 1))
    optimizer = torch.optim.AdamW(net.parameters())
    run = Trainer("toy", workdir, {"net": net}, optimizer, Schedule(steps, 1e-2, 5), seed=3,
                  checkpoint_every=20, log_every=4, ema=ema, workers=workers)  # fmt: skip

    def step(drawn: torch.Tensor):
        seen = torch.randn(4, 8, device=run.device)
        return {"loss": (net(seen) - drawn.to(run.device)).square().mean()}

    return run, step


def draw(number: int, rng: random.Random) -> torch.Tensor:
    return torch.tensor(rng.random())


def lines(workdir: Path) -> list[dict]:
    text = (workdir / "toy" / "log.jsonl").read_text()
    return [
        {k: v for k, v in json.loads(line).items() if k != "seconds"}
        for line in text.split("\n")
        if line
    ]


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_goes_on_with_the_same_losses(tmp_path: Path, kill: signal.Signals) -> None:
    whole, step = trainer(tmp_path / "whole")
    whole.run(draw, step)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "killed")]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    while not (tmp_path / "killed" / "toy" / "last.pt").exists():
        assert process.poll() is None, "ended before its first checkpoint"
        time.sleep(0.05)
    process.send_signal(kill)
    assert process.wait(timeout=30) != 0
    again, step = trainer(tmp_path / "killed")
    assert 20 <= again.step < 60
    again.run(draw, step)
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")
    for ours, theirs in zip(
        *(trained(tmp_path / d, "toy")["net"].values() for d in ("killed", "whole")), strict=True
    ):
        assert torch.equal(ours, theirs)


def test_processes_that_draw_ahead_change_nothing(tmp_path: Path) -> None:
    for workers in (0, 2):
        run, step = trainer(tmp_path / str(workers), workers=workers)
        run.run(draw, step)
    assert lines(tmp_path / "2") == lines(tmp_path / "0")


def test_sigterm_saves_the_very_step(tmp_path: Path) -> None:
    run, step = trainer(tmp_path)

    def until_seven(drawn):
        if run.step == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(drawn)

    with pytest.raises(SystemExit, match="step 7"):
        run.run(draw, until_seven)
    assert trainer(tmp_path)[0].step == 7


def test_the_average_follows_the_weights(tmp_path: Path) -> None:
    run, step = trainer(tmp_path, steps=30, ema=0.5)
    run.run(draw, step)
    average = trained(tmp_path, "toy")["net"]["0.weight"]
    weights = run.modules["net"].state_dict()["0.weight"]
    assert not torch.equal(average, weights)
    torch.testing.assert_close(average, weights, atol=0.05, rtol=0)


def test_a_run_leaves_a_log_and_a_curve(tmp_path: Path) -> None:
    run, step = trainer(tmp_path, steps=12)
    run.run(draw, step, evaluate=lambda: {"answer": 42.0}, evaluate_every=6)
    assert [line["step"] for line in lines(tmp_path) if "eval/answer" in line] == [6, 12]
    assert (tmp_path / "toy" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_schedule_warms_up_and_falls_to_its_floor() -> None:
    schedule = Schedule(steps=100, lr=1.0, warmup=10, floor=0.1)
    rates = [schedule.at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == 1.0
    assert rates[9:] == sorted(rates[9:], reverse=True) and rates[100] == pytest.approx(0.1)


def two_rates(workdir: Path, scale: float, frozen: bool = False) -> Trainer:
    """A network whose head learns at a rate of its own, and whose body may be frozen."""
    net = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))
    net[0].bias.requires_grad_(not frozen)
    groups = [{"params": list(net[1].parameters()), "lr_scale": scale},
              {"params": [p for p in net[0].parameters() if p.requires_grad]}]  # fmt: skip
    optimizer = MuonAdamW(nn.ModuleList([nn.Linear(8, 8)]), groups)
    return Trainer("toy", workdir, {"net": net}, optimizer, Schedule(9, 1e-2, 5), seed=3)


def test_a_run_that_goes_on_learns_at_the_rates_that_are_set_now(tmp_path: Path) -> None:
    two_rates(tmp_path, 0.1).save()
    scales = [g.get("lr_scale") for g in two_rates(tmp_path, 0.5).optimizer.param_groups]
    assert scales == [1.0, 0.5, 1.0, 3.0]


def test_what_cannot_change_while_a_run_goes_on_is_refused(tmp_path: Path) -> None:
    two_rates(tmp_path, 0.1).save()
    with pytest.raises(UserError, match="frozen layers and ema cannot change while a run goes on"):
        two_rates(tmp_path, 0.1, frozen=True)
    trainer(tmp_path / "without", ema=None)[0].save()
    with pytest.raises(UserError, match="frozen layers and ema cannot change"):
        trainer(tmp_path / "without", ema=0.9)
    torch.save({"net": nn.Sequential(nn.Linear(3, 3)).state_dict()}, tmp_path / "toy" / "start.pt")
    (tmp_path / "toy" / "last.pt").unlink()
    with pytest.raises(UserError, match="sizes, frozen layers"):
        two_rates(tmp_path, 0.1)


def test_a_stage_that_never_ran_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run 'train toy' first"):
        trained(tmp_path, "toy")


def test_a_gradient_that_is_no_number_stops_the_run(tmp_path: Path) -> None:
    run, step = trainer(tmp_path)
    with pytest.raises(AssertionError, match="gradient nan at step 0"):
        run.run(draw, lambda drawn: {"loss": step(drawn)["loss"] * float("nan")})
