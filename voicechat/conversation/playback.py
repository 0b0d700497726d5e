"""The reply on its way to the speaker, and the ledger of what was heard of it.

    reply   |===heard===|--in the ring--|......made......|   (engine still makes more)
            0         heard          position           made

Only as much as the cushion is handed out, so that a stop is a stop. `heard` counts what the DAC
consumed, which is exact once the ring is empty after a flush.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from voicechat.clock import SPEAKER_RATE, speaker_samples
from voicechat.config import AudioConfig, BargeInConfig

UNDERRUNS_BEFORE_MORE_CUSHION = 2
WINDOW = SPEAKER_RATE // 100  # a silence to resume from is 10 ms


class Playback:
    """One reply at a time, from its first sample to the last one heard.

    Attributes:
        made: `[samples]` int16, 24 kHz: the reply as far as the engine made it.
        heard: how many of them the DAC consumed.
        drained: the ring is known to hold nothing of ours.
    """

    def __init__(self, audio: AudioConfig, barge_in: BargeInConfig) -> None:
        self._cushion = speaker_samples(audio.cushion_ms)
        self._cushion_max = speaker_samples(audio.cushion_max_ms)
        self._slope = 1 / speaker_samples(barge_in.ramp_ms)
        self._duck_gain = barge_in.duck_gain
        self._backtrack = speaker_samples(barge_in.backtrack_ms)
        self.fade = speaker_samples(barge_in.fade_ms)
        self._underruns = 0
        self.drained = True
        self._ring: deque[tuple[int, int]] = deque()  # (start, stop) handed out, not yet consumed
        self.begin()

    def begin(self) -> None:
        """A new reply; the old one must have left the ring."""
        assert self.drained, "a reply began over another"
        self.made = np.zeros(0, dtype=np.int16)
        self.final = self.playing = False
        self.heard = self._position = 0
        self._gain = self._gain_wanted = 1.0

    def append(self, pcm: np.ndarray, final: bool) -> None:
        """The engine made more."""
        if len(pcm):
            self.made = np.concatenate([self.made, pcm])
        self.final |= final

    @property
    def ready(self) -> bool:
        """Enough is made to begin, and nothing old sounds any more."""
        enough = self.final or len(self.made) >= self._cushion
        return self.drained and enough and len(self.made) > 0

    @property
    def finished(self) -> bool:
        """Nothing more will come, and all was heard."""
        return self.final and self.heard == len(self.made)

    def report(self, consumed: int, played: int) -> None:
        """Books what the DAC consumed in the last tick: `played` samples of ours, the rest fill."""
        while played:
            assert self._ring, f"the speaker played {played} samples that it was never given"
            start, stop = self._ring.popleft()
            used = min(played, stop - start)
            if start + used < stop:
                self._ring.appendleft((start + used, stop))
            self.heard = max(self.heard, start + used)
            played -= used
            consumed -= used
        if consumed:
            self._ran_dry()
        self.drained |= self.playing and not self._ring

    def _ran_dry(self) -> None:
        """Fill was played: the ring was empty, be it for a flush, an end, or an underrun."""
        late = self.playing and not self._ring and self._position < len(self.made)
        self._underruns += late
        if self._underruns >= UNDERRUNS_BEFORE_MORE_CUSHION:
            self._cushion = self._cushion_max
        if not self.playing:
            self._ring.clear()  # a flush dropped it
            self.drained = True

    def next(self) -> np.ndarray:
        """What to hand to the speaker now: `[samples]` int16, 24 kHz, perhaps none."""
        if not self.playing:
            return self.made[:0]
        held = sum(stop - start for start, stop in self._ring)
        stop = min(self._position + max(0, self._cushion - held), len(self.made))
        pcm = self._shape(self.made[self._position : stop])
        if len(pcm):
            self._ring.append((self._position, stop))
            self._position, self.drained = stop, False
        return pcm

    def play(self) -> None:
        """Starts, or resumes: from the quietest moment shortly before the pause, rising."""
        assert self.drained, "playing over what still sounds"
        self.playing, self._gain_wanted = True, 1.0
        self._gain = 0.0 if self.heard else 1.0
        self._position = self._pick_up()

    def pause(self) -> None:
        """Hands out no more; the caller flushes the ring. Drained after the next fill."""
        self.playing = False

    def duck(self, on: bool) -> None:
        """Softer, or at full level again, by a ramp."""
        self._gain_wanted = self._duck_gain if on else 1.0

    def _pick_up(self) -> int:
        if self.final and len(self.made) - self.heard < self._backtrack:
            return self.heard  # so little is left that saying it twice would be odd
        first = max(0, self.heard - self._backtrack)
        windows = (self.heard - first) // WINDOW
        if not windows:
            return first
        last = self.made[self.heard - windows * WINDOW : self.heard].astype(np.float64)
        quietest = int(np.argmin((last.reshape(windows, WINDOW) ** 2).sum(axis=1)))
        return self.heard - (windows - quietest) * WINDOW

    def _shape(self, pcm: np.ndarray) -> np.ndarray:
        """Applies the gain, which moves towards the wanted one by a ramp."""
        if self._gain == self._gain_wanted == 1.0 or not len(pcm):
            return pcm
        way = np.arange(1, len(pcm) + 1) * self._slope
        down = self._gain_wanted < self._gain
        gain = self._gain - way if down else self._gain + way
        gain = np.maximum(gain, self._gain_wanted) if down else np.minimum(gain, self._gain_wanted)
        self._gain = float(gain[-1])
        return np.rint(pcm * gain).astype(np.int16)
