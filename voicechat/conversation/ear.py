"""What the microphone brings: echo ─▶ detector ─▶ taker, unless nobody is listened to."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from voicechat.audio.levels import SILENCE_DB, dbfs
from voicechat.config import Config
from voicechat.conversation.barge_in import Nearness
from voicechat.events import Tick
from voicechat.turns.taker import TakerEvent, TurnTaker


class Detector(Protocol):
    """As `turns.detector` has them."""

    def probability(self, frame: np.ndarray) -> float:
        """How likely `[320]` int16, 16 kHz, is speech, 0 to 1."""


class Echo(Protocol):
    """As `audio.echo` has them."""

    def process(self, mic: np.ndarray, heard: np.ndarray) -> np.ndarray:
        """`[320]` int16, 16 kHz, without what the speaker played: about `[480]` int16, 24 kHz."""


class Ear:
    """Takes frames and gives what the user does.

    Args:
        config: all settings.
        detector: tells how likely a frame is speech.
        echo: takes the assistant's voice out of the microphone.

    Attributes:
        taker: where the user's turn stands.
        frame: the latest, `[320]` int16, 16 kHz, without echo.
        speech: how likely it is speech.
        pushed: the user pushes to talk.
    """

    def __init__(self, config: Config, detector: Detector, echo: Echo) -> None:
        self.taker = TurnTaker(config.turns)
        self.frame, self.speech = np.zeros(0, dtype=np.int16), 0.0
        self.pushed = self._muted = False
        self._push_to_talk = config.turns.push_to_talk
        self._interruptible = config.barge_in.enabled or self._push_to_talk
        self._nearness = Nearness(config.barge_in.distance_db)
        self._detector, self._echo = detector, echo

    def listen(
        self, tick: Tick, replying: bool, turn_open: bool, complete: float | None
    ) -> tuple[TakerEvent, ...]:
        """Takes a tick.

        Args:
            tick: with the microphone's frame and what was heard.
            replying: the assistant has the floor.
            turn_open: the user has it: what is voiced is the user's own voice.
            complete: how likely the turn is complete, if somebody has judged.
        """
        self.frame = self._echo.process(tick.mic, tick.heard)
        self.speech = self._detector.probability(self.frame)
        near = self._nearness.advance(self.frame, turn_open and self.taker.voiced)
        speech = 1.0 if self.pushed else self.speech
        if self.muted or (replying and not (near and self._interruptible)):
            speech = 0.0
        return self.taker.advance(speech, self.frame, complete)

    def press(self) -> tuple[TakerEvent, ...]:
        """Space: push to talk, first press and second; or mute."""
        if self._push_to_talk:
            self.pushed = not self.pushed
            return () if self.pushed else self.taker.end()
        self._muted = not self._muted
        return self.taker.end() if self._muted else ()

    @property
    def muted(self) -> bool:
        """The user has muted the microphone, or does not push to talk."""
        return not self.pushed if self._push_to_talk else self._muted

    @property
    def level_db(self) -> float:
        """Of the latest frame, dB of full scale."""
        return dbfs(self.frame) if len(self.frame) else SILENCE_DB
