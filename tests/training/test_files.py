"""A file that others take for whole is whole."""

from pathlib import Path

import pytest

from voicechat.training.files import whole


def test_a_file_comes_to_its_place_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "stage" / "last.pt"
    with whole(path) as part:
        part.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]


def test_what_is_killed_while_it_writes_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "missed.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole(path) as part:
        part.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
