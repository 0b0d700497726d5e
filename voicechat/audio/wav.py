"""Sound files: any one in, as mono; a 16-bit wav out."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voicechat.audio.resample import to_int16
from voicechat.clock import MIC_RATE, SPEAKER_RATE
from voicechat.errors import UserError

LONGEST_S = 30 * 60
_BLOCK = 1 << 16
# libsndfile reads a cut file to its end and says so only in its log. A program that writes to a
# pipe cannot know the length and promises about 2 or 4 GB: that is no cut.
_SHORT = re.compile(r"^data *: (\d+) \(should be \d+\)", re.MULTILINE)
_UNKNOWN = 0x7F00_0000


def read_wav(path: Path, rate: int = MIC_RATE, longest_s: float = LONGEST_S) -> np.ndarray:
    """Reads a sound file of any rate, width and number of channels.

    Args:
        path: wav, or whatever else libsndfile knows (flac, ogg, mp3).
        rate: wanted, in Hz.
        longest_s: refuse what is longer.

    Returns:
        `[samples]` int16, the mean of the channels.

    Raises:
        UserError: if it is missing, broken, cut short, empty, too long, or holds NaN.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with soundfile.SoundFile(path) as file:
            _check(path, file, longest_s)
            blocks = file.blocks(_BLOCK, dtype="float32", always_2d=True)
            pcm = np.concatenate([block.mean(axis=1) for block in blocks])
    except (soundfile.LibsndfileError, OSError) as fault:
        reason = str(getattr(fault, "error_string", fault)).rstrip(".")
        raise UserError(f"{path}: no sound file that can be read ({reason})") from fault
    if not np.isfinite(pcm).all():
        raise UserError(f"{path}: holds samples that are no numbers (NaN or infinite)")
    return to_int16(pcm if file.samplerate == rate else soxr.resample(pcm, file.samplerate, rate))


def _check(path: Path, file: soundfile.SoundFile, longest_s: float) -> None:
    promised = _SHORT.search(file.extra_info)
    if promised and int(promised[1]) < _UNKNOWN:
        raise UserError(f"{path}: is cut short; copy or record it again")
    if file.frames == 0:
        raise UserError(f"{path}: holds no sound")
    seconds = file.frames / file.samplerate
    if seconds > longest_s:
        limit = f"{longest_s / 60:g} minutes" if longest_s >= 60 else f"{longest_s:g} s"
        raise UserError(f"{path}: is {seconds / 60:.1f} minutes long; the limit is {limit}")


def write_wav(path: Path, pcm: np.ndarray, rate: int = SPEAKER_RATE) -> None:
    """Writes `[samples]` or `[samples, channels]` int16 as a wav: wholly, or not at all.

    What is no plain file (a pipe, a device, a link) stays what it is and is written through.

    Raises:
        UserError: if it cannot be written there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_bytes(_encoded(pcm, rate))
        else:
            partial.write_bytes(_encoded(pcm, rate))
            partial.replace(path)
    except (soundfile.LibsndfileError, OSError) as fault:
        raise UserError(f"{path}: cannot be written ({fault})") from fault
    finally:
        partial.unlink(missing_ok=True)


def _encoded(pcm: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, rate, subtype="PCM_16", format="WAV")
    return file.getvalue()
