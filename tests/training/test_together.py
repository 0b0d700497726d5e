"""Several processes that train one network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.training.test_loop import lines
from voicechat.errors import UserError
from voicechat.training.loop import trained
from voicechat.training.stages import stage
from voicechat.training.together import PERIOD

SCRIPT = f"""
import sys
from pathlib import Path
import torch
from tests.training.test_loop import draw, trainer
from voicechat.training import together
folder = Path(sys.argv[1])
run, step = trainer(folder / "work", steps={PERIOD}, ema=None)
for until, name in (({PERIOD} - 1, "apart"), ({PERIOD}, "met")):
    run.run(draw, step, until=until)
    torch.save(run.modules["net"].state_dict(), folder / f"{{name}}{{run.rank}}.pt")
torch.save(together.gather([run.rank, together.processes()]), folder / f"told{{run.rank}}.pt")
"""


def test_processes_learn_apart_and_meet_in_the_middle(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path)], cwd=Path(__file__).parents[2], timeout=120,
        env={**os.environ, "PYTHONPATH": ".", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    apart, met, told = (
        [torch.load(tmp_path / f"{name}{rank}.pt", weights_only=True) for rank in (0, 1)]
        for name in ("apart", "met", "told")
    )
    assert told == [[0, 2, 1, 2]] * 2, "both know what either found"
    assert all(not torch.equal(apart[0][k], apart[1][k]) for k in apart[0])
    assert all(torch.equal(met[0][k], met[1][k]) for k in met[0])
    kept = trained(tmp_path / "work", "toy")["net"]
    assert all(torch.equal(kept[k], met[0][k]) for k in kept)
    steps = [line["step"] for line in lines(tmp_path / "work")]
    assert steps == sorted(set(steps)), "only the first process keeps the log"


def test_a_stage_that_writes_first_takes_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="without torchrun"):
        stage("talker")
    stage("thinker")
