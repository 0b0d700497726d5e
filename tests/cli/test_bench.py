"""`bench` as a command: it asks as it is told to, and no picture costs the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine import tiny
from voicechat.cli import main
from voicechat.config import ModelConfig
from voicechat.engine.local import LocalEngine
from voicechat.evaluation import bench


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[ModelConfig]:
    """How each engine of the bench is asked to speak."""
    options: list[ModelConfig] = []

    def make(checkpoint: object, config: ModelConfig) -> LocalEngine:
        options.append(config)
        return LocalEngine(checkpoint, config)

    monkeypatch.setattr(bench, "LocalEngine", make)
    monkeypatch.setattr(bench, "SHORT_CODES", 30)
    return options


def test_flags_and_settings_reach_the_engine_and_a_picture_that_fails_costs_nothing(
    tmp_path: Path, made: list[ModelConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the picture needs matplotlib")
    flags = ["--persona", "Be brief.", "--seed", "3", "--cases", "short"]
    flags += ["--set", "model.graphs=false", "--set", "model.context_tokens=900"]
    flags += ["--set", "model.settings.token2wav.num_steps=2"]
    flags += ["--png", str(tmp_path / "no" / "p.png")]
    assert main(["bench", "--model", str(tiny.save(tmp_path / "tiny")), *flags]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out.splitlines()[-1])["same_codes"] == {"short": True}
    assert "p.png: cannot be written" in said.err.splitlines()[-1]
    assert len(made) == 2
    for one in made:
        assert (one.persona, one.seed, one.greedy) == ("Be brief.", 3, True)
        assert (one.graphs, one.context_tokens) == (False, 900)
