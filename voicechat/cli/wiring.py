"""Picks the classes that the settings name, for every command that talks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

from voicechat.config import Config, ModelConfig
from voicechat.conversation.core import Core
from voicechat.conversation.ear import Echo
from voicechat.engine.base import Engine

SCRIPTED = "scripted"  # a model of tones: tries devices and turns where there is no other
SCRIPT = (
    "This is a voice of tones.",
    "It says the same few things, one after the other, whatever it is told.",
    "Talk over it, to try how an interruption works.",
)


def inform(line: str) -> None:
    """Tells the user on the error stream, which no pipe reads."""
    print(line, file=sys.stderr, flush=True)


def make_engine(config: ModelConfig, info: Callable[[str], None] = inform) -> tuple[Engine, str]:
    """The engine, and the name of the voice that it speaks with.

    Raises:
        UserError: if the model cannot be used, or has no such voice.
    """
    if config.name == SCRIPTED:
        from voicechat.engine.scripted import ScriptedEngine

        return ScriptedEngine(SCRIPT), "tones"
    from voicechat.engine.checkpoint import load
    from voicechat.engine.local import LocalEngine

    engine = LocalEngine(load(config, info), _in_language(config), info)
    engine.warm_up()
    return engine, engine.voice.name


def _in_language(config: ModelConfig) -> ModelConfig:
    if config.lang in ("", "en"):
        return config
    asked = f"{config.persona} Always answer in this language: {config.lang}."
    return replace(config, persona=asked.strip())


def make_core(config: Config, echo: Echo | None = None) -> Core:
    """The pure middle, with the detector and (if none is given) the echo that the settings name."""
    from voicechat.audio.echo import make_echo
    from voicechat.turns.detector import make_detector

    return Core(config, make_detector(config.turns), echo or make_echo(config.audio.echo))
