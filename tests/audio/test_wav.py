"""Sound files as users have them: good ones are understood, broken ones get one line."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicechat.audio.wav import read_wav, write_wav
from voicechat.errors import UserError

TONE = 440.0


def tone(rate: int, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * TONE * np.arange(int(rate * seconds)) / rate)


def header(rate: int, size: int) -> bytes:
    fmt = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    sizes = struct.pack("<I", size), struct.pack("<I", min(36 + size, 0xFFFF_FFFF))
    return b"RIFF" + sizes[1] + b"WAVEfmt " + fmt + b"data" + sizes[0]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_any_width_rate_and_channel_count_is_the_same_tone(
    tmp_path: Path, subtype: str, rate: int, channels: int
) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.repeat(tone(rate)[:, None], channels, 1), rate, subtype=subtype)
    pcm = read_wav(path)
    assert pcm.dtype == np.int16 and abs(len(pcm) - 8000) <= 1
    inner = slice(400, 7600)  # past the resampler's edges
    np.testing.assert_allclose(pcm[inner] / 32768, tone(16_000)[inner], atol=0.01)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.array([[0.5, 0.1]] * 100), 16_000)
    np.testing.assert_allclose(read_wav(path) / 32768, 0.3, atol=1e-3)


def test_a_wav_that_was_piped_has_no_known_length_and_is_read(tmp_path: Path) -> None:
    path = tmp_path / "piped.wav"
    path.write_bytes(header(16_000, 0xFFFF_FFFF) + np.arange(100, dtype="<i2").tobytes())
    np.testing.assert_array_equal(read_wav(path), np.arange(100))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no sound file"),
        (b"hello, I am no wav at all" * 10, "no sound file"),
        (header(16_000, 200)[:30], "no sound file"),
        (header(0, 200) + bytes(200), "no sound file"),
        (header(16_000, 0), "no sound"),
        (header(16_000, 3000) + bytes(200), "cut short"),
    ],
    ids=["empty", "text", "half a header", "0 Hz", "no samples", "truncated"],
)
def test_a_broken_file_gets_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(UserError, match=said) as fault:
        read_wav(path)
    assert str(path) in str(fault.value) and "\n" not in str(fault.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(tmp_path: Path, value: float) -> None:
    path = tmp_path / "nan.wav"
    soundfile.write(path, np.full(100, value), 16_000, subtype="FLOAT")
    with pytest.raises(UserError, match="no numbers"):
        read_wav(path)


def test_three_hours_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    size = 3 * 3600 * 16_000
    with path.open("wb") as file:  # sparse: nothing is written but the header
        file.write(header(8000, size))
        file.truncate(44 + size)
    with pytest.raises(UserError, match="180.0 minutes long; the limit is 30 minutes"):
        read_wav(path)


def test_a_missing_file_and_a_folder_are_no_files(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(UserError, match="no such file"):
            read_wav(path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "reply.wav"
    pcm = np.arange(-3000, 3000, dtype=np.int16)
    write_wav(path, pcm)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (24_000, 1, "PCM_16")
    np.testing.assert_array_equal(read_wav(path, rate=24_000), pcm)


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        write_wav(tmp_path / "taken", np.zeros(10, np.int16))
    with pytest.raises(UserError, match="cannot be written"):
        write_wav(tmp_path / "no" / "folder.wav", np.zeros(10, np.int16))
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]
