"""The live display on a terminal: the scrollback gets each say once, and the cursor comes back."""

import os
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from voicechat.events import Event, EventKind, Meter
from voicechat.ui.screen import Screen
from voicechat.ui.view import View


def terminal() -> Console:
    return Console(file=StringIO(), width=80, height=24, force_terminal=True, highlight=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def test_a_finished_say_is_printed_once_and_an_open_one_at_the_end(log: Path) -> None:
    console = terminal()
    with Screen(View(voice="Wren"), log, console) as screen:
        for turn, text in enumerate(("first", "second", "third")):
            screen.show(
                Meter(), (Event(0, EventKind.TURN_END, turn, {"text": text, "last_voiced_s": 0.0}),)
            )
            screen.draw()
        screen.show(Meter(), (Event(0, EventKind.TEXT, 2, {"text": "still open"}),))
        screen.draw()
    left = console.file.getvalue()
    assert [left.count(word) for word in ("first", "second", "third")] == [1, 1, 1]
    assert left.rindex("still open") > left.rindex("● ")


def test_the_terminal_is_restored_after_a_fault(log: Path) -> None:
    console = terminal()
    with pytest.raises(RuntimeError), Screen(View(voice="Wren"), log, console):
        raise RuntimeError("a fault")
    assert console.file.getvalue().rindex("\x1b[?25h") > console.file.getvalue().rindex("\x1b[?25l")


def test_help_comes_and_goes(log: Path) -> None:
    console = terminal()
    with Screen(View(voice="Wren"), log, console) as screen:
        screen.help()
        screen.draw()
        assert "stops the reply" in console.file.getvalue()
        console.file.seek(0)
        console.file.truncate()
        screen.help()
        screen.draw()
        assert "stops the reply" not in console.file.getvalue()


def test_what_a_c_library_complains_of_goes_to_the_log(
    log: Path, capfd: pytest.CaptureFixture
) -> None:
    with Screen(View(voice="Wren"), log, terminal()):
        os.write(2, b"ALSA lib pcm.c: underrun occurred")
    os.write(2, b"afterwards")
    assert log.read_text() == "ALSA lib pcm.c: underrun occurred"
    assert capfd.readouterr().err == "afterwards"
