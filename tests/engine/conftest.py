"""A tiny checkpoint on disk, loaded once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.engine import tiny
from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import Checkpoint, load

SETTINGS = {
    "system_prompt": "You are Tiny.",
    "thinker": {"max_new_tokens": 8},
    "talker": {"max_new_tokens": 26, "repetition_penalty": 1.05},
    "token2wav": {"num_steps": 2, "solver": "euler"},
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder."""
    return tiny.save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def config(folder: Path) -> ModelConfig:
    """Greedy, and short replies; on CPU also where there is more (see test_gpu.py)."""
    return ModelConfig(name=str(folder), device="cpu", greedy=True, settings=SETTINGS)


@pytest.fixture(scope="session")
def checkpoint(config: ModelConfig) -> Checkpoint:
    """The checkpoint as the engine gets it. Shared: do not change it."""
    return load(config)


@pytest.fixture
def ended(checkpoint: Checkpoint):
    """Makes a checkpoint whose replies end where a token or code comes."""

    def end(text: int | None = None, code: int | None = None) -> Checkpoint:
        eos = checkpoint.eos if text is None else (text,)
        return replace(
            checkpoint, eos=eos, talker_eos=checkpoint.talker_eos if code is None else (code,)
        )

    return end


@pytest.fixture
def speech():
    """Makes sound that resembles nothing, and never the same twice."""

    def make(seconds: float, seed: int = 0) -> np.ndarray:
        noise = np.random.default_rng(seed).normal(0, 3000, int(16_000 * seconds))
        return (noise * np.linspace(1, 0.2, len(noise))).astype(np.int16)

    return make
