"""Which words of a reply have been said after so many of its samples."""

from __future__ import annotations

import numpy as np


def heard_text(text: str, pcm: np.ndarray, samples: int, whole: bool) -> str:
    """The words of `text` that `pcm[:samples]` says: a prefix of `text`.

    Args:
        text: the reply's text as far as it is known.
        pcm: `[samples]` int16, 24 kHz: the reply as far as it is made.
        samples: how much of it was heard.
        whole: `pcm` says all of `text`.
    """
    share = samples / max(1, len(pcm)) if whole else samples / 24_000 * 15 / max(1, len(text))
    if share >= 1:
        return text
    end = text.rfind(" ", 0, int(share * len(text)) + 1)
    return text[: max(0, end)]
