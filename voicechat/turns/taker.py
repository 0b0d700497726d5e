"""When the user's turn starts and ends: a pure fold over one frame a tick.

             start_ms              soft_end_ms            end_ms, if it sounded complete;
             of voice              of silence             longer, if not
    QUIET ─▶ ONSET ──▶ SPEAKING ⇄ LULL ──────▶ ENDING ──────────────────────────▶ QUIET
                          ▲        │             ⇅
                          │        │          RESUMING  start_ms of voice: the same turn
                          └────────┼─────────────┘
                                   └─▶ QUIET, if there was too little voice

Audio is handed out as it comes while the user speaks; from the soft end on it is held back, so that
an answer begun at the soft end stands on exactly what was fed. If the user goes on, `Resumed` hands
out what was held. No frame of a turn is handed out twice, and none is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import numpy as np

from voicechat.clock import ticks
from voicechat.config import TurnsConfig

HYSTERESIS = 0.15  # a speaking user falls silent below threshold - 0.15, as in Silero's iterator


@dataclass(frozen=True, eq=False)
class SpeechStart:
    """A turn begins; `pcm` is the pre-roll and the onset, `[samples]` int16, 16 kHz."""

    pcm: np.ndarray


@dataclass(frozen=True, eq=False)
class Speech:
    """The turn goes on; `pcm` is `[320]` int16, 16 kHz."""

    pcm: np.ndarray


@dataclass(frozen=True)
class SoftEnd:
    """The user may have finished: work on an answer may start, silently."""


@dataclass(frozen=True, eq=False)
class Resumed:
    """The user had not finished: the same turn goes on; `pcm` is all that was held back."""

    pcm: np.ndarray


@dataclass(frozen=True)
class TurnEnd:
    """The turn is over."""


@dataclass(frozen=True)
class Discarded:
    """The turn was too short to be one (a cough, a click)."""


TakerEvent = SpeechStart | Speech | SoftEnd | Resumed | TurnEnd | Discarded


class State(Enum):
    """Where the user's turn stands."""

    QUIET = "quiet"
    ONSET = "onset"
    SPEAKING = "speaking"
    LULL = "lull"
    ENDING = "ending"
    RESUMING = "resuming"


class Cue(Enum):
    """What one frame means, given how long it has been so."""

    VOICE = "a voiced frame"
    ENOUGH_VOICE = "start_ms of voice in a row"
    SILENCE = "a silent frame"
    SOFT_SILENCE = "soft_end_ms of silence after a turn's worth of voice"
    TOO_SHORT = "soft_end_ms of silence after less than least_ms of voice"
    END_SILENCE = "as much silence as ends the turn"
    TOO_LONG = "longest_ms of turn"


IN_TURN = (State.SPEAKING, State.LULL, State.ENDING, State.RESUMING)

# The whole machine, and the parameters of its tests.
TRANSITIONS: dict[tuple[State, Cue], tuple[State, type[TakerEvent] | None]] = {
    (State.QUIET, Cue.SILENCE): (State.QUIET, None),
    (State.QUIET, Cue.VOICE): (State.ONSET, None),
    (State.QUIET, Cue.ENOUGH_VOICE): (State.SPEAKING, SpeechStart),
    (State.ONSET, Cue.SILENCE): (State.QUIET, None),
    (State.ONSET, Cue.VOICE): (State.ONSET, None),
    (State.ONSET, Cue.ENOUGH_VOICE): (State.SPEAKING, SpeechStart),
    (State.SPEAKING, Cue.VOICE): (State.SPEAKING, Speech),
    (State.SPEAKING, Cue.SILENCE): (State.LULL, Speech),
    (State.SPEAKING, Cue.SOFT_SILENCE): (State.ENDING, SoftEnd),
    (State.SPEAKING, Cue.TOO_SHORT): (State.QUIET, Discarded),
    (State.SPEAKING, Cue.TOO_LONG): (State.QUIET, TurnEnd),
    (State.LULL, Cue.VOICE): (State.SPEAKING, Speech),
    (State.LULL, Cue.SILENCE): (State.LULL, Speech),
    (State.LULL, Cue.SOFT_SILENCE): (State.ENDING, SoftEnd),
    (State.LULL, Cue.TOO_SHORT): (State.QUIET, Discarded),
    (State.LULL, Cue.TOO_LONG): (State.QUIET, TurnEnd),
    (State.ENDING, Cue.SILENCE): (State.ENDING, None),
    (State.ENDING, Cue.VOICE): (State.RESUMING, None),
    (State.ENDING, Cue.ENOUGH_VOICE): (State.SPEAKING, Resumed),
    (State.ENDING, Cue.END_SILENCE): (State.QUIET, TurnEnd),
    (State.RESUMING, Cue.SILENCE): (State.ENDING, None),
    (State.RESUMING, Cue.VOICE): (State.RESUMING, None),
    (State.RESUMING, Cue.ENOUGH_VOICE): (State.SPEAKING, Resumed),
    (State.RESUMING, Cue.END_SILENCE): (State.QUIET, TurnEnd),
}


class TurnTaker:
    """Folds the detector's decisions into turns.

    Attributes:
        state: where the turn stands.
        voiced: whether the last frame was speech.
        voiced_ticks: voiced frames of this turn, its onset included: how long the user has really
            spoken (a barge-in counts with it). 0 while quiet.
        silent_ticks: ticks since the turn's last voiced frame.
    """

    def __init__(self, config: TurnsConfig) -> None:
        self._config = config
        self._start = ticks(config.start_ms)
        self._preroll = ticks(config.preroll_ms)
        longest_wait = max(config.end_ms, config.end_incomplete_ms, config.end_unjudged_ms)
        # At most: what a turn held back when its last sound began, and that sound.
        self._recent: deque[np.ndarray] = deque(
            maxlen=max(self._preroll, ticks(longest_wait)) + self._start + 1
        )
        self._held = 0  # how many of the latest frames were not handed out
        self.state = State.QUIET
        self._leave(reuse=False)

    def reset(self) -> None:
        """Forgets the turn, if there is one, without an event; its last audio is pre-roll again."""
        self._leave(reuse=self.state in IN_TURN)

    def advance(
        self, speech: float, frame: np.ndarray, complete: float | None = None
    ) -> tuple[TakerEvent, ...]:
        """Takes one frame.

        Args:
            speech: how likely `frame` is speech, 0 to 1.
            frame: `[320]` int16, 16 kHz.
            complete: how likely the turn sounded complete at its last soft end, 0 to 1; None while
                nobody has judged.

        Returns:
            At most one event.
        """
        self._recent.append(frame)
        self._held = min(self._held + 1, len(self._recent))
        self._count(speech)
        self.state, event = TRANSITIONS[self.state, self._cue(complete)]
        return () if event is None else (self._settle(event),)

    def end(self) -> tuple[TakerEvent, ...]:
        """Ends the turn now, for push-to-talk; nothing happens where there is none."""
        if self.state not in IN_TURN:
            self._leave(reuse=False)
            return ()
        enough = self._enough_voice()
        self._leave(reuse=not enough)
        return (TurnEnd(),) if enough else (Discarded(),)

    def _count(self, speech: float) -> None:
        speaking = self.state is State.SPEAKING
        self.voiced = speech >= self._config.threshold - HYSTERESIS * speaking
        self._run = self._run + 1 if self.voiced else 0
        self._turn_ticks += 1
        if self.state in (State.QUIET, State.ONSET):
            self.voiced_ticks = self._run
        elif self.state in (State.SPEAKING, State.LULL):
            self.voiced_ticks += self.voiced
            self.silent_ticks = 0 if self.voiced else self.silent_ticks + 1
        else:  # a click in the silence does not start its clock anew
            self.silent_ticks += 1

    def _cue(self, complete: float | None) -> Cue:
        match self.state:
            case State.SPEAKING | State.LULL:
                return self._cue_while_speaking()
            case _ if self.voiced:
                return Cue.ENOUGH_VOICE if self._run >= self._start else Cue.VOICE
            case State.ENDING | State.RESUMING if self.silent_ticks >= self._patience(complete):
                return Cue.END_SILENCE
            case _:
                return Cue.SILENCE

    def _cue_while_speaking(self) -> Cue:
        if self._turn_ticks >= ticks(self._config.longest_ms):
            return Cue.TOO_LONG
        if self.voiced:
            return Cue.VOICE
        if self.silent_ticks < ticks(self._config.soft_end_ms):
            return Cue.SILENCE
        return Cue.SOFT_SILENCE if self._enough_voice() else Cue.TOO_SHORT

    def _enough_voice(self) -> bool:
        return self.voiced_ticks >= ticks(self._config.least_ms)

    def _patience(self, complete: float | None) -> int:
        """Ticks of silence that end the turn: the longer, the less complete it sounded."""
        config = self._config
        if complete is None:
            return ticks(config.end_unjudged_ms)
        doubt = max(0.0, 1.0 - complete / config.complete_at)
        return ticks(round(config.end_ms + doubt * (config.end_incomplete_ms - config.end_ms)))

    def _settle(self, event: type[TakerEvent]) -> TakerEvent:
        if event is TurnEnd or event is Discarded:
            self._leave(reuse=event is Discarded)
            return event()
        if event is SoftEnd:
            return SoftEnd()
        if event is SpeechStart:
            self._turn_ticks = self._run
            self._held = min(self._held, self._preroll + self._run)
        if event is Resumed:
            self.voiced_ticks += self._run
        if self.voiced:
            self.silent_ticks = 0
        return event(self._hand_out())

    def _leave(self, reuse: bool) -> None:
        """Back to quiet; audio that nobody will answer may be the next turn's pre-roll."""
        self._held = min(len(self._recent) if reuse else self._held, self._preroll)
        self.state = State.QUIET
        self.voiced = False
        self.voiced_ticks = self.silent_ticks = 0
        self._run = self._turn_ticks = 0

    def _hand_out(self) -> np.ndarray:
        frames = list(self._recent)[len(self._recent) - self._held :]
        self._held = 0
        return np.concatenate(frames)
