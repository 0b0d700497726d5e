"""The Talker's recordings are named once."""

from pathlib import Path

import pytest
import torch
from speech_slices import WORDS, write_folder, write_readings

from voicechat.errors import UserError
from voicechat.training import labels
from voicechat.training.codec import Codec
from voicechat.training.teacher import VOICES, held_out


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    for voice in VOICES:
        write_readings(tmp_path / "speech" / voice, 120.0)
    return tmp_path


def codec(seed: int) -> Codec:
    torch.manual_seed(seed)
    return Codec(16).eval()


def test_every_recording_that_is_not_held_out_is_named(workdir: Path) -> None:
    items = labels.labelled(codec(0), workdir)
    kept = [text for text in WORDS if not held_out(text)]
    assert [(i.voice, i.text) for i in items] == [(v, t) for v in (0, 1) for t in kept]
    for item in items:
        assert len(item.codes) == len(item.places) > 0 and item.codes.min() >= 1
        assert item.places.max() < len(item.text)


def test_what_is_named_already_is_not_named_again(workdir: Path, monkeypatch) -> None:
    first = labels.labelled(codec(0), workdir)
    monkeypatch.setattr(labels, "_name", lambda *args: pytest.fail("named again"))
    again = labels.labelled(codec(0), workdir)
    assert all(torch.equal(a.codes, b.codes) for a, b in zip(first, again, strict=True))


def test_another_codec_names_anew(workdir: Path) -> None:
    first, other = labels.labelled(codec(0), workdir), labels.labelled(codec(1), workdir)
    assert any(not torch.equal(a.codes, b.codes) for a, b in zip(first, other, strict=True))


def test_readings_of_an_earlier_version_are_to_be_read_again(tmp_path: Path) -> None:
    write_folder(tmp_path / "speech" / "Wren", 120.0)
    with pytest.raises(UserError, match="0.npz is missing: remove .*Wren and run 'train data'"):
        labels.labelled(codec(0), tmp_path)


def test_without_recordings_the_remedy_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no pairs"):
        labels.labelled(codec(0), tmp_path)
