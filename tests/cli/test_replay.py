"""The command `replay`: what cannot be done is said before the work, in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stage import LONG_REPLY, Loud, config, mic, talk

from voicechat.cli import main
from voicechat.conversation.core import Core
from voicechat.recording.writer import Recorder

WAV = str(Path(__file__).parents[1] / "data" / "question.wav")
SCRIPTED = ["--model", "scripted", "--compute", "zero"]


def test_a_sweep_tells_a_line_a_value_and_writes_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = ["--out", str(tmp_path / "x.wav"), "--events", str(tmp_path / "e.jsonl")]
    sweep = ["--sweep", "turns.end_unjudged_ms=400:800:400"]
    assert main(["replay", WAV, *SCRIPTED, *sweep, *outs]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split(":")[0] for line in lines]
    assert names == ["turns.end_unjudged_ms=400", "turns.end_unjudged_ms=800"]
    events = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    assert {"turn_end", "reply_start", "reply_end"} <= {event["event"] for event in events}
    assert (tmp_path / "x.wav").stat().st_size > 44


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--events", "no/where.jsonl"], "no/where.jsonl: there is no folder no"),
        (["--out", "no/where.wav"], "no/where.wav: there is no folder no"),
        (["--out", "."], "is a folder"),
        (["--sweep", "turns.end_ms=900:300:100"], "100 leads from 900 away from 300"),
        (["--sweep", "turns.end_ms=300:inf:100"], "KEY=FIRST:LAST:STEP"),
        (["--sweep", "turns.end_ms=300:900:0"], "KEY=FIRST:LAST:STEP"),
        (["--sweep", "=1:2:1"], "section.key=value"),
    ],
)
def test_what_does_not_fit_is_one_line_before_any_work(
    flags: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["replay", WAV, *SCRIPTED, *flags]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and not told.out
    assert not list(tmp_path.iterdir())


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(
        "voicechat.cli.wiring.make_core", lambda config, echo: Core(config, Loud(), echo)
    )
    with Recorder(tmp_path / "session", config()) as recorder:
        talk(mic(0.5, 1.5, 6), [LONG_REPLY], also=recorder)
    return tmp_path / "session"


def test_a_session_is_folded_to_the_same_actions(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(session)]) == 0
    assert "s of talk: the same" in capsys.readouterr().out


@pytest.mark.parametrize("setting", ["soft_end_ms: 400", "least_ms: 9000"])
def test_other_actions_than_recorded_are_told(
    session: Path, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    key = setting.split(":")[0]
    lines = (session / "config.yaml").read_text().splitlines()
    changed = [f"  {setting}" if line.strip().startswith(key) else line for line in lines]
    (session / "config.yaml").write_text("\n".join(changed))
    assert main(["replay", str(session)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("other actions than recorded: ") and told.count("\n") == 1


def test_what_a_fold_cannot_heed_is_refused(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(session), "--set", "turns.end_ms=900"]) == 2
    assert "--engine or --sweep" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["-1", "inf", "nan", "soon"])
def test_a_tail_is_a_length_of_time(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["replay", WAV, *SCRIPTED, f"--tail={value}"])
    assert "--tail" in capsys.readouterr().err.splitlines()[-1]
