"""Is this frame speech? Several detectors behind one protocol; the only importer of webrtcvad.

webrtcvad costs 5 us a frame and takes keyboards, music and steady noise for speech; Silero costs
150 us a chunk and does not.
"""

from __future__ import annotations

from collections import deque
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from voicechat.audio.resample import Blocks
from voicechat.clock import MIC_RATE
from voicechat.config import TurnsConfig

CHUNK = 512  # samples that Silero judges at once
CONTEXT = 64  # samples before them that it wants to see again
WARM_UP_CHUNKS = 12  # heard again when the gate opens: with fewer, Silero misses the onset
GATE_HOLD = 25  # frames that the gate stays open for


class Detector(Protocol):
    """A stream of frames in, how likely the latest is speech out."""

    def probability(self, frame: np.ndarray) -> float:
        """Takes the next `[320]` int16, 16 kHz; gives 0 to 1."""


class WebRtc:
    """WebRTC's detector: cheap, yes or no.

    Args:
        mode: 0 to 3; the higher, the less it takes for speech.
    """

    def __init__(self, mode: int) -> None:
        import webrtcvad

        self._vad = webrtcvad.Vad(mode)

    def probability(self, frame: np.ndarray) -> float:
        """1 or 0."""
        return float(self._vad.is_speech(frame.tobytes(), MIC_RATE))


class Silero:
    """Silero VAD 6 by onnxruntime; the weights come with the package `silero-vad`.

    Equal to `silero_vad.utils_vad.OnnxWrapper`, whose package would import torch.
    """

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(_silero_weights()), options, providers=["CPUExecutionProvider"]
        )
        self.reset()

    def reset(self) -> None:
        """Forgets what was heard."""
        self._blocks = Blocks(CHUNK)
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros(CONTEXT, dtype=np.float32)
        self._latest = 0.0

    def probability(self, frame: np.ndarray) -> float:
        """That of the last whole chunk: at most 32 ms old."""
        for chunk in self._blocks.cut(frame):
            self._latest = self._judge(chunk.astype(np.float32) / 32768)
        return self._latest

    def _judge(self, chunk: np.ndarray) -> float:
        seen = np.concatenate((self._context, chunk))
        inputs = {"input": seen[None], "state": self._state, "sr": np.array(MIC_RATE)}
        output, self._state = self._session.run(None, inputs)
        self._context = chunk[-CONTEXT:]
        return float(output[0, 0])


class Gated:
    """Silero, asked only around what webrtcvad takes for speech."""

    def __init__(self, gate: WebRtc, judge: Silero) -> None:
        self._gate, self._judge = gate, judge
        self._open = 0
        self._missed: deque[np.ndarray] = deque(maxlen=WARM_UP_CHUNKS * CHUNK // 320)

    def probability(self, frame: np.ndarray) -> float:
        """Silero's, and 0 while the gate is shut."""
        if self._gate.probability(frame):
            self._open = GATE_HOLD
        if not self._open:
            self._missed.append(frame)
            return 0.0
        self._open -= 1
        if self._missed:
            self._judge.reset()
            for missed in self._missed:
                self._judge.probability(missed)
            self._missed.clear()
        return self._judge.probability(frame)


def make_detector(config: TurnsConfig) -> Detector:
    """The detector that the settings ask for."""
    match config.detector:
        case "webrtcvad":
            return WebRtc(config.webrtcvad_mode)
        case "silero":
            return Silero()
        case "both":
            return Gated(WebRtc(config.webrtcvad_mode), Silero())


def _silero_weights() -> Path:
    spec = find_spec("silero_vad")  # finds the package without running it
    assert spec and spec.origin, "silero-vad is not installed"
    return Path(spec.origin).parent / "data" / "silero_vad.onnx"
