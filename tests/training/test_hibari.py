"""Pulses of any melody, in a body of any size."""

import numpy as np

from voicechat.training.hibari import envelope_of, moved, pulse_train, turning


def test_a_voice_begins_with_a_pulse_in_the_middle_of_a_frame() -> None:
    voiced = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1], bool)
    hz, turns = turning(voiced, np.linspace(150, 250, 11), 300)
    assert len(hz) == len(turns) == 3300
    assert turns[600] == turns[2280] == 0.0  # 2.5 and 9.5 times 240; it begins at 600 and at 2100
    train = pulse_train(hz, turns)
    assert train[600] == train[600:1500].max() == np.floor(11_000 / hz[600])


def test_without_a_voice_nothing_turns() -> None:
    hz, turns = turning(np.zeros(4, bool), np.zeros(4), 300)
    assert not turns.any() and np.isfinite(pulse_train(hz, turns)).all()


def test_a_longer_throat_moves_a_formant_down() -> None:
    spectrum = np.zeros((601, 3), np.float32)
    spectrum[100] = 1.0
    assert moved(spectrum, 0.87).argmax(axis=0).tolist() == [87, 87, 87]


def test_the_envelope_joins_the_harmonics() -> None:
    magnitude = np.full((601, 2), -9.0, np.float32)
    magnitude[10::10] = 1.0  # harmonics of 200 Hz, and nothing between
    joined = envelope_of(magnitude, np.array([200.0, 0.0]))
    assert np.allclose(joined[10:540, 0], 1.0) and np.array_equal(joined[:, 1], magnitude[:, 1])
