"""Sample rates of devices, made ours while they stream."""

from __future__ import annotations

import numpy as np
import samplerate


class Resampler:
    """Converts a stream piece by piece; any cutting of it gives the same samples.

    libsamplerate's `sinc_fastest`: about 1 ms of lag, 70 us a block of 20 ms. Converting each
    block by itself would click at every border.
    """

    def __init__(self, rate_in: float, rate_out: float) -> None:
        self._ratio = rate_out / rate_in
        self._converter = None if rate_in == rate_out else samplerate.Resampler("sinc_fastest")

    def process(self, pcm: np.ndarray) -> np.ndarray:
        """Takes `[samples]` int16 and gives what is ready of them at the other rate, int16."""
        if self._converter is None:
            return pcm
        out = self._converter.process(pcm.astype(np.float32) / 32768, self._ratio)
        return to_int16(out)


def to_int16(pcm: np.ndarray) -> np.ndarray:
    """Floats within -1..1 as int16; what exceeds is clipped."""
    return np.clip(np.rint(pcm * 32768), -32768, 32767).astype(np.int16)


class Blocks:
    """Cuts a stream of pieces of any size into blocks of one size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rest = np.zeros(0, dtype=np.int16)

    def cut(self, pcm: np.ndarray) -> list[np.ndarray]:
        """Takes `[samples]` int16; gives the whole blocks there are now, and keeps the rest."""
        pcm = np.concatenate((self._rest, pcm))
        whole = len(pcm) // self._size * self._size
        self._rest = pcm[whole:]
        return list(pcm[:whole].reshape(-1, self._size))
