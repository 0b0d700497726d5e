"""Detectors on real speech and on what is none."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voicechat.audio.wav import read_wav
from voicechat.clock import FRAME, MIC_RATE
from voicechat.config import TurnsConfig
from voicechat.evaluation.sound import clicks, judge, music, pink, voiced
from voicechat.turns.detector import CHUNK, Detector, Silero, make_detector

DATA = Path(__file__).parents[1] / "data"
SECONDS = 6


def detector(name: str) -> Detector:
    return make_detector(TurnsConfig(detector=name))


def speech() -> np.ndarray:
    return np.concatenate([read_wav(path) for path in sorted(DATA.glob("*.wav"))])


@pytest.mark.parametrize(
    ("name", "recall", "false_alarms"),
    [("silero", 0.95, 0.1), ("both", 0.95, 0.1), ("webrtcvad", 0.95, 0.25)],
)
def test_speech_is_found_and_silence_is_not(name: str, recall: float, false_alarms: float) -> None:
    pcm = speech()
    found, truth = judge(detector(name), pcm) > 0.5, voiced(pcm)
    late = np.convolve(truth, np.ones(5))[: len(truth)] > 0  # hangover is no false alarm
    assert found[truth].mean() > recall
    assert found[~late].mean() < false_alarms


@pytest.mark.parametrize("name", ["silero", "both"])
@pytest.mark.parametrize("noise", [clicks, music, pink])
def test_the_default_is_not_triggered_by_noises(
    name: str, noise: Callable[[int], np.ndarray]
) -> None:
    pcm = noise(SECONDS * MIC_RATE)
    pcm = 3000 * pcm / pcm.std() if noise is pink else pcm
    assert (judge(detector(name), pcm) > 0.5).mean() < 0.02


def test_silero_is_what_its_package_computes() -> None:
    oracle_module = pytest.importorskip("silero_vad")
    torch = pytest.importorskip("torch")
    oracle = oracle_module.load_silero_vad(onnx=True)
    pcm = read_wav(DATA / "question.wav")
    chunks = pcm[: len(pcm) // CHUNK * CHUNK].reshape(-1, CHUNK)
    expected = [
        float(oracle(torch.from_numpy(chunk.astype(np.float32) / 32768), MIC_RATE))
        for chunk in chunks
    ]
    ours = judge(Silero(), pcm)
    seen = [(k + 1) * CHUNK for k in range(len(chunks))]
    at = [-(-samples // FRAME) - 1 for samples in seen]
    np.testing.assert_allclose(ours[at[:-1]], expected[:-1], atol=1e-5)


def test_detecting_speech_needs_no_torch() -> None:
    assert importlib.util.find_spec("torch"), "this test is vain without torch"
    check = (
        "import sys, numpy as np; from voicechat.turns.detector import Silero;"
        "Silero().probability(np.zeros(320, np.int16)); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
