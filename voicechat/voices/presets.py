"""What is said of the preset voices; their timbre itself is in the checkpoint's `spk_dict.pt`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicechat.errors import UserError

# Chelsie and Ethan as Qwen describes them on the model card of Qwen2.5-Omni-7B.
DESCRIPTIONS = {
    "Wren": "female, pocket's own",
    "Alder": "male, pocket's own",
    "Chelsie": "female, honeyed and velvety, gentle, clear",
    "Ethan": "male, bright and upbeat, warm and approachable",
}
ADDED = "added to this checkpoint"


@dataclass(frozen=True)
class Preset:
    """A voice that `--voice` takes."""

    name: str
    description: str
    default: bool


def choose(names: Sequence[str], asked: str) -> str:
    """The voice that is meant, whatever its case; the first one, if none is asked for.

    Raises:
        UserError: naming the known ones.
    """
    if not asked:
        return names[0]
    known = {name.lower(): name for name in names}
    if asked.lower() not in known:
        raise UserError(f"unknown voice {asked!r}; this model has {', '.join(names)}")
    return known[asked.lower()]


def presets(names: Sequence[str], asked: str) -> tuple[Preset, ...]:
    """The voices of a checkpoint, in its order, one of them the default.

    Args:
        names: of all its voices.
        asked: the voice that the settings ask for; empty if they do not.
    """
    default = choose(names, asked)
    return tuple(Preset(name, DESCRIPTIONS.get(name, ADDED), name == default) for name in names)
