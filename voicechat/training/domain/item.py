"""One thing to ask, and the files that hold what there is to ask."""

from __future__ import annotations

import functools
import importlib.resources
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Item:
    """One thing to ask: its kind, its one right reply and its own forms.

    Attributes:
        pair: Its numbers belong to the held-out pairs.
        follow: Ways to ask it right after another item of the same `group`.
        weight: How often it is drawn, relative to its kind.
    """

    kind: str
    reply: str
    forms: tuple[str, ...]
    pair: bool = False
    follow: tuple[str, ...] = ()
    group: str = ""
    weight: float = 1.0


@functools.cache
def load(name: str) -> Any:
    """Returns the data file `name`.yaml; every scalar is a string."""
    folder = importlib.resources.files("voicechat.training.domain") / "data"
    return yaml.load((folder / f"{name}.yaml").read_text("utf-8"), yaml.BaseLoader)
