"""What a recorded session looks like on disk, and its lines.

    session/
      session.json    format, voicechat's and its libraries' versions
      config.yaml     the settings, as `--config` takes them
      mic.wav         16 kHz: the microphone, 320 samples a tick
      clean.wav       16 kHz: the microphone without the assistant's own voice, as the core heard it
      heard.wav       24 kHz: what the speaker played, fill included
      replies.wav     24 kHz: what the engine made, in the order in which it was delivered
      ticks.jsonl     one line a tick: how much of the last two is its, chunks, keys
      actions.jsonl   what the core ordered: what a replay must repeat
      events.jsonl    what happened

Sound is written before the lines that count it, so that a crash at any point leaves a readable
beginning.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from voicechat.events import (
    Action,
    Heard,
    Key,
    ReplyChunk,
    ReplyFailed,
    Tick,
    Typed,
)

VERSION = 2
HEADER, CONFIG = "session.json", "config.yaml"
MIC, CLEAN = "mic.wav", "clean.wav"
HEARD, REPLIES = "heard.wav", "replies.wav"
TICKS, ACTIONS, EVENTS = "ticks.jsonl", "actions.jsonl", "events.jsonl"

Line = dict[str, Any]


def tick_line(tick: Tick) -> Line:
    """A tick without its sound; what is as usual is left out."""
    line: Line = {
        "n": tick.n,
        "heard": len(tick.heard),
        "played": tick.played,
        "chunks": [_chunk_line(chunk) for chunk in tick.chunks],
        "keys": [_key_line(key) for key in tick.keys],
        "xruns": tick.xruns,
        "device": tick.device,
    }
    return {key: value for key, value in line.items() if value or key == "n"}


def parse_tick(line: Line, mic: np.ndarray, heard: np.ndarray, pcm: Iterator[np.ndarray]) -> Tick:
    """The tick of a line, with its sound.

    Args:
        line: as `tick_line` made it.
        mic: `[320]` int16, 16 kHz.
        heard: `[line["heard"]]` int16, 24 kHz.
        pcm: the sound of each chunk, in order.
    """
    return Tick(
        n=line["n"],
        mic=mic,
        heard=heard,
        played=line.get("played", 0),
        chunks=tuple(_parse_chunk(chunk, pcm) for chunk in line.get("chunks", ())),
        keys=tuple(_parse_key(key) for key in line.get("keys", ())),
        xruns=line.get("xruns", 0),
        device=line.get("device", ""),
    )


def action_line(n: int, action: Action) -> Line:
    """An action; sound as its length and checksum."""
    line: Line = {"n": n, "action": type(action).__name__}
    for field in fields(action):
        value = getattr(action, field.name)
        if isinstance(value, np.ndarray):
            line |= {"samples": len(value), "crc": zlib.crc32(value.tobytes())}
        elif isinstance(value, Heard):
            line |= {"heard_samples": value.samples, "heard_text": value.text}
        else:
            line[field.name] = value
    return line


def _chunk_line(chunk: ReplyChunk | ReplyFailed) -> Line:
    if isinstance(chunk, ReplyFailed):
        return {"turn": chunk.turn, "failed": chunk.message}
    return {
        "turn": chunk.turn,
        "text": chunk.text,
        "samples": len(chunk.pcm),
        "from_code": chunk.from_code,
        "to_code": chunk.to_code,
        "complete": chunk.complete,
        "final": chunk.final,
    }


def chunk_samples(line: Line) -> int:
    """How many samples of `replies.wav` are a chunk's."""
    return line.get("samples", 0)


def _parse_chunk(line: Line, pcm: Iterator[np.ndarray]) -> ReplyChunk | ReplyFailed:
    sound = next(pcm)
    if "failed" in line:
        return ReplyFailed(line["turn"], line["failed"])
    given = {key: line[key] for key in ("turn", "text", "from_code", "to_code", "complete")}
    return ReplyChunk(**given, pcm=sound, final=line["final"])


def _key_line(key: Key | Typed) -> Line:
    return {"typed": key.text} if isinstance(key, Typed) else {"key": key.value}


def _parse_key(line: Line) -> Key | Typed:
    return Typed(line["typed"]) if "typed" in line else Key(line["key"])
