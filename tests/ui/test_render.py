"""What the terminal shows, at several widths."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from voicechat.events import Latency, Meter
from voicechat.ui import render
from voicechat.ui.view import USER, Say, View

VIEW = View(voice="Wren", echo="echo aec", meter=Meter(level_db=-30.0, speech=0.7))
REPLY = Say(key=0, who="Wren", turn=1, text="It is Paris.", heard=5)


def shown(what: RenderableType, width: int = 80, colour: bool = False) -> str:
    console = Console(file=StringIO(), width=width, force_terminal=colour, highlight=False)
    console.print(what)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 140])
@pytest.mark.parametrize("help", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, help: bool) -> None:
    view = replace(VIEW, xruns=12, notice="gone", typing="x" * 200, help=help)
    say = replace(REPLY, text="word " * 60, latency=Latency(0.6, 0.1, 0.05))
    lines = (shown(render.foot(view, width), width) + shown(render.say(say), width)).splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_foot_tells_state_level_badges_and_what_is_typed(width: int) -> None:
    text = shown(render.foot(replace(VIEW, state="speaking", xruns=2, typing="hi"), width), width)
    for part in ("● speaking", "mic ━━", "-30 dB", "2 xruns", "echo aec", "> hi"):
        assert part in text
    assert ("speech" in text) == (width >= 75)


def test_the_end_of_a_long_typed_line_stays_in_sight() -> None:
    text = shown(render.foot(replace(VIEW, typing="a" * 100 + "end"), 60), 60)
    assert "aend" in text


def test_a_muted_microphone_is_said_whatever_else_happens() -> None:
    muted = replace(VIEW, meter=Meter(muted=True))
    assert "● muted     mic muted" in shown(render.foot(muted, 80))
    assert "● speaking  mic muted" in shown(render.foot(replace(muted, state="speaking"), 80))


@pytest.mark.parametrize(("push_to_talk", "does"), [(False, "space mute"), (True, "space talk")])
def test_the_foot_says_what_space_does(push_to_talk: bool, does: str) -> None:
    assert does in shown(render.foot(replace(VIEW, push_to_talk=push_to_talk), 80))


def test_the_threshold_is_marked_where_it_lies() -> None:
    line = shown(render.foot(replace(VIEW, threshold=0.3), 80))
    assert "speech ━━━┃━━━━───" in line


def test_the_unheard_part_is_dim() -> None:
    text = shown(render.say(REPLY), colour=True)
    assert "It is\x1b[2m Paris.\x1b[0m" in text


@pytest.mark.parametrize(("engine_s", "style"), [(0.2, "2m"), (0.5, "1;31m")])
def test_a_gap_over_a_second_is_red(engine_s: float, style: str) -> None:
    say = replace(REPLY, latency=Latency(0.6, engine_s, 0.04))
    text = f"{0.64 + engine_s:.2f} s = silence 0.60 + engine {engine_s:.2f} + start 0.04"
    assert f"\x1b[{style}{text}\x1b[0m" in shown(render.say(say), colour=True)


def test_the_users_voice_is_drawn_by_its_level() -> None:
    say = Say(key=0, who=USER, turn=1, wave=(-90.0, -30.0, -60.0, 0.0, -60.0))
    assert shown(render.say(say)).split() == ["you", "▅▁█"]
    assert shown(render.say(replace(say, wave=(-60.0, -60.0)))).split() == ["you", "▁"]


def test_of_a_very_long_reply_the_end_is_shown_while_it_sounds() -> None:
    say = replace(REPLY, text="first " * 500 + "last")
    text = shown(render.say(say, room=100))
    assert "last" in text and len(text.splitlines()) <= 3
    assert shown(render.say(say)).count("first") == 500
