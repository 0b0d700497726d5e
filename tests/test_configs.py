"""The shipped settings files say what the code does."""

from pathlib import Path

import pytest
import yaml

from voicechat.config import Config, dump, load

CONFIGS = Path(__file__).parents[1] / "configs"


def test_the_default_file_holds_the_defaults_all_of_them() -> None:
    path = CONFIGS / "default.yaml"
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(dump(Config()))
    assert load(path, []) == Config()


@pytest.mark.parametrize("path", sorted((CONFIGS / "models").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_model_s_file_is_taken(path: Path) -> None:
    assert load(path, []).model.name != "auto"
