"""What pocket's encoder hears can be read, and counted against what was said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import Checkpoint, load
from voicechat.errors import UserError
from voicechat.evaluation.transcript import has_transcript, misheard

SAMPLES = Path(__file__).parents[2] / "voicechat" / "assets" / "samples"


@pytest.fixture(scope="module")
def pocket() -> Checkpoint:
    return load(ModelConfig(name="pocket"))


def folder(path: Path, said: str) -> Path:
    shutil.copy(SAMPLES / "2_capital.wav", path / "question.wav")
    (path / "question.txt").write_text(said)
    return path


def test_a_question_is_read_from_what_the_encoder_gives(pocket: Checkpoint, tmp_path: Path) -> None:
    assert has_transcript(pocket)
    assert misheard(folder(tmp_path, "what is the capital of france"), 5, pocket) == (0.0, 1)


def test_what_was_not_said_counts_as_misheard(pocket: Checkpoint, tmp_path: Path) -> None:
    wrong, _ = misheard(folder(tmp_path, "what is the capital of spain"), 5, pocket)
    assert wrong == pytest.approx(1 / 6)


def test_a_folder_without_recordings_is_refused(pocket: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no pairs"):
        misheard(tmp_path, 5, pocket)
