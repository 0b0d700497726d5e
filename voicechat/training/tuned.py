"""Tunes recordings as the preset voices speak: around a tone, by pulses of which it is known where.

WORLD (Morise et al. 2016) takes pitch and timbre apart and puts them together again. What the pitch
is pYIN says (Mauch and Dixon 2014): WORLD's own `harvest` took a third to a half of a man's voice
for noise, and the rest to be half an octave too high; its `dio` misses by an octave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import librosa
import numpy as np

from voicechat.clock import SPEAKER_HOP, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.training.speech import Utterance
from voicechat.training.teacher import around

TONE_HZ = 100.0  # or a multiple of it: the frames a second (see `speech_mel`)
WORLD_FRAME_S = 0.005
LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
PYIN_SAMPLES = 1024  # at 24 kHz: two turns of the lowest pitch, and little more
UNVOICED_HZ = 500.0  # of WORLD's pulses where there is no voice (`kDefaultF0`)


def tuned(recorded: Sequence[Utterance]) -> list[Utterance]:
    """The recordings of one voice with as much melody as the presets have.

    Their mean becomes the tone that is nearest.

    Raises:
        UserError: WORLD is not installed, or nobody speaks.
    """
    try:
        import pyworld
    except ImportError as error:
        raise UserError("a new voice needs WORLD: pip install '.[train]'") from error
    waves = [u.pcm.astype(np.float64) for u in recorded]
    pitches = [pitch_of(wave) for wave in waves]
    voiced = np.concatenate([hz[hz > 0] for hz in pitches])
    if not len(voiced):
        raise UserError("there is no voice in the recordings")
    mean = float(np.median(voiced))
    tone, sung = TONE_HZ * max(1, round(mean / TONE_HZ)), []
    for utterance, wave, hz in zip(recorded, waves, pitches, strict=True):
        times = WORLD_FRAME_S * np.arange(len(hz))
        timbre = pyworld.cheaptrick(wave, hz, times, SPEAKER_RATE)
        breath = pyworld.d4c(wave, hz, times, SPEAKER_RATE)
        pitch = np.where(hz > 0, around(tone, np.where(hz > 0, hz, mean) / mean), 0.0)
        pcm = pyworld.synthesize(pitch, timbre, breath, SPEAKER_RATE)[: len(wave)]
        pulses = world_pulses(pitch, len(wave), tone).astype(np.float16)
        sung.append(replace(utterance, pcm=pcm.astype(np.float16), pulses=pulses))
    return sung


def pitch_of(wave: np.ndarray) -> np.ndarray:
    """The pitch of [samples] at 24 kHz every 5 ms, [frames] in Hz, 0 where there is no voice."""
    hop = round(WORLD_FRAME_S * SPEAKER_RATE)
    return librosa.pyin(wave, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=SPEAKER_RATE, fill_na=0.0,
                        frame_length=PYIN_SAMPLES, hop_length=hop)[0]  # fmt: skip


def world_pulses(pitch: np.ndarray, samples: int, tone: float) -> np.ndarray:
    """Where WORLD sets the pulses of a voice, [3, samples / 240] (see `speech_mel.with_pulses`).

    Its `GetTimeBase` and `GetPulseLocations`: the pitch is interpolated between the frames, and a
    pulse stands wherever its sum comes to a whole turn.

    Args:
        pitch: [frames] in Hz, every 5 ms, 0 where there is no voice.
        samples: Length of the sound at 24 kHz.
        tone: The mean pitch.
    """
    frame = np.arange(samples) / (WORLD_FRAME_S * SPEAKER_RATE)
    voiced = np.interp(frame, np.arange(len(pitch)), pitch > 0) > 0.5
    hz = np.where(voiced, np.interp(frame, np.arange(len(pitch)), pitch), UNVOICED_HZ)
    middles = np.arange(SPEAKER_HOP // 2, samples, SPEAKER_HOP)
    angle = 2 * np.pi * (np.cumsum(hz) / SPEAKER_RATE)[middles]
    phasor = voiced[middles] * np.stack([np.cos(angle), np.sin(angle)])
    if not len(at_voice := np.flatnonzero(voiced[middles])):
        return np.zeros((3, len(middles)))
    sung = np.interp(np.arange(len(middles)), at_voice, hz[middles][at_voice])
    return np.vstack([phasor, (sung - tone) * SPEAKER_HOP / SPEAKER_RATE])
