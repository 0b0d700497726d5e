"""How alike two voices are, by a speaker encoder that has no part in making them.

Resemblyzer (Apache-2.0, weights in the wheel), a GE2E encoder trained to tell people apart. Its
package asks for a webrtcvad that has to be compiled, so it is not in the extras:
`pip install --no-deps resemblyzer`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voicechat.clock import SPEAKER_RATE
from voicechat.errors import UserError


class SpeakerEncoder:
    """Recordings of one voice as a vector [256] of length 1.

    Raises:
        UserError: The package is not installed.
    """

    def __init__(self) -> None:
        try:
            import resemblyzer
        except ImportError as error:
            raise UserError(
                "install a speaker encoder: pip install --no-deps resemblyzer"
            ) from error
        self._prepare = resemblyzer.preprocess_wav
        self._encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)

    def embed(self, pcm: np.ndarray, rate: int = SPEAKER_RATE) -> np.ndarray:
        """The vector of one recording, [samples] float32."""
        return self._encoder.embed_utterance(self._prepare(pcm, rate))

    def voice(self, recordings: Sequence[np.ndarray]) -> np.ndarray:
        """The vector of a voice: the mean of its recordings'."""
        mean = np.mean([self.embed(pcm) for pcm in recordings], axis=0)
        return mean / np.linalg.norm(mean)

    def similarity(self, recordings: Sequence[np.ndarray], voice: np.ndarray) -> float:
        """Mean cosine of recordings to a voice [256]."""
        return float(np.mean([self.embed(pcm) @ voice for pcm in recordings]))

    def nearer(
        self, recordings: Sequence[np.ndarray], own: np.ndarray, other: np.ndarray
    ) -> list[bool]:
        """Whether each recording is nearer to the voice `own` [256] than to `other`."""
        embedded = [self.embed(pcm) for pcm in recordings]
        return [bool(vector @ own > vector @ other) for vector in embedded]
