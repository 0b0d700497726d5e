"""What a sound of the user over a reply is: a noise, speech, a turn, or nothing.

ticks of voice   0 ──── duck ──── stop ─────────── backchannel ──▶
                   -       NOISE        SPEECH                 TURN
then silence          TURN, if it hissed as words do ("stop"); else NOTHING (a cough, "mm-hm")
"""

from __future__ import annotations

from collections import deque

import numpy as np

from voicechat.audio.levels import SILENCE_DB, dbfs
from voicechat.clock import FRAME, MIC_RATE, ticks
from voicechat.config import BargeInConfig
from voicechat.conversation.floor import REPLYING, Cue, Floor
from voicechat.turns.taker import State, TurnTaker

# Of the words that people stop a machine with most have an s, f, ch or p; "uh-huh" and "yeah" have
# none. By voices of espeak-ng and flite, 53 of 56 words with an s hissed for two frames, and 1 of
# 54 back-channels. A "wait" is not told from a "right".
HISS_HZ = 3000
HISS_SHARE = 0.5  # of a frame's energy is above that
HISS_DB = 24.0  # an s is at most so much softer than the loudest vowel; the room is not meant
HISS_TICKS = ticks(40)
BEFORE = ticks(160)  # an s at the beginning goes before what a detector takes for voice


class BargeIn:
    """Judges the user's sound while a reply is being made or sounds.

    Args:
        config: the limits.
        open_speakers: the microphone hears the assistant and nothing cancels it: be slower.
    """

    def __init__(self, config: BargeInConfig, open_speakers: bool) -> None:
        self._duck = ticks(config.duck_ms)
        self._stop = ticks(config.stop_open_ms if open_speakers else config.stop_ms)
        self._backchannel = ticks(config.backchannel_ms)
        self._silence = ticks(config.backchannel_silence_ms)
        self._patience = ticks(config.resume_ms)
        self._paused_ticks = 0
        self._sound: list[tuple[float, bool]] = []  # level and hiss of each frame of it

    def judge(self, floor: Floor, taker: TurnTaker, frame: np.ndarray) -> Cue | None:
        """One tick's verdict, given what the taker has made of `frame`, `[320]` int16, 16 kHz."""
        self._paused_ticks = self._paused_ticks + 1 if floor is Floor.PAUSED else 0
        if floor not in REPLYING:
            self._sound = []
            return None
        self._sound = [*self._sound, (dbfs(frame), hisses(frame))]
        if taker.voiced_ticks == 0:
            self._sound = self._sound[-BEFORE:]
        match floor:
            case Floor.THINKING | Floor.SPEAKING:
                return Cue.NOISE if taker.voiced_ticks >= self._duck else None
            case Floor.DUCKED if taker.voiced_ticks >= self._stop and taker.silent_ticks == 0:
                return Cue.SPEECH
            case Floor.DUCKED | Floor.PAUSED | Floor.WITHHELD:
                return self._judge_sound(taker)
        return None

    def _judge_sound(self, taker: TurnTaker) -> Cue | None:
        if taker.voiced_ticks >= self._backchannel:
            return Cue.TURN
        if taker.state is State.QUIET or self._paused_ticks >= self._patience:
            return Cue.NOTHING
        if taker.silent_ticks < self._silence:
            return None
        return Cue.TURN if self._hiss_ticks() >= HISS_TICKS else Cue.NOTHING

    def _hiss_ticks(self) -> int:
        loudest_db = max(level for level, _ in self._sound)
        return sum(hiss and level > loudest_db - HISS_DB for level, hiss in self._sound)


def hisses(frame: np.ndarray) -> bool:
    """Whether much of the frame's energy is high, as in an s."""
    spectrum = np.abs(np.fft.rfft(frame * _WINDOW)) ** 2
    return bool(spectrum[_HIGH:].sum() > HISS_SHARE * spectrum.sum())


_WINDOW = np.hanning(FRAME)
_HIGH = HISS_HZ * FRAME // MIC_RATE


class Nearness:
    """Tells the user from people further away, by level.

    The user's level is the loudest of the turns so far, slowly forgotten; a voice softer by more
    than `distance_db` is somebody else's.
    """

    FORGETS_DB = 0.02  # a frame of speech: 1 dB a second
    SYLLABLE = ticks(200)

    def __init__(self, distance_db: float) -> None:
        self._distance_db = distance_db
        self._user_db = SILENCE_DB
        self._latest: deque[float] = deque(maxlen=self.SYLLABLE)

    def advance(self, frame: np.ndarray, users: bool) -> bool:
        """Takes a frame and whether it surely is the user's; gives whether it may be."""
        self._latest.append(dbfs(frame))
        if users:
            self._user_db = max(self._latest[-1], self._user_db - self.FORGETS_DB)
        return max(self._latest) >= self._user_db - self._distance_db
