"""The command `train` and the settings of its stages."""

from pathlib import Path

import pytest
import yaml

from voicechat.cli import main
from voicechat.config import dump, load
from voicechat.training.stages import STAGES, stage

CONFIGS = Path(__file__).parents[2] / "configs" / "train"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_s_file_holds_its_defaults(name: str) -> None:
    settings, run = stage(name)
    path = CONFIGS / f"{name}.yaml"
    assert load(path, [], settings) == settings() and callable(run)
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(dump(settings()))


def test_a_stage_without_what_it_needs_says_what_to_do(tmp_path: Path, capsys) -> None:
    assert main(["train", "codec", "--workdir", str(tmp_path)]) == 2
    assert "no pairs of NAME.wav and NAME.txt" in capsys.readouterr().err


def test_a_wrong_setting_is_refused_in_one_line(tmp_path: Path, capsys) -> None:
    assert main(["train", "dit", "--set", "stepz=3", "--workdir", str(tmp_path)]) == 2
    assert "unknown key 'stepz'" in capsys.readouterr().err


def test_a_voice_needs_a_name_and_recordings(tmp_path: Path, capsys) -> None:
    assert main(["train", "voice", "--workdir", str(tmp_path)]) == 2
    assert "--name NAME --data FOLDER" in capsys.readouterr().err
