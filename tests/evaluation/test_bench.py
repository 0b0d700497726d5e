"""The bench on small models: what it compares is the same, and what it reports adds up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Qwen2_5OmniForConditionalGeneration

from tests.engine import tiny
from voicechat.cli import main
from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import load
from voicechat.evaluation.bench import GENERATE, SAME_ODE, SHIPPED, Bench
from voicechat.evaluation.shapes import _config, random_checkpoint

QUESTION = (1000 * np.random.default_rng(1).standard_normal(20_000)).astype(np.int16)


def test_engine_and_generate_say_the_same_and_the_stages_add_up(tmp_path: Path) -> None:
    fewer = {"token2wav": {"num_steps": 2}}
    model = ModelConfig(name=str(tiny.save(tmp_path)), settings=fewer)
    bench = Bench(load(model), model)
    bench.reply("short", QUESTION, codes=40)
    bench.talk(QUESTION, turns=(1, 2))
    assert bench.same_codes() == {"short": True, "turn 1": True, "turn 2": True}
    assert [run.name for run in bench.runs[:3]] == [SAME_ODE, SHIPPED, GENERATE]
    for run in bench.runs:
        assert 0 < run.first_sound_s <= run.total_s
        assert {"thinker", "talker", "dit", "bigvgan"} <= run.stages_s.keys()
        beside = {"dit", "bigvgan"}  # they have a thread of their own
        for lane in (run.stages_s.keys() & beside, run.stages_s.keys() - beside):
            assert sum(run.stages_s[stage] for stage in lane) <= 1.05 * run.total_s, run
    assert all(ratio > 0 for ratio in bench.ratios().values())


def test_random_pocket_speaks_to_its_limit_and_the_command_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("voicechat.evaluation.bench.SHORT_CODES", 30)
    png = tmp_path / "bench.png"
    arguments = ["--shape", "pocket", "--cases", "short", "--png", str(png)]
    assert main(["bench", *arguments]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["same_codes"] == {"short": True}
    assert [run["speech_s"] for run in figures["runs"]] == pytest.approx([0.6, 0.6, 0.6])
    assert png.read_bytes().startswith(b"\x89PNG")


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("shape", ["3b", "7b"])
def test_released_shapes_have_the_published_sizes(shape: str) -> None:
    """Sizes as the technical report and the released configs give them."""
    with torch.device("meta"):
        model = Qwen2_5OmniForConditionalGeneration(_config(shape))
    size = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    language = sum(p.numel() for p in model.thinker.model.language_model.parameters())
    assert size["talker"] == pytest.approx(1.35e9, rel=0.02)
    assert size["token2wav"] == pytest.approx(334e6 + 115e6, rel=0.01)
    assert language == pytest.approx({"3b": 3.1e9, "7b": 7.1e9}[shape], rel=0.03)


def test_the_same_seed_draws_the_same_weights() -> None:
    one, two, other = (random_checkpoint("pocket", ModelConfig(seed=seed)) for seed in (1, 1, 2))
    heads = [checkpoint.model.talker.codec_head.weight for checkpoint in (one, two, other)]
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])
