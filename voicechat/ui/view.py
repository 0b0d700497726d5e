"""What the screen shows: a pure fold of the session's events and meters.

Event, Meter ─▶ View ─▶ render ─▶ terminal
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from voicechat.clock import TICKS_PER_S
from voicechat.events import Event, EventKind, Latency, Meter

USER = "you"
KEPT = 12  # says that stay in a view; the terminal's own scrollback holds the older ones
WAVE_TICKS = 5  # a bar of the user's drawn voice is 100 ms
LEVELS = 50  # that are kept: a turn over a reply is known as one only seconds after it began

STATES = {  # what the assistant does from then on
    EventKind.SPEECH_START: "hearing",
    EventKind.TURN_END: "thinking",
    EventKind.REPLY_START: "speaking",
    EventKind.DUCK: "ducked",
    EventKind.PAUSE: "paused",
    EventKind.RESUME: "speaking",
    EventKind.CUT: "listening",
    EventKind.REPLY_END: "listening",
    EventKind.DISCARD: "listening",
    EventKind.ERROR: "listening",
}


@dataclass(frozen=True)
class Say:
    """One party's say.

    Attributes:
        key: numbers the says of a session by their beginnings.
        who: `USER`, or the voice's name.
        turn: the turn's number.
        text: what was typed or answered.
        wave: the level of each 100 ms of the user's voice, dB of full scale.
        heard: how many characters of `text` were heard.
        latency: of a reply, the parts of the perceived gap; empty before its first sample.
        cut: it was interrupted.
        fault: why there is no answer.
        open: it may still change.
    """

    key: int
    who: str
    turn: int
    text: str = ""
    wave: tuple[float, ...] = ()
    heard: int = 0
    latency: Latency | None = None
    cut: bool = False
    fault: str = ""
    open: bool = True


@dataclass(frozen=True)
class View:
    """All that the screen shows.

    Attributes:
        voice: the assistant's name.
        echo: how the assistant's own voice is kept out of the microphone.
        threshold: the probability from which a sound is speech.
        push_to_talk: space begins and ends a turn; else it mutes.
        state: what the assistant does.
        meter: the last one.
        levels: of the microphone, each 100 ms of the last seconds, dB of full scale.
        says: the latest, in the order of their beginnings.
        begun: how many says there were.
        xruns: under- and overflows of the devices so far.
        notice: the last message that belongs to no turn, of a device or the recording.
        typing: the line that the user is typing.
        help: the keys are explained.
    """

    voice: str
    echo: str = ""
    threshold: float = 0.5
    push_to_talk: bool = False
    state: str = "listening"
    meter: Meter = Meter()
    levels: tuple[float, ...] = ()
    says: tuple[Say, ...] = ()
    begun: int = 0
    xruns: int = 0
    notice: str = ""
    typing: str = ""
    help: bool = False


def gap(latency: Latency) -> str:
    """The perceived gap and its parts in words."""
    parts = asdict(latency)
    named = " + ".join(f"{name.removesuffix('_s')} {part:.2f}" for name, part in parts.items())
    return f"{sum(parts.values()):.2f} s = {named}"


def see(view: View, event: Event) -> View:
    """The view after an event."""
    detail = event.detail
    if event.event == EventKind.XRUN:
        return replace(view, xruns=view.xruns + detail["count"])
    if event.event == EventKind.DEVICE or event.turn is None:
        return replace(view, notice=detail["message"])
    view = replace(view, state=STATES.get(event.event, view.state))
    match event.event:
        case EventKind.SPEECH_START:
            return _speech_start(view, event)
        case EventKind.TURN_END:
            return _turn_end(view, event)
        case EventKind.DISCARD:
            return _discard(view, event)
        case EventKind.TEXT:
            said = _open(view, event, view.voice)
            return _change(view, event, text=(said.text if said else "") + detail["text"])
        case EventKind.REPLY_START:
            return _change(view, event, latency=Latency(**detail["latency"]))
        case EventKind.CUT:
            heard = len(detail["heard_text"])
            return _change(view, event, text=detail["text"], heard=heard, cut=True, open=False)
        case EventKind.REPLY_END:
            heard = len(detail["text"])
            return _change(view, event, text=detail["text"], heard=heard, open=False)
        case EventKind.ERROR:
            return _begin(view, event, view.voice, fault=detail["message"], open=False)
        case _:
            return view


def measure(view: View, meter: Meter) -> View:
    """The view after a tick: meters, the drawn voice of the user, the heard part of the reply."""
    if meter.n % WAVE_TICKS == 0:
        view = replace(view, levels=(*view.levels, meter.level_db)[-LEVELS:])
    says = tuple(_measured(say, meter) if say.open else say for say in view.says)
    return replace(view, meter=meter, says=says)


def _measured(say: Say, meter: Meter) -> Say:
    if say.who != USER:
        return replace(say, heard=max(say.heard, min(meter.heard, len(say.text))))
    if meter.n % WAVE_TICKS:
        return say
    return replace(say, wave=(*say.wave, meter.level_db))


def _speech_start(view: View, event: Event) -> View:
    if _open(view, event, USER):
        return view  # goes on after a soft end
    view = _withdraw(view, event)
    bars = _bars(event, event.detail["from_s"])
    return _begin(view, event, USER, wave=view.levels[-bars:] if bars else ())


def _turn_end(view: View, event: Event) -> View:
    view = _withdraw(view, event)
    spoken = _open(view, event, USER)
    silent = _bars(event, event.detail["last_voiced_s"])
    wave = spoken.wave[: -silent or None] if spoken else ()
    return _change(view, event, USER, text=event.detail.get("text", ""), wave=wave, open=False)


def _bars(event: Event, since_s: float) -> int:
    return int((event.n / TICKS_PER_S - since_s) * TICKS_PER_S / WAVE_TICKS)


def _change(view: View, event: Event, who: str = "", **changes: Any) -> View:
    """Changes the open say of the event's turn, the reply or the user's, or begins it."""
    who = who or view.voice
    if not _open(view, event, who):
        return _begin(view, event, who, **changes)
    says = (replace(say, **changes) if _is(say, event, who) else say for say in view.says)
    return replace(view, says=tuple(says))


def _begin(view: View, event: Event, who: str, **changes: Any) -> View:
    say = Say(key=view.begun, who=who, turn=event.turn, **changes)
    return replace(view, says=(*view.says, say)[-KEPT:], begun=view.begun + 1)


def _open(view: View, event: Event, who: str) -> Say | None:
    return next((say for say in view.says if _is(say, event, who)), None)


def _withdraw(view: View, event: Event) -> View:
    """The user goes on with the turn: the answer that had begun is not given."""
    says = tuple(say for say in view.says if not _is(say, event, view.voice))
    return replace(view, says=says)


def _discard(view: View, event: Event) -> View:
    says = tuple(say for say in view.says if not (say.open and say.turn == event.turn))
    sounding = any(say.open and say.who != USER for say in says)
    return replace(view, says=says, state="speaking" if sounding else "listening")


def _is(say: Say, event: Event, who: str) -> bool:
    return say.open and (say.turn, say.who) == (event.turn, who)
