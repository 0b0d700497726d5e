"""`devices` and `doctor` on a virtual sound card."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from virtual_audio import VirtualCard

from voicechat.audio.calibration import EchoPath
from voicechat.audio.checkup import Level
from voicechat.audio.wav import read_wav
from voicechat.cli.doctor import _check_echo

ROOT = Path(__file__).parents[2]


def start(env: dict[str, str], home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "main.py", *arguments],
        env={**env, "XDG_CONFIG_HOME": str(home)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_devices_are_listed(card: VirtualCard, tmp_path: Path) -> None:
    out, _ = start(card.env, tmp_path, "devices").communicate(timeout=60)
    (default,) = (line for line in out.splitlines() if "input and output" in line)
    assert default.split()[:3] == ["1", "default", "ALSA"]


def test_without_a_device_the_advice_is_the_remedy(card: VirtualCard, tmp_path: Path) -> None:
    away = card.env | {"PULSE_SERVER": "unix:/nowhere"}
    out, _ = start(away, tmp_path, "doctor", "--no-model").communicate(timeout=60)
    assert out.splitlines()[-1].split(maxsplit=1)[1].startswith("there is no input device: connect")


def test_the_doctor_measures_the_echo_and_keeps_it(card: VirtualCard, tmp_path: Path) -> None:
    with card.echo(delay_ms=80):
        doctor = start(card.env, tmp_path, "doctor", "--no-model")
        assert doctor.stdout
        said = []
        for line in doctor.stdout:
            said.append(line)
            if line.startswith("Now talk"):
                card.say(read_wav(ROOT / "tests/data/question.wav"), 16_000)
    assert doctor.wait(60) == 0, doctor.stderr and doctor.stderr.read()
    report = "".join(said)
    assert "--echo auto will use: aec" in report
    assert "nothing to change" in report
    (measured,) = json.loads((tmp_path / "voicechat" / "echo.json").read_text())
    path = EchoPath(**measured)
    assert path.delay_ms is not None and 80 < path.delay_ms < 400
    assert path.loss_db == pytest.approx(0, abs=3), "the loopback is at full level"


@pytest.mark.parametrize(
    ("path", "said", "advice"),
    [
        (EchoPath("m", "o"), "none heard", []),
        (EchoPath("m", "o", 60, 40, None), "too soft", []),
        (EchoPath("m", "o", 60, 12, 25), "removes 25 dB", []),
        (EchoPath("m", "o", 60, 12, 0.0), "removes 0 dB", ["cannot be cancelled"]),
    ],
)
@pytest.mark.parametrize("kept", [True, False])
def test_an_echo_is_told_and_advised_on_even_where_nothing_can_be_kept(
    path: EchoPath, said: str, advice: list[str], kept: bool, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "file").touch()
    home = tmp_path if kept else tmp_path / "file"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setattr("voicechat.audio.checkup.measure_echo", lambda *_: path)
    device = SimpleNamespace(name="m")
    given = _check_echo(SimpleNamespace(input=device, output=device))
    assert said in capsys.readouterr().out
    expected = advice if kept else [*advice, "echo.json: cannot be written"]
    assert len(given) == len(expected)
    assert all(part in line for part, line in zip(expected, given, strict=True))


@pytest.mark.parametrize(
    ("level", "advice"),
    [
        (Level(-70, -20, 0), ""),
        (Level(-96, -96, 0), "unmute"),
        (Level(-70, -55, 0), "too soft"),
        (Level(-70, -5, 0.02), "too loud"),
        (Level(-30, -25, 0), "headset"),
    ],
)
def test_levels_become_advice(level: Level, advice: str) -> None:
    assert advice in level.advice()
    assert bool(advice) == bool(level.advice())
