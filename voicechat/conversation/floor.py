"""Who has the floor: the assistant's side of the conversation as a table of named states.

            soft end             turn end            enough sound           all heard
  LISTENING ───────▶ GUESSING ───────────▶ THINKING ─────────────▶ SPEAKING ─────────▶ LISTENING
      ▲      resumed    │                   ▲    │ noise     noise  ▲    │
      ◀─────────────────┘           nothing │    ▼          nothing │    ▼ (softer)
      │                                    WITHHELD                 ├─ DUCKED
      │                         a turn        │                     │    │ speech
      ◀───────────────────────────────────────┘             nothing │    ▼ (silent)
      │             drained                      a turn             └─ PAUSED
      ◀──────────────────── YIELDING ◀──────────────────────────────────┘

A noise is any sound of the user that the detector takes for speech; what it was shows later: a
turn, or nothing (a cough, an "mm-hm"). Until then everything can be taken back.
"""

from __future__ import annotations

from enum import Enum


class Floor(Enum):
    """What the assistant does."""

    LISTENING = "listening"
    GUESSING = "guessing"  # the turn may be over: the answer is begun, silently
    THINKING = "thinking"  # the turn is over, nothing sounds yet
    WITHHELD = "withheld"  # as THINKING, but the user makes a sound: wait
    SPEAKING = "speaking"
    DUCKED = "ducked"
    PAUSED = "paused"
    YIELDING = "yielding"  # the reply is cut; its last samples leave the speaker


class Cue(Enum):
    """What may move the floor."""

    SOFT_END = "the user may have finished"
    RESUMED = "the user had not finished"
    TURN_END = "the user has finished"
    READY = "enough of the reply is made to begin"
    DONE = "the reply was heard to its end"
    NOISE = "the user makes a sound"
    SPEECH = "the user has spoken for a while"
    TURN = "the sound was a turn"
    NOTHING = "the sound was nothing"
    STOP = "a key, or the engine failed: stop"
    DRAINED = "the speaker is silent"


REPLYING = (Floor.THINKING, Floor.WITHHELD, Floor.SPEAKING, Floor.DUCKED, Floor.PAUSED)

# The whole machine, and the parameters of its tests; where nothing stands, a cue changes nothing.
TRANSITIONS: dict[tuple[Floor, Cue], Floor] = {
    (Floor.LISTENING, Cue.SOFT_END): Floor.GUESSING,
    (Floor.LISTENING, Cue.TURN_END): Floor.THINKING,
    (Floor.GUESSING, Cue.RESUMED): Floor.LISTENING,
    (Floor.GUESSING, Cue.TURN_END): Floor.THINKING,
    (Floor.GUESSING, Cue.STOP): Floor.LISTENING,
    (Floor.THINKING, Cue.READY): Floor.SPEAKING,
    (Floor.THINKING, Cue.DONE): Floor.LISTENING,
    (Floor.THINKING, Cue.NOISE): Floor.WITHHELD,
    (Floor.THINKING, Cue.TURN): Floor.LISTENING,
    (Floor.THINKING, Cue.STOP): Floor.LISTENING,
    (Floor.WITHHELD, Cue.NOTHING): Floor.THINKING,
    (Floor.WITHHELD, Cue.TURN): Floor.LISTENING,
    (Floor.WITHHELD, Cue.STOP): Floor.LISTENING,
    (Floor.SPEAKING, Cue.DONE): Floor.LISTENING,
    (Floor.SPEAKING, Cue.NOISE): Floor.DUCKED,
    (Floor.SPEAKING, Cue.STOP): Floor.YIELDING,
    (Floor.DUCKED, Cue.DONE): Floor.LISTENING,
    (Floor.DUCKED, Cue.NOTHING): Floor.SPEAKING,
    (Floor.DUCKED, Cue.SPEECH): Floor.PAUSED,
    (Floor.DUCKED, Cue.TURN): Floor.YIELDING,  # a short word, where `stop_ms` is long
    (Floor.DUCKED, Cue.STOP): Floor.YIELDING,
    (Floor.PAUSED, Cue.NOTHING): Floor.SPEAKING,
    (Floor.PAUSED, Cue.TURN): Floor.YIELDING,
    (Floor.PAUSED, Cue.STOP): Floor.YIELDING,
    (Floor.YIELDING, Cue.DRAINED): Floor.LISTENING,
}
