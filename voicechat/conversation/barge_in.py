"""What a sound of the user over a reply is: a noise, speech, a turn, or nothing.

ticks of voice   0 ──── duck ──── stop ─────────── backchannel ──▶
                   -       NOISE        SPEECH                 TURN
then silence          NOTHING as soon as it was no turn (a cough, an "mm-hm")
"""

from __future__ import annotations

from voicechat.clock import ticks
from voicechat.config import BargeInConfig
from voicechat.conversation.floor import Cue, Floor
from voicechat.turns.taker import State, TurnTaker


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

    def judge(self, floor: Floor, taker: TurnTaker) -> Cue | None:
        """One tick's verdict, given what the taker has heard."""
        self._paused_ticks = self._paused_ticks + 1 if floor is Floor.PAUSED else 0
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
        over = taker.state is State.QUIET or taker.silent_ticks >= self._silence
        return Cue.NOTHING if over or self._paused_ticks >= self._patience else None
