"""A recording is named by codes of another voice that says the same, at its own pace."""

from __future__ import annotations

import numpy as np
import torch

from voicechat.clock import CODE
from voicechat.training.codec import Codec
from voicechat.training.parallel import aligned, label_parallel
from voicechat.training.speech import Utterance


def vowels(seconds: float) -> np.ndarray:
    """Tones that glide, [samples] float16 at 24 kHz: no two moments sound alike."""
    t = np.linspace(0, 1, round(seconds * 50) * CODE)
    phase = np.cumsum(200 + 3000 * t**2) * seconds / len(t)
    return (0.3 * np.sin(2 * np.pi * phase)).astype(np.float16)


def test_frames_are_found_again_at_another_pace() -> None:
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((80, 200))
    known = np.cumsum(steps, axis=1) / 5
    places = np.sort(np.r_[0:200, 40:70, 100:160])  # some parts are said slower
    assert np.abs(aligned(known[:, places], known) - places).max() <= 3


def test_codes_are_the_readers_at_the_times_of_the_recording() -> None:
    torch.manual_seed(1)
    codec, slow, quick = Codec(32).eval(), vowels(2.0), vowels(1.0)
    [item] = label_parallel(codec, [Utterance(3, "ah", slow)], lambda text: quick)
    assert (item.voice, item.text, item.mel.shape) == (3, "ah", (80, 200))
    known = codec.codes(Utterance(0, "ah", quick).mel())
    assert item.codes[0] == known[0] and item.codes[-1] == known[-1]
    assert (item.codes[::2] == known).float().mean() > 0.5
