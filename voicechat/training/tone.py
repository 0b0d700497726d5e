"""Puts recordings on one tone, as the preset voices speak (see `teacher`).

What the codes do not say the DiT would have to guess, and BigVGAN follows no melody: left with its
own, a new voice said no word. WORLD (Morise et al. 2016) takes pitch and timbre apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from voicechat.clock import SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.training.speech import Utterance

TONE_HZ = 100.0  # or a multiple of it: what BigVGAN's frames of 10 ms can repeat


def on_one_tone(recorded: Sequence[Utterance]) -> list[Utterance]:
    """The recordings of one voice without their melody, on the tone that is nearest to it.

    Raises:
        UserError: WORLD is not installed, or nobody speaks.
    """
    try:
        import pyworld
    except ImportError as error:
        raise UserError("a new voice needs WORLD: pip install '.[train]'") from error
    waves = [u.pcm.astype(np.float64) for u in recorded]
    tracks = [pyworld.harvest(wave, SPEAKER_RATE) for wave in waves]  # `dio` misses by an octave
    voiced = np.concatenate([hz[hz > 0] for hz, _ in tracks])
    if not len(voiced):
        raise UserError("there is no voice in the recordings")
    tone = TONE_HZ * max(1, round(float(np.median(voiced)) / TONE_HZ))
    flat = []
    for utterance, wave, (hz, times) in zip(recorded, waves, tracks, strict=True):
        timbre = pyworld.cheaptrick(wave, hz, times, SPEAKER_RATE)
        breath = pyworld.d4c(wave, hz, times, SPEAKER_RATE)
        still = pyworld.synthesize(np.where(hz > 0, tone, 0.0), timbre, breath, SPEAKER_RATE)
        flat.append(replace(utterance, pcm=still[: len(wave)].astype(np.float16)))
    return flat
