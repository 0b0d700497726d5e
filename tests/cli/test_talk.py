"""The talk's command line: settings by flag, and one line for what does not fit."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from voicechat.cli import main

ROOT = Path(__file__).parents[2]


def shown(flags: list[str], capsys: pytest.CaptureFixture) -> dict:
    assert main([*flags, "--show-config"]) == 0
    return yaml.safe_load(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("flags", "section", "key", "value"),
    [
        (["--voice", "Alder"], "model", "voice", "Alder"),
        (["--persona", 'it\'s "you" \\ me'], "model", "persona", 'it\'s "you" \\ me'),
        (["--persona", "glad 😀"], "model", "persona", "glad 😀"),
        (["--lang", "no"], "model", "lang", "no"),
        (["--input", "7"], "audio", "input", "7"),
        (["--echo", "half"], "audio", "echo", "half"),
        (["--push-to-talk"], "turns", "push_to_talk", True),
        (["--no-interrupt"], "barge_in", "enabled", False),
        (["--set", "turns.end_ms=500"], "turns", "end_ms", 500),
    ],
)
def test_a_flag_is_a_setting(
    flags: list[str], section: str, key: str, value: object, capsys: pytest.CaptureFixture
) -> None:
    assert shown(flags, capsys)[section][key] == value


def test_what_is_shown_can_be_given_back(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    config = shown(["--set", "turns.end_ms=512"], capsys)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    assert shown(["--config", str(tmp_path / "c.yaml")], capsys) == config


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--echo", "loud"], "headset"),
        (["--set", "turns.ends=5"], "end_ms"),
        (["--set", "barge_in.ramp_ms=0"], "ramp_ms is 0"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--input", "no such microphone"], "apt install|devices"),
    ],
)
def test_what_does_not_fit_is_one_line(
    flags: list[str], named: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(flags) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and any(name in said for name in named.split("|"))


def test_what_a_folder_holds_is_not_recorded_over_and_no_model_is_loaded_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicechat.cli.talk._missing_devices", lambda config: "no device")
    (tmp_path / "mic.wav").touch()
    assert main(["--model", "no such model", "--record", str(tmp_path)]) == 2
    assert "holds mic.wav already" in capsys.readouterr().err


def test_without_a_place_for_the_log_the_talk_goes_on_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("voicechat.cli.talk._missing_devices", lambda config: "no device")
    monkeypatch.setattr("voicechat.cli.talk._sample", lambda *_: None)
    monkeypatch.setattr("voicechat.cli.talk.LOG", tmp_path / "file" / "log.txt")
    assert main(["--model", "scripted"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and said[-1].endswith("; this talk has no log")


def test_help_takes_little_work() -> None:
    def work_s() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    before = work_s()
    shown = subprocess.run([sys.executable, ROOT / "main.py", "--help"], capture_output=True)
    assert shown.returncode == 0 and b"talk" in shown.stdout
    assert work_s() - before < 1.0  # 0.2 s; loading torch alone takes 2
