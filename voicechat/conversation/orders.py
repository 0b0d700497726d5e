"""The core's orders, carried out on an engine."""

from __future__ import annotations

from voicechat.engine.base import Engine
from voicechat.errors import UserError
from voicechat.events import Action, Discard, Feed, ReplyFailed, Truncate, Type


def order(engine: Engine, action: Action) -> None:
    """Passes an order that is no `Reply` on to the engine."""
    match action:
        case Feed(turn, pcm):
            engine.feed(turn, pcm)
        case Type(turn, text):
            engine.type(turn, text)
        case Discard(turn):
            engine.discard(turn)
        case Truncate(turn, heard):
            engine.truncate(turn, heard)
        case _:
            raise AssertionError(action)


def failure(action: Action, fault: Exception) -> ReplyFailed:
    """What the core is told of an engine's failure; a user's fault already is one line."""
    kind = "" if isinstance(fault, UserError) else f"{type(fault).__name__}: "
    return ReplyFailed(action.turn, f"{kind}{fault}" or "the engine failed")
