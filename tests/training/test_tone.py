"""Recordings lose their melody and keep their words' timbre and length."""

from __future__ import annotations

import numpy as np
import pytest

from voicechat.clock import CODE, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import pitch
from voicechat.training.speech import Utterance
from voicechat.training.tone import on_one_tone


def sung(from_hz: float, to_hz: float, codes: int = 60) -> Utterance:
    """Pulses that glide from one pitch to another."""
    hz = np.geomspace(from_hz, to_hz, codes * CODE)
    turns = np.cumsum(hz / SPEAKER_RATE)
    wave = sum(np.cos(2 * np.pi * k * turns) / k for k in range(1, 20))
    return Utterance(2, "ah", (0.05 * wave).astype(np.float16))


@pytest.mark.parametrize(("low", "high", "tone"), [(90, 150, 100), (170, 280, 200)])
def test_a_melody_becomes_the_nearest_tone(low: float, high: float, tone: float) -> None:
    glides = [sung(low, high), sung(high, low)]
    flat = on_one_tone(glides)
    assert [len(u.pcm) for u in flat] == [len(u.pcm) for u in glides]
    for utterance in flat:
        for half in np.array_split(utterance.pcm.astype(np.float32), 2):
            assert pitch(half) == pytest.approx(tone, rel=0.02)


def test_recordings_without_a_voice_are_refused() -> None:
    with pytest.raises(UserError, match="no voice"):
        on_one_tone([Utterance(2, "hush", np.zeros(100 * CODE, np.float16))])
