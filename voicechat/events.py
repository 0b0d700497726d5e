"""Every value that crosses a border, in the order of the data's way.

A `Tick` goes into the core; out come `Action`s for the engine and the speaker, and `Event`s for
the screen, the recording and the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from voicechat.clock import TICKS_PER_S

EMPTY = np.zeros(0, dtype=np.int16)


# --- what comes in -----------------------------------------------------------------------------


class Key(Enum):
    """What a person can press; a typed line is `Typed`."""

    SPACE = "space"
    ESCAPE = "escape"
    INTERRUPT = "interrupt"
    HELP = "help"


@dataclass(frozen=True)
class Typed:
    """A line that the user typed: a turn without sound."""

    text: str


@dataclass(frozen=True, eq=False)
class ReplyChunk:
    """A piece of a reply, as made.

    Attributes:
        turn: whose answer this is.
        text: the words decoded since the last chunk; joined, they are the reply's text.
        pcm: `[samples]` int16, 24 kHz, in the order in which they sound, each emitted once.
        from_code: the first Talker code that `pcm` renders.
        to_code: one past the last; `pcm` is `480 * (to_code - from_code)` samples.
        complete: on a reply's first chunk, how likely the user's turn was finished, 0 to 1, if
            the model can tell.
        final: nothing follows.
    """

    turn: int
    text: str = ""
    pcm: np.ndarray = field(default_factory=lambda: EMPTY)
    from_code: int = 0
    to_code: int = 0
    complete: float | None = None
    final: bool = False


@dataclass(frozen=True)
class ReplyFailed:
    """The engine could not answer; the floor goes back to listening."""

    turn: int
    message: str


@dataclass(frozen=True, eq=False)
class Tick:
    """Everything the core may know at time `n`, and exactly what a recording stores.

    Attributes:
        n: the tick's number; time is `n * 20 ms`.
        mic: `[320]` int16, 16 kHz, already resampled.
        heard: `[about 480]` int16, 24 kHz: what the speaker consumed since the last tick, fill
            included. It is the echo reference.
        played: how many samples of `heard` were ours; the rest is fill.
        chunks: what the engine had delivered when the tick was cut.
        keys: what the user pressed or typed.
        xruns: underflows and overflows of the devices since the last tick.
        device: a device's message (gone, reopened), shown to the user.
    """

    n: int
    mic: np.ndarray
    heard: np.ndarray = field(default_factory=lambda: EMPTY)
    played: int = 0
    chunks: tuple[ReplyChunk | ReplyFailed, ...] = ()
    keys: tuple[Key | Typed, ...] = ()
    xruns: int = 0
    device: str = ""


# --- what goes to the engine -------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """How much of a reply was really played.

    Attributes:
        samples: of the reply, 24 kHz.
        text: the words that these samples said: a prefix of the reply's text.
    """

    samples: int
    text: str


@dataclass(frozen=True, eq=False)
class Feed:
    """User speech for the engine, `[samples]` int16, 16 kHz."""

    turn: int
    pcm: np.ndarray


@dataclass(frozen=True)
class Type:
    """A typed turn for the engine."""

    turn: int
    text: str


@dataclass(frozen=True)
class Reply:
    """Begin to answer; `certain` once the turn is committed and an empty answer will not do."""

    turn: int
    certain: bool = True


@dataclass(frozen=True)
class Cancel:
    """Stop answering; what was made may be taken back by `Feed` or cut by `Truncate`."""

    turn: int


@dataclass(frozen=True)
class Discard:
    """The turn was no turn (a cough): forget it."""

    turn: int


@dataclass(frozen=True)
class Truncate:
    """Forget what of a reply was never heard."""

    turn: int
    heard: Heard


# --- what goes to the speaker ------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Play:
    """Samples to append to the speaker's ring, `[samples]` int16, 24 kHz, gain applied."""

    turn: int
    pcm: np.ndarray


@dataclass(frozen=True)
class Flush:
    """Drop what the speaker's ring still holds, but for a fade of `fade_samples`."""

    fade_samples: int


@dataclass(frozen=True)
class Leave:
    """The user asked to end the session."""


Action = Feed | Type | Reply | Cancel | Discard | Truncate | Play | Flush | Leave


# --- what is shown, recorded and measured ------------------------------------------------------


class EventKind(str, Enum):
    """What can happen, with the further keys that its line carries.

    A `str`, so that `event == "cut"` reads as the log does.
    """

    SPEECH_START = "speech_start"  # the user begins, or goes on after a soft end. from_s
    SOFT_END = "soft_end"  # perhaps over: the engine starts on the answer. last_voiced_s
    TURN_END = "turn_end"  # committed. last_voiced_s; text, if it was typed
    REPLY_START = "reply_start"  # its first sample was handed to the DAC. latency, see `Latency`
    DUCK = "duck"  # the user makes a sound: the reply goes on softly
    PAUSE = "pause"  # the user speaks: the reply stops, and may yet go on. heard_samples
    RESUME = "resume"  # it was nothing: the reply goes on at full level
    CUT = "cut"  # the reply ends here. heard_samples, heard_text, text (as generated)
    REPLY_END = "reply_end"  # heard to its end. heard_samples, text
    TEXT = "text"  # words of the reply. text
    DISCARD = "discard"  # the turn was none
    ERROR = "error"  # message
    XRUN = "xrun"  # count
    DEVICE = "device"  # message


@dataclass(frozen=True)
class Event:
    """One line of the event log.

    Attributes:
        n: the tick.
        event: what happened.
        turn: where there is one.
        detail: further keys of that kind of event.
    """

    n: int
    event: EventKind
    turn: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """The event as one flat object of the log."""
        turn = {} if self.turn is None else {"turn": self.turn}
        return {
            "n": self.n,
            "t_s": self.n / TICKS_PER_S,
            "event": self.event,
            **turn,
            **self.detail,
        }


@dataclass(frozen=True)
class Latency:
    """The perceived gap before a reply and its parts, in seconds; they sum exactly.

    Attributes:
        silence_s: the user's last voiced frame to the committed end of the turn.
        engine_s: from there until the engine had sound; 0 if it was ready before.
        start_s: from there until the first sample was handed to the DAC.
    """

    silence_s: float
    engine_s: float
    start_s: float

    @property
    def gap_s(self) -> float:
        """The whole."""
        return self.silence_s + self.engine_s + self.start_s


@dataclass(frozen=True)
class Meter:
    """What the microphone and the speaker do at a tick, for the screen.

    Attributes:
        n: the tick.
        level_db: of the microphone after the echo room, dB of full scale.
        speech: the detector's probability of speech.
        heard: the characters of the sounding reply that were heard so far.
        muted: the microphone is muted, or nobody pushes to talk.
    """

    n: int = 0
    level_db: float = -96.0
    speech: float = 0.0
    heard: int = 0
    muted: bool = False


@dataclass(frozen=True, eq=False)
class Step:
    """What one tick led to.

    Attributes:
        actions: orders for engine and speaker.
        events: what is to be told.
        clean: `[320]` int16, 16 kHz: the microphone without the assistant's own voice.
    """

    actions: tuple[Action, ...]
    events: tuple[Event, ...]
    clean: np.ndarray
