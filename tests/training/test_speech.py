"""Recordings as users bring them: what cannot be read is named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicechat.errors import UserError
from voicechat.training.speech import load_folder


def pair(folder: Path, pcm: np.ndarray, text: bytes) -> Path:
    """Writes NAME.wav and NAME.txt; returns the folder."""
    soundfile.write(folder / "one.wav", pcm, 24_000)
    (folder / "one.txt").write_bytes(text)
    return folder


def test_a_text_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    folder = pair(tmp_path, np.sin(np.arange(24_000)), "caf\u00e9".encode("latin-1"))
    with pytest.raises(UserError, match="one.txt is not in UTF-8"):
        load_folder(folder, 2)


def test_a_silent_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one.wav: .*no sound"):
        load_folder(pair(tmp_path, np.zeros(24_000), b"hush"), 2)


def test_what_is_no_recording_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_text("no wav")
    (tmp_path / "one.txt").write_text("hello")
    with pytest.raises(UserError, match="one.wav: "):
        load_folder(tmp_path, 2)
