"""The voices of a checkpoint are listed, and an unknown one is answered with the known ones."""

import pytest

from tests.engine import tiny
from voicechat.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save(tmp_path_factory.mktemp("tiny")))


def test_each_voice_is_a_line_and_the_first_is_the_default(
    model: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["voices", "--model", model]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(tiny.voices())
    assert ["(default)" in line for line in lines] == [True, False]


def test_another_default_is_marked(model: str, capsys: pytest.CaptureFixture) -> None:
    second = list(tiny.voices())[1]
    assert main(["voices", "--model", model, "--voice", second.lower()]) == 0
    assert "(default)" in capsys.readouterr().out.splitlines()[1]


def test_an_unknown_voice_is_refused(model: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["voices", "--model", model, "--voice", "Nobody"]) == 2
    fault = capsys.readouterr().err.splitlines()[-1]
    assert "Nobody" in fault and all(name in fault for name in tiny.voices())
