"""The Talker's recordings as codes and letters, kept: to name fifty hours of speech takes a while.

The Talker needs many more sentences than what only sounds: with 11 hours it knew those by heart and
was lost in any other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import torch

from voicechat.training.alignment import letter_times
from voicechat.training.codec import Codec, Labelled, label
from voicechat.training.files import whole
from voicechat.training.speech import pairs_of, read_reading
from voicechat.training.speech_mel import CHANNELS
from voicechat.training.teacher import VOICES, held_out

_NO_MEL = torch.zeros(CHANNELS, 0, dtype=torch.float16)
_SAVED_EVERY = 2000
Stored = dict[str, tuple[str, torch.Tensor, torch.Tensor]]  # text, codes and places by file


def labelled(codec: Codec, workdir: Path) -> list[Labelled]:
    """What the teachers read in the preset voices, but for what is held out; without mels.

    Labels of earlier runs are taken from `talker/labels.pt`, unless the codec is another one now.

    Raises:
        UserError: The stage `data` has not run.
    """
    path = workdir / "talker" / "labels.pt"
    known, items = _known(path, codec), []
    for name, voice, file in _recordings(workdir):
        if name not in known:
            known[name] = _name(codec, voice, file)
            if len(known) % _SAVED_EVERY == 0:
                _save(path, codec, known)
        text, codes, places = known[name]
        items.append(Labelled(voice, text, _NO_MEL, codes.long(), places.long()))
    _save(path, codec, known)
    return [item for item in items if not held_out(item.text)]


def _recordings(workdir: Path) -> Iterator[tuple[str, int, Path]]:
    """Yields a name, the voice's index and the wav of each."""
    for voice, name in enumerate(VOICES):
        for file in pairs_of(workdir / "speech" / name):
            yield f"{name}/{file.stem}", voice, file


def _name(codec: Codec, voice: int, file: Path) -> tuple[str, torch.Tensor, torch.Tensor]:
    [item] = label(codec, [read_reading(file, voice)])
    return item.text, item.codes.to(torch.int16), letter_times(codec, item).to(torch.int16)


def _known(path: Path, codec: Codec) -> Stored:
    stored = torch.load(path, weights_only=True) if path.exists() else {}
    return stored["items"] if stored.get("codec") == _sum_of(codec) else {}


def _save(path: Path, codec: Codec, known: Stored) -> None:
    with whole(path) as part:
        torch.save({"codec": _sum_of(codec), "items": known}, part)


def _sum_of(codec: Codec) -> int:
    sums = 0
    for weights in [*codec.encoder.parameters(), *codec.letters.parameters()]:
        sums = zlib.crc32(weights.detach().numpy().tobytes(), sums)
    return sums
