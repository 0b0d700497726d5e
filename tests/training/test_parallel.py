"""A recording is named by codes of another voice that says the same, at its own pace."""

from __future__ import annotations

import numpy as np
import torch

from voicechat.clock import CODE
from voicechat.training.codec import Codec
from voicechat.training.parallel import aligned, parallel, regression, turned
from voicechat.training.speech import Utterance
from voicechat.training.speech_mel import pulses_in
from voicechat.training.teacher import Reading


def vowels(seconds: float) -> np.ndarray:
    """Tones that glide, [samples] float16 at 24 kHz: no two moments sound alike."""
    t = np.linspace(0, 1, round(seconds * 50) * CODE)
    phase = np.cumsum(200 + 3000 * t**2) * seconds / len(t)
    return (0.3 * np.sin(2 * np.pi * phase)).astype(np.float16)


def reading(sound: np.ndarray) -> Reading:
    """On one tone it sounds the same; its pulses rise from 0 to 1."""
    pulses = np.repeat(np.linspace(0, 1, len(sound) // 240)[None], 3, axis=0)
    return Reading(sound, sound, pulses.astype(np.float32))


def test_frames_are_found_again_at_another_pace() -> None:
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((80, 200))
    known = np.cumsum(steps, axis=1) / 5
    places = np.sort(np.r_[0:200, 40:70, 100:160])  # some parts are said slower
    found = aligned(torch.from_numpy(known[:, places]), torch.from_numpy(known)).numpy()
    assert np.abs(found - places).max() <= 3


def test_a_regression_turns_one_timbre_into_another() -> None:
    torch.manual_seed(1)
    said = torch.randn(80, 400)
    brighter = torch.linspace(0.5, 1.5, 80)[:, None]
    weight = regression(said, said * brighter + 2)
    torch.testing.assert_close(turned(said[:, :7], weight), said[:, :7] * brighter + 2,
                               atol=1e-3, rtol=0)  # fmt: skip


def test_codes_at_the_pace_of_the_recording_and_sound_at_the_pace_of_the_codes() -> None:
    torch.manual_seed(1)
    codec, slow, quick = Codec(32).eval(), vowels(2.0), vowels(1.0)
    recorded = Utterance(3, "ah", slow, reading(slow).pulses)
    read = {"ah": reading(quick), "oh": reading(slow)}
    made = parallel(codec, [recorded], read.__getitem__, ["oh"])
    known = codec.codes(Utterance(0, "ah", quick).mel())
    [paced], [converted, more] = made.paced, made.converted
    assert (paced.voice, paced.text, paced.mel.shape) == (3, "ah", (83, 200))
    assert paced.codes[0] == known[0] and paced.codes[-1] == known[-1]
    assert (paced.codes[::2] == known).float().mean() > 0.5
    assert (converted.voice, converted.text, converted.mel.shape) == (3, "ah", (83, 100))
    assert converted.codes.equal(known)
    assert (more.text, more.mel.shape) == ("oh", (83, 200))
    assert (converted.mel[:80].float() - recorded.mel()[:, ::2]).abs().mean() < 1
    torch.testing.assert_close(pulses_in(converted.mel.float())[0], torch.linspace(0, 1, 100),
                               atol=0.01, rtol=0)  # fmt: skip
