"""A view as rich renderables: the says as they come, and a foot with the state and the meters.

you   ▂▅▇▅▂▁▃▆▇▃
Wren  The capital of France is Paris. (dim: It lies on the Seine.)
      0.64 s = silence 0.60 + engine 0.00 + start 0.04
● speaking  mic ━━━━━━────── -31 dB  speech ━━━━━┃━──  2 xruns  aec
> a line that is being typed
"""

from __future__ import annotations

from dataclasses import astuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from voicechat.events import Latency
from voicechat.ui.view import USER, Say, View, gap

SLOW_S = 1.0  # a perceived gap above this is red
FLOOR_DB = 60.0  # the meter's and the drawn voice's lower end
BARS = "▁▂▃▄▅▆▇█"
COLOURS = {
    "listening": "green",
    "hearing": "cyan",
    "thinking": "yellow",
    "speaking": "magenta",
    "ducked": "magenta",
    "paused": "yellow",
    "muted": "red",
}
KEYS = "space {}   Esc stop   ? help   Ctrl-C twice leaves   or type a line"
HELP = """\
space    mutes and unmutes the microphone; with --push-to-talk: begins a turn, ends it
Esc      stops the reply
a line   and Enter: a written turn
Ctrl-C   once stops the reply, twice leaves
?        closes this
Talk over the reply to interrupt it; what you did not hear is dim, and is not remembered."""


def foot(view: View, width: int) -> RenderableType:
    """The lines that stay at the bottom: state, meters, badges, what is being typed."""
    state = "muted" if view.meter.muted and view.state == "listening" else view.state
    line = Text("● " + state.ljust(9) + " ", style=COLOURS[state], no_wrap=True, overflow="crop")
    line.append_text(_level(view, 20 if width >= 100 else 10))
    if width >= 75:
        line.append_text(_speech(view))
    line.append_text(_badges(view))
    typed = view.typing[-(width - 3) :]
    keys = KEYS.format("talk" if view.push_to_talk else "mute")
    below = Text(f"> {typed}▏") if typed else Text(keys, style="dim")
    below.no_wrap, below.overflow = True, "ellipsis"
    lines: list[RenderableType] = [line, below]
    if view.notice:
        lines.insert(0, Text(view.notice, style="yellow"))
    if view.help:
        lines.insert(0, Text(HELP))
    return Group(*lines)


def say(of: Say, room: int | None = None) -> RenderableType:
    """One party's say, its latency below it; at most the last `room` characters of its text."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=max(6, len(of.who)), style="bold cyan" if of.who == USER else "bold")
    grid.add_column()
    words = _words(of)
    grid.add_row(of.who, words if room is None else words[-room:])
    if of.latency:
        grid.add_row("", _latency(of.latency))
    return grid


def _words(of: Say) -> Text:
    if of.fault:
        return Text(of.fault, style="red")
    if of.who == USER:
        return Text(of.text) if of.text else Text(_wave(of.wave), style="cyan")
    words = Text(of.text[: of.heard]).append(of.text[of.heard :], style="dim")
    return words.append(" (interrupted)", style="yellow") if of.cut else words


def _wave(levels: tuple[float, ...]) -> str:
    """A bar for each level, without the quiet at both ends."""
    steps = (round((level / FLOOR_DB + 1) * (len(BARS) - 1)) for level in levels)
    bars = "".join(BARS[min(max(step, 0), len(BARS) - 1)] for step in steps)
    return bars.strip(BARS[0]) or bars[-1:]


def _latency(latency: Latency) -> Text:
    slow = sum(astuple(latency)) > SLOW_S
    return Text(gap(latency), style="bold red" if slow else "dim")


def _level(view: View, width: int) -> Text:
    if view.meter.muted:
        return Text("mic ").append("muted".ljust(width + 8), style="red")
    speaks = view.meter.speech >= view.threshold
    bar = _bar(view.meter.level_db / FLOOR_DB + 1, width, "cyan" if speaks else "white")
    return Text("mic ").append_text(bar).append(f" {view.meter.level_db:3.0f} dB ")


def _speech(view: View) -> Text:
    """The detector's probability, with a mark at the threshold."""
    width = 10
    mark = round(view.threshold * width)
    bar = _bar(view.meter.speech, width, "cyan")
    return Text("speech ") + bar[:mark] + Text("┃") + bar[mark:] + Text("  ")


def _bar(share: float, width: int, style: str) -> Text:
    filled = min(max(round(share * width), 0), width)
    return Text("━" * filled, style=style).append("─" * (width - filled), style="dim")


def _badges(view: View) -> Text:
    xruns = Text(f"{view.xruns} xruns ", style="red") if view.xruns else Text()
    return xruns.append(view.echo, style="dim")
