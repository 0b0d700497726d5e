"""Settings: frozen dataclasses, strict YAML, overrides by `--set section.key=value`.

The defaults here are the truth; `configs/default.yaml` shows them with comments, and a test keeps
the two equal. An unknown key names the legal ones; a value of the wrong kind names the right one.
"""

from __future__ import annotations

import types
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from voicechat.errors import UserError

QWEN_SYSTEM_PROMPT = (
    "You are Qwen, a virtual human developed by the Qwen Team, Alibaba Group, capable of "
    "perceiving auditory and visual inputs, as well as generating text and speech."
)
LONGEST_MS = 3_600_000  # an hour, of whatever


@dataclass(frozen=True)
class AudioConfig:
    """Devices and echo. A device is a name, a part of one, a number, or empty for the default."""

    input: str = ""
    output: str = ""
    cushion_ms: int = 120
    cushion_max_ms: int = 240
    watchdog_ms: int = 1000
    echo: Literal["auto", "headset", "aec", "gate", "half"] = "auto"

    def __post_init__(self) -> None:
        within(self, 20, 1000, "cushion_ms", "cushion_max_ms")  # a tick, and the shortest ring
        within(self, 100, LONGEST_MS, "watchdog_ms")


@dataclass(frozen=True)
class TurnsConfig:
    """When the user's turn starts and ends."""

    detector: Literal["silero", "webrtcvad", "both"] = "both"
    threshold: float = 0.5
    webrtcvad_mode: int = 2
    start_ms: int = 100
    preroll_ms: int = 500
    soft_end_ms: int = 200
    end_ms: int = 400
    end_incomplete_ms: int = 2000
    end_unjudged_ms: int = 700
    complete_at: float = 0.9
    least_ms: int = 250
    longest_ms: int = 30_000
    push_to_talk: bool = False

    def __post_init__(self) -> None:
        within(self, 0, LONGEST_MS, *_all_ms(self))
        within(self, 0, 1, "threshold")
        within(self, 0.01, 1, "complete_at")
        within(self, 0, 3, "webrtcvad_mode")


@dataclass(frozen=True)
class BargeInConfig:
    """How the user takes the floor while a reply sounds."""

    enabled: bool = True
    duck_ms: int = 120
    duck_gain: float = 0.1
    ramp_ms: int = 20
    stop_ms: int = 260
    stop_open_ms: int = 500
    fade_ms: int = 15
    resume_ms: int = 1500
    backtrack_ms: int = 250
    backchannel_ms: int = 700
    backchannel_silence_ms: int = 400
    distance_db: float = 15.0

    def __post_init__(self) -> None:
        within(self, 0, LONGEST_MS, *_all_ms(self))
        within(self, 1, LONGEST_MS, "duck_ms", "ramp_ms")
        within(self, 0, 1, "duck_gain")
        within(self, 0, inf, "distance_db")


@dataclass(frozen=True)
class SamplingSettings:
    """Sampling of one of the two language models, in transformers' terms."""

    do_sample: bool = True
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 1024

    def __post_init__(self) -> None:
        within(self, 0.01, 100, "temperature", "repetition_penalty")
        within(self, 0, inf, "top_k")  # 0: of all
        within(self, 0, 1, "top_p")
        within(self, 1, 1_000_000, "max_new_tokens")


@dataclass(frozen=True)
class Token2WavSettings:
    """ODE and windows of token2wav. `num_steps` counts time points, as transformers does."""

    solver: Literal["rk4", "midpoint", "euler"] = "rk4"
    num_steps: int = 10
    guidance_scale: float = 0.5
    sway_coefficient: float = -1.0
    blocks_ahead: int = 1
    first_blocks: int = 1
    most_blocks: int = 4
    vocoder_context_frames: int = 20

    def __post_init__(self) -> None:
        within(self, 2, 1000, "num_steps")
        within(self, 0, 100, "guidance_scale")
        within(self, -1, 1.75, "sway_coefficient")  # beyond, time would run backwards
        within(self, 0, inf, "blocks_ahead", "vocoder_context_frames")
        within(self, 1, inf, "first_blocks", "most_blocks")
        if self.vocoder_context_frames % 2:  # a code is two of them
            raise UserError(f"vocoder_context_frames is {self.vocoder_context_frames}; it is even")


@dataclass(frozen=True)
class ModelSettings:
    """What a checkpoint needs to be used well; a `voicechat.yaml` beside it overrides these.

    Attributes:
        system_prompt: the fixed beginning of every prompt.
        sees: its vision tower is trained.
        unfinished_share: how rare unfinished turns are to it, which it is trained to answer with
            nothing: what it thinks of them is weighed by this; 0: it was not trained to tell them.
        typed_as_heard: it knows text only as it is heard: a typed line is spelled so for it.
    """

    system_prompt: str = QWEN_SYSTEM_PROMPT
    sees: bool = True
    unfinished_share: float = 0.0
    typed_as_heard: bool = False
    thinker: SamplingSettings = field(default_factory=lambda: SamplingSettings(do_sample=False))
    talker: SamplingSettings = field(
        default_factory=lambda: SamplingSettings(
            temperature=0.9, top_k=40, top_p=0.8, repetition_penalty=1.05, max_new_tokens=4096
        )
    )
    token2wav: Token2WavSettings = field(default_factory=Token2WavSettings)

    def __post_init__(self) -> None:
        within(self, 0, 0.99, "unfinished_share")


@dataclass(frozen=True)
class ModelConfig:
    """Which checkpoint, where it runs, and how it is asked to speak.

    Attributes:
        settings: keys of `ModelSettings` to be laid over what the checkpoint brings (`merge`).
    """

    name: str = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    voice: str = ""
    persona: str = ""
    lang: str = "en"
    greedy: bool = False
    seed: int = 0
    text_only: bool = False
    context_tokens: int = 32_768
    graphs: bool = True
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        within(self, 0, 2**63 - 1, "seed")
        within(self, 1, inf, "context_tokens")
        build(ModelSettings, self.settings, "settings")


@dataclass(frozen=True)
class Config:
    """Everything that a session can be told."""

    audio: AudioConfig = field(default_factory=AudioConfig)
    turns: TurnsConfig = field(default_factory=TurnsConfig)
    barge_in: BargeInConfig = field(default_factory=BargeInConfig)
    model: ModelConfig = field(default_factory=ModelConfig)


T = TypeVar("T")


def load(path: Path | None, overrides: list[str], cls: type[T] = Config) -> T:
    """Reads a YAML file over the defaults of `cls`, then `section.key=value` overrides over that.

    Raises:
        UserError: for a file, key or value that does not fit, naming what would.
    """
    data = read_yaml(path) if path else {}
    for override in overrides:
        _set(data, override)
    return build(cls, data, str(path) if path else "--set")


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        UserError: if the file is missing, broken, or no mapping.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise UserError(f"{path}: cannot be read: {' '.join(str(fault).split())}") from fault
    if data is not None and not isinstance(data, dict):
        raise UserError(f"{path}: should hold keys and values, not a {type(data).__name__}")
    return data or {}


def within(settings: Any, least: float, most: float, *names: str) -> None:
    """Refuses what is out of range, or no number at all.

    Raises:
        UserError: naming the setting and its range.
    """
    for name in names:
        value = getattr(settings, name)
        if not least <= value <= most:
            fits = f"{least} to {most}" if most < inf else f"at least {least}"
            raise UserError(f"{name} is {value}; it is {fits}")


def build(cls: type[T], data: dict[str, Any], where: str) -> T:
    """Makes a settings dataclass of plain data, strictly."""
    return merge(cls(), data, where)


def dump(config: Any) -> str:
    """The settings as YAML, in the order of their definition."""
    return yaml.safe_dump(_plain(asdict(config)), sort_keys=False, allow_unicode=True)


def merge(settings: T, data: dict[str, Any], where: str) -> T:
    """Lays plain data over a settings dataclass, strictly.

    Raises:
        UserError: for a key or value that does not fit; `where` begins its line.
    """
    assert is_dataclass(settings), settings
    hints = get_type_hints(type(settings))
    unknown = [key for key in data if key not in hints]
    if unknown:
        legal = ", ".join(f.name for f in fields(settings))
        raise UserError(f"{where}: unknown key {unknown[0]!r}; known here: {legal}")
    changes = {
        key: _value(hints[key], value, getattr(settings, key), f"{where}: {key}")
        for key, value in data.items()
    }
    try:
        return replace(settings, **changes)
    except UserError as fault:  # the settings do not know where they stand
        raise UserError(f"{where}: {fault}") from fault


def _value(hint: Any, value: Any, current: Any, where: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None and type(None) in get_args(hint):
            return None
        hint = next(option for option in get_args(hint) if option is not type(None))
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise UserError(f"{where}: should hold keys and values, not {value!r}")
        return merge(current if current is not None else hint(), value, where)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UserError(f"{where}: {value!r} is not one of {', '.join(get_args(hint))}")
        return value
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is tuple and isinstance(value, list | tuple):
        return tuple(_scalar(get_args(hint)[0], item, where) for item in value)
    if hint is Path and isinstance(value, str):
        return Path(value).expanduser()
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is str and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, get_origin(hint) or hint) and (
        hint is bool or not isinstance(value, bool)
    ):
        return value
    kind = getattr(hint, "__name__", str(hint))
    raise UserError(f"{where}: {value!r} should be of kind {kind}")


def _set(data: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    if not equals or not path:
        raise UserError(f"--set {override}: write it as section.key=value, e.g. turns.end_ms=500")
    *sections, key = path.split(".")
    for section in sections:
        data = data.setdefault(section, {})
        if not isinstance(data, dict):
            raise UserError(f"--set {override}: {section!r} holds no further keys")
    try:
        data[key] = yaml.safe_load(text) if text else ""
    except yaml.YAMLError as fault:
        raise UserError(f"--set {override}: the value cannot be read") from fault


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _all_ms(settings: Any) -> list[str]:
    return [field.name for field in fields(settings) if field.name.endswith("_ms")]
