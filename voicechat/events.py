"""Every value that crosses a border, in the order of the data's way.

A `Tick` goes into the core; out come `Action`s for the engine and the speaker, and `Event`s for
the screen, the recording and the metrics.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

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


@dataclass(frozen=True)
class Event:
    """One line of the event log.

    Attributes:
        n: the tick.
        event: `speech_start`, `soft_end`, `turn_end`, `reply_start`, `duck`, `pause`, `resume`,
            `cut`, `reply_end`, `text`, `discard`, `error`, `xrun` or `device`.
        turn: where there is one.
        detail: further keys of that kind of event.
    """

    n: int
    event: str
    turn: int | None = None
    detail: dict[str, object] = field(default_factory=dict)
