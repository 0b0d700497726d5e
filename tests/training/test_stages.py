"""The command `train` and the settings of its stages."""

from pathlib import Path

import pytest
import yaml
from speech_slices import write_readings

from voicechat.cli import main
from voicechat.config import dump, load
from voicechat.errors import UserError
from voicechat.training.stages import STAGES, stage
from voicechat.training.teacher import VOICES
from voicechat.training.tokenizer import train_tokenizer

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


@pytest.mark.parametrize(
    ("name", "setting", "remedy"),
    [
        ("codec", "checkpoint_every=0", "at least 1"),
        ("data", "shard=0", "at least 1"),
        ("dit", "hidden=100", "a multiple of 64"),
        ("dpo", "lr=-0.1", "at least 0"),
        ("export", "talker=foo", "not one of talker, dpo"),
        ("export", "thinker_share=1.5", "0 to 1"),
        ("talker", "most_codes=10", "at least 60"),
        ("thinker", "joint.missed=1.1", "0 to 1"),
        ("thinker", "evaluate_every=0", "at least 1"),
        ("thinker", "augmentation.snr_db=[30.0,5.0]", "a range"),
        ("vocoder", "channels=10", "at least 64"),
        ("voice", "rehearsed=0", "at least 1"),
    ],
)
def test_a_number_that_cannot_be_is_refused(name: str, setting: str, remedy: str) -> None:
    with pytest.raises(UserError, match=f"{setting.split('=')[0].split('.')[-1]}.* {remedy}"):
        load(None, [setting], stage(name)[0])


@pytest.mark.parametrize(
    ("command", "first"), [("dit", "codec"), ("dpo", "talker"), ("export", "thinker")]
)
def test_the_stage_that_has_to_run_before_is_named(
    command: str, first: str, tmp_path: Path, capsys
) -> None:
    train_tokenizer(tmp_path, talks=20)
    for voice in VOICES:
        write_readings(tmp_path / "speech" / voice, 120.0)
    assert main(["train", command, "--workdir", str(tmp_path)]) == 2
    assert f"run 'train {first}' first" in capsys.readouterr().err


def test_a_voice_needs_a_name_and_recordings(tmp_path: Path, capsys) -> None:
    assert main(["train", "voice", "--workdir", str(tmp_path)]) == 2
    assert "--name NAME --data FOLDER" in capsys.readouterr().err
