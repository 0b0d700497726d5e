"""What a run of a stage leaves to read: a line every few steps, and the curve of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Log:
    """`log.jsonl` and `curve.png` in the folder of a stage. A line has a `step` and figures."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "log.jsonl"

    def write(self, line: Mapping[str, float]) -> None:
        """Adds a line."""
        with self.file.open("a") as log:
            log.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        """All lines so far."""
        text = self.file.read_text() if self.file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def drop_after(self, step: int) -> None:
        """Forgets the lines of steps that will be gone through again."""
        kept = [json.dumps(line) for line in self.lines() if line["step"] <= step]
        self.file.write_text("".join(line + "\n" for line in kept))

    def draw(self) -> None:
        """Draws every series over the steps into `curve.png`."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        lines = self.lines()
        keys = sorted({key for line in lines for key in line} - {"step", "seconds"})
        figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
        for key in keys:
            points = [(line["step"], line[key]) for line in lines if key in line]
            marker = "o" if key.startswith("eval/") else None
            axes.plot(*zip(*points, strict=True), marker=marker, label=key)
        axes.set(title=self.folder.name, xlabel="step")
        axes.set_yscale("symlog", linthresh=0.01, subs=(2, 5))  # shares may be 0
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")  # within one decade there are no others
        if keys:
            axes.legend(fontsize="small")
        figure.savefig(self.folder / "curve.png", dpi=100)
        pyplot.close(figure)
