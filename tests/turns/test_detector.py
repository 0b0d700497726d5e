"""Detectors on real speech and on what is none."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from voicechat.audio.wav import read_wav
from voicechat.clock import FRAME, MIC_RATE
from voicechat.config import TurnsConfig
from voicechat.turns.detector import CHUNK, Detector, Silero, make_detector

DATA = Path(__file__).parents[1] / "data"
SECONDS = 6


def judge(detector: Detector, pcm: np.ndarray) -> np.ndarray:
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    return np.array([detector.probability(frame) for frame in frames])


def detector(name: str) -> Detector:
    return make_detector(TurnsConfig(detector=name))


def speech() -> np.ndarray:
    return np.concatenate([read_wav(path) for path in sorted(DATA.glob("*.wav"))])


def voiced(pcm: np.ndarray) -> np.ndarray:
    """Which frames hold speech, by their level: the recordings are clean."""
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    level = np.sqrt((frames**2).mean(axis=1))
    return level > 0.05 * level.max()


def clicks() -> np.ndarray:
    """A keyboard: 8 short bursts a second."""
    random = np.random.default_rng(1)
    pcm = np.zeros(SECONDS * MIC_RATE)
    for start in random.integers(0, len(pcm) - 200, 8 * SECONDS):
        pcm[start : start + 200] += random.normal(0, 9000, 200) * np.exp(-np.arange(200) / 30)
    return pcm


def music() -> np.ndarray:
    """Chords of plucked strings, two a second."""
    time_s = np.arange(SECONDS * MIC_RATE) / MIC_RATE
    beat = time_s % 0.5
    roots = 220 * 2 ** (np.array([0, 5, 7, 3])[(time_s // 0.5).astype(int) % 4] / 12)
    chord = sum(np.sin(2 * np.pi * roots * k * beat) / k for k in (1, 1.25, 1.5, 2, 3, 4))
    return 5000 * chord * np.exp(-4 * beat)


def pink() -> np.ndarray:
    random = np.random.default_rng(2)
    spectrum = np.fft.rfft(random.standard_normal(SECONDS * MIC_RATE))
    pcm = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)))
    return 3000 * pcm / pcm.std()


def int16(pcm: np.ndarray) -> np.ndarray:
    return np.clip(pcm, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize(
    ("name", "recall", "false_alarms"),
    [("silero", 0.93, 0.25), ("both", 0.93, 0.25), ("webrtcvad", 0.95, 0.5)],
)
def test_speech_is_found_and_silence_is_not(name: str, recall: float, false_alarms: float) -> None:
    pcm = speech()
    found, truth = judge(detector(name), pcm) > 0.5, voiced(pcm)
    late = np.convolve(truth, np.ones(5))[: len(truth)] > 0  # hangover is no false alarm
    assert found[truth].mean() > recall
    assert found[~late].mean() < false_alarms


@pytest.mark.parametrize("name", ["silero", "both"])
@pytest.mark.parametrize("noise", [clicks, music, pink])
def test_the_default_is_not_triggered_by_noises(name: str, noise: object) -> None:
    assert (judge(detector(name), int16(noise())) > 0.5).mean() < 0.02


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
