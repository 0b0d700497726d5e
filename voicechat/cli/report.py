"""`python main.py report`: what a recorded session was like, in figures and as a picture."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voicechat.cli.options import check_writable
from voicechat.clock import CODE, FRAME, MIC_RATE, TICKS_PER_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from voicechat.recording.reader import Recording

HELP = "figures and a picture of a recorded session"
ROW_S = 30.0  # of a picture, about
MOST_ROWS = 240  # two hours of them; 298 are more pixels than matplotlib draws
MARKS = {"speech_start": "|", "soft_end": ".", "turn_end": "x", "duck": "v", "pause": "s",
         "resume": "^", "cut": "X", "reply_end": "o", "discard": "d", "error": "*"}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `report`."""
    parser.add_argument("folder", type=Path, help="made by --record")
    parser.add_argument("--png", type=Path, metavar="FILE", help="default: FOLDER/session.png")


def run(args: argparse.Namespace) -> int:
    """Prints a table and one line of JSON, and draws both channels with what happened."""
    from voicechat.recording.reader import read

    recording = read(args.folder)
    png = args.png or args.folder / "session.png"
    check_writable(png)
    figures = _figures(recording)
    for name, value in figures.items():
        print(f"{name:24} {value}")
    _draw(recording, png)
    print(f"{'picture':24} {png}")
    print(json.dumps(figures))
    return 0


def _figures(recording: Recording) -> dict[str, Any]:
    from voicechat.evaluation.scores import percentiles

    events, ticks = recording.events, recording.ticks
    latencies = [e["latency"] for e in events if e["event"] == "reply_start"]
    gaps = [sum(parts.values()) for parts in latencies]
    parts = {
        f"... {part}": percentiles(latency[part] for latency in latencies)
        for part in ("silence_s", "engine_s", "start_s")
    }
    minutes = max(len(ticks) / TICKS_PER_S / 60, 1e-9)
    played_s = sum(tick.played for tick in ticks) / (CODE * TICKS_PER_S)
    counts = {
        kind: sum(e["event"] == kind for e in events)
        for kind in (
            "turn_end",
            "reply_start",
            "duck",
            "pause",
            "resume",
            "cut",
            "discard",
            "error",
        )
    }
    return {
        "length_s": round(len(ticks) / TICKS_PER_S, 2),
        "spoken_s": round(played_s, 2),
        **counts,
        "gap_s": percentiles(gaps),
        **parts,
        "resumed_s": percentiles(_resumed(events)),
        "unheard_words": _unheard(events),
        "xruns_per_minute": round(sum(tick.xruns for tick in ticks) / minutes, 2),
    }


def _resumed(events: list[dict[str, Any]]) -> list[float]:
    """How long each pause lasted that was taken back."""
    times, paused_s = [], None
    for event in events:
        if event["event"] == "pause":
            paused_s = event["t_s"]
        elif event["event"] == "resume" and paused_s is not None:
            times.append(event["t_s"] - paused_s)
        if event["event"] in ("resume", "cut"):
            paused_s = None
    return times


def _unheard(events: list[dict[str, Any]]) -> int:
    """Words that were generated and are kept nowhere, as nobody heard them."""
    cuts = [event for event in events if event["event"] == "cut"]
    return sum(len(e["text"].split()) - len(e["heard_text"].split()) for e in cuts)


def rows_of(total_s: float) -> tuple[int, float]:
    """The rows of a picture and their length, a little longer rather than a last row of little."""
    rows = min(max(1, round(total_s / ROW_S)), MOST_ROWS)
    return rows, max(ROW_S, total_s / rows)


def _draw(recording: Recording, png: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, row_s = rows_of(len(recording.ticks) / TICKS_PER_S)
    figure, axes = pyplot.subplots(rows, 1, figsize=(14, 2.2 * rows + 0.6), squeeze=False)
    for row, axis in enumerate(axes[:, 0]):
        _draw_row(axis, recording, row * row_s, row_s)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), fontsize=8)
    axes[-1, 0].set_xlabel("seconds")
    figure.tight_layout(rect=(0, 0.25 / (2.2 * rows + 0.6), 1, 1))
    figure.savefig(png, dpi=100, format="png")
    pyplot.close(figure)


def _draw_row(axis: Axes, recording: Recording, from_s: float, row_s: float) -> None:
    to_s = from_s + row_s
    ticks = recording.ticks[round(from_s * TICKS_PER_S) : round(to_s * TICKS_PER_S)]
    time_s = from_s + np.arange(len(ticks)) / TICKS_PER_S
    mic = [_peak(tick.mic) for tick in ticks]
    heard = [_peak(tick.heard) for tick in ticks]
    axis.fill_between(time_s, 1, 1 + np.array(mic), step="pre", color="tab:blue", lw=0)
    axis.fill_between(time_s, -np.array(mic) + 1, 1, step="pre", color="tab:blue", lw=0)
    axis.fill_between(time_s, -1 - np.array(heard), -1 + np.array(heard), color="tab:orange", lw=0)
    for index, (kind, mark) in enumerate(MARKS.items()):
        at = [e["t_s"] for e in recording.events if e["event"] == kind
              and from_s <= e["t_s"] < to_s]  # fmt: skip
        axis.scatter(
            at, [0.0] * len(at), marker=mark, s=40, label=kind, color=f"C{index}", zorder=3
        )
    axis.set(xlim=(from_s, to_s), ylim=(-2.1, 2.1), yticks=(-1, 1))
    axis.set_yticklabels(("assistant", "user"))


def _peak(pcm: np.ndarray) -> float:
    """The level to draw: the square root shows the soft beside the loud."""
    if not len(pcm):
        return 0.0
    assert FRAME * TICKS_PER_S == MIC_RATE
    return float(np.sqrt(np.abs(pcm.astype(np.int32)).max() / 32768))
