"""Loudness."""

from __future__ import annotations

import numpy as np

SILENCE_DB = -96.0  # one step of 16 bits


def dbfs(pcm: np.ndarray) -> float:
    """The RMS level of `[samples]` int16, in dB below a full-scale square wave; at least -96."""
    if len(pcm) == 0:
        return SILENCE_DB
    rms = float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))))
    return max(SILENCE_DB, 20 * float(np.log10(max(rms, 1e-9) / 32768)))
