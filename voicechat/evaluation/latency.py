"""The perceived gap before each reply and its parts, from the log of events."""

from __future__ import annotations

from collections.abc import Iterable

from voicechat.events import Event, EventKind, Latency


def gaps(events: Iterable[Event]) -> list[Latency]:
    """One for each reply that began; the parts sum exactly to the gap."""
    starts = (event for event in events if event.event == EventKind.REPLY_START)
    return [Latency(**event.detail["latency"]) for event in starts]
