"""The command `report` on a recorded session."""

import json
from pathlib import Path

import pytest
from stage import LONG_REPLY, config, mic, talk

from voicechat.cli import main
from voicechat.cli.report import rows_of
from voicechat.recording.writer import Recorder


def test_figures_and_a_picture_of_a_session(tmp_path: Path, capsys) -> None:
    folder = tmp_path / "session"
    with Recorder(folder, config()) as recorder:
        talk(mic(0.5, 1.5, 1.7, 2, 6), [LONG_REPLY, "yes."], also=recorder)
    assert main(["report", str(folder)]) == 0
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["cut"] == 1 and figures["turn_end"] == 2
    assert (folder / "session.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("total_s", "rows", "row_s"),
    [(0.0, 1, 30.0), (31.0, 1, 31.0), (60.0, 2, 30.0), (80.0, 3, 30.0), (14_400.0, 240, 60.0)],
)
def test_a_picture_has_no_row_of_next_to_nothing_and_not_too_many(
    total_s: float, rows: int, row_s: float
) -> None:
    assert rows_of(total_s) == (rows, row_s)


def test_a_picture_that_cannot_be_written_is_one_line(tmp_path: Path, capsys) -> None:
    with Recorder(tmp_path / "s", config()):
        pass
    assert main(["report", str(tmp_path / "s"), "--png", str(tmp_path / "no" / "x.png")]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "there is no folder" in said.err and not said.out
