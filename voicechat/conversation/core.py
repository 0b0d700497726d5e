"""The conversation as a deterministic fold over ticks: nothing else moves it.

    Tick ─▶ echo ─▶ detector ─▶ taker ─▶ floor ─▶ playback ─▶ Actions, Events
"""

from __future__ import annotations

from voicechat.config import Config
from voicechat.events import Meter, Step, Tick


class Core:
    """The pure middle of the program.

    Args:
        config: its settings; `audio.echo` is no longer `auto`.
        detector: tells how likely a frame is speech.
        echo: takes the assistant's voice out of the microphone.
    """

    def __init__(self, config: Config, detector: Detector, echo: Echo) -> None: ...

    def advance(self, tick: Tick) -> Step:
        """Takes what happened in one tick."""

    def meter(self) -> Meter:
        """What the screen shows of this moment."""
