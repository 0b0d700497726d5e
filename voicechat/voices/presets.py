"""What is said of the preset voices; their timbre itself is in the checkpoint's `spk_dict.pt`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


def presets(names: Sequence[str], default: str) -> tuple[Preset, ...]:
    """The voices of a checkpoint, in its order.

    Args:
        names: of all its voices.
        default: the one that speaks unless another is asked for.
    """
    return tuple(Preset(name, DESCRIPTIONS.get(name, ADDED), name == default) for name in names)
