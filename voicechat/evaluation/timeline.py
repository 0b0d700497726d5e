"""A picture of replies in the making: who worked when, and when the sound came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voicechat.errors import UserError

if TYPE_CHECKING:
    from voicechat.evaluation.bench import Run

_COLOURS = {
    "prefill": "#8c8c8c",
    "thinker": "#4c72b0",
    "talker": "#dd8452",
    "dit": "#55a868",
    "bigvgan": "#c44e52",
}
_SOUNDING = ("dit", "bigvgan")  # may work beside the others
_SOUND = "#000000"


def draw(runs: Sequence[Run], path: Path, title: str) -> None:
    """Draws a row a run: the language models, below them token2wav, and the sound as it plays.

    Args:
        runs: of the same reply.
        path: of the PNG.
        title: says what was measured.

    Raises:
        UserError: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as fault:
        raise UserError("a picture needs matplotlib: pip install matplotlib") from fault
    figure = Figure(figsize=(11, 1.2 + 1.3 * len(runs)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for row, run in enumerate(runs):
        for stage, colour in _COLOURS.items():
            spans = [(start, end - start) for name, start, end in run.spans if name == stage]
            lane = row + (0.3 if stage in _SOUNDING else 0.05)
            axes.broken_barh(spans, (lane, 0.25), color=colour, linewidth=0)
        axes.broken_barh(_playing(run), (row + 0.6, 0.15), color=_SOUND, linewidth=0)
        axes.plot([run.first_sound_s], [row + 0.85], marker="v", color=_SOUND)
    axes.set_yticks([row + 0.4 for row in range(len(runs))], [run.name for run in runs])
    axes.invert_yaxis()
    axes.set_xlabel("seconds after the end of the question")
    axes.set_title(title)
    _legend(axes)
    figure.savefig(path, dpi=120)


def _playing(run: Run) -> list[tuple[float, float]]:
    """When the sound plays: each piece as soon as it is there and the one before is over."""
    spans, free = [], 0.0
    for came, seconds in run.sounds:
        start = max(free, came)
        spans.append((start, seconds))
        free = start + seconds
    return spans


def _legend(axes: object) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=colour, label=stage) for stage, colour in _COLOURS.items()]
    axes.legend(handles=[*patches, Patch(color=_SOUND, label="sound")], ncols=6, fontsize=8)
