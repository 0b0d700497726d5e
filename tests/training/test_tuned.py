"""Recordings come near a tone, keep some melody, and it is known where their pulses stand."""

from __future__ import annotations

import numpy as np
import pytest

from voicechat.clock import CODE, SPEAKER_HOP, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import pitch
from voicechat.training.speech import Utterance
from voicechat.training.teacher import MELODY
from voicechat.training.tuned import tuned


def sung(from_hz: float, to_hz: float, codes: int = 60) -> Utterance:
    """Pulses that glide from one pitch to another."""
    hz = np.geomspace(from_hz, to_hz, codes * CODE)
    turns = np.cumsum(hz / SPEAKER_RATE)
    wave = sum(np.cos(2 * np.pi * k * turns) / k for k in range(1, 20))
    return Utterance(2, "ah", (0.05 * wave).astype(np.float16))


@pytest.mark.parametrize(("low", "high", "tone"), [(90, 150, 100), (170, 280, 200)])
def test_a_melody_comes_near_the_nearest_tone(low: float, high: float, tone: float) -> None:
    glides = [sung(low, high), sung(high, low)]
    near = tuned(glides)
    assert [len(u.pcm) for u in near] == [len(u.pcm) for u in glides]
    for utterance, up in zip(near, (1, -1), strict=True):
        first, last = (pitch(half) for half in np.array_split(utterance.pcm.astype("f4"), 2))
        assert np.sqrt(first * last) == pytest.approx(tone, rel=0.05)
        halves = np.log(high / low) / 2  # from the middle of one to the middle of the other
        assert np.log(last / first) == pytest.approx(up * MELODY * halves, abs=0.06)


def test_the_pulses_stand_where_they_are_said_to_stand() -> None:
    """A frame is loudest where its phase says that a pulse is."""
    [still] = tuned([sung(120.0, 120.001)])
    phasors = (still.pulses[0] + 1j * still.pulses[1]).astype(complex)
    frames = still.pcm[: len(still.pulses[0]) * SPEAKER_HOP].reshape(-1, SPEAKER_HOP)
    for phasor, frame in list(zip(phasors, frames, strict=True))[20:-20]:
        expected = (SPEAKER_HOP / 2 - np.angle(phasor) / (2 * np.pi) * SPEAKER_HOP) % SPEAKER_HOP
        late = (np.abs(frame).argmax() - expected) % SPEAKER_HOP
        assert min(late, SPEAKER_HOP - late) < 24  # 1 ms


def test_recordings_without_a_voice_are_refused() -> None:
    with pytest.raises(UserError, match="no voice"):
        tuned([Utterance(2, "hush", np.zeros(100 * CODE, np.float16))])
