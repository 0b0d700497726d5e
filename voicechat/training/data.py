"""The stage `data`: all speech that the other stages learn from and are tested on."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicechat.training import domain, teacher, users
from voicechat.training.checks import check
from voicechat.training.domain import Talk
from voicechat.training.general import general, sentences
from voicechat.training.tokenizer import train_tokenizer

TESTS = {  # name: (group of the voices, split of the domain)
    "clean": ("held", "train"),
    "phrasing": ("held", "phrasing"),
    "pairs": ("held", "pairs"),
    "natural": ("natural", "train"),
    "unseen": ("unseen", "train"),
}


@dataclass(frozen=True)
class DataConfig:
    """Settings of the stage `data`.

    Attributes:
        general: Users' sentences of general English.
        talks: Users' talks of the domain.
        seldom: Share of these that are of what is asked in many ways (`domain.taught_talk`).
        tests: Talks of each kind of test.
        shard: Talks in a file.
        sentences: The domain's sentences that the teacher reads in each preset voice, at most.
        general_sentences: Sentences of general English that it reads besides.
        seed: Of everything drawn.
    """

    general: int = 16_000
    talks: int = 28_000
    seldom: float = 0.5
    tests: int = 300
    shard: int = 800
    sentences: int = 12_000
    general_sentences: int = 36_000
    seed: int = 1

    def __post_init__(self) -> None:
        check(self, "seldom", tests=1, shard=1)


def run(config: DataConfig, workdir: Path) -> None:
    """Makes what is not yet there; a file that was begun is made again from its start.

    Raises:
        UserError: A synthesiser, the teacher or WordNet is missing.
    """
    missing = [shard for shard in _shards(config) if not _index(workdir, shard[0]).exists()]
    users.try_out({group for _, group, _, _ in missing})
    readers = teacher.teachers()
    chosen = [*domain.reply_sentences()[: config.sentences], *sentences(config.general_sentences)]
    if not (workdir / "tokenizer.json").exists():
        train_tokenizer(workdir, config.seed)
    for name, group, split, count in missing:
        path = _index(workdir, name).with_suffix(".npy")
        rng = random.Random(f"{config.seed}/{name}")
        talks = [draw(rng, group, split, config.seldom) for _ in range(count)]
        users.write_shard(path, talks, group, rng.getrandbits(32))
        print(f"data: {path.name}, {count} talks", flush=True)
    for voice, reader in readers.items():
        numbered = ((zlib.crc32(s.encode()), s) for s in chosen)
        teacher.record(reader, numbered, workdir / "speech" / voice)


def _index(workdir: Path, name: str) -> Path:
    return workdir / "users" / f"{name}.json"


def _shards(config: DataConfig) -> Iterator[tuple[str, str, str, int]]:
    """Yields name, group of voices, split and number of talks of each file."""
    for number in range(config.general // config.shard):
        yield f"general_{number:03d}", "train", "general", config.shard
    for number in range(config.talks // config.shard):
        yield f"talks_{number:03d}", "train", "train", config.shard
    for name, (group, split) in TESTS.items():
        yield f"test_{name}", group, split, config.tests


def draw(rng: random.Random, group: str, split: str, seldom: float) -> Talk:
    """Draws a talk for voices of a group, of a split of the domain or of "general" English.

    A share of what is trained is of what is asked in many ways; a test asks as users do.
    """
    if split == "general":
        return general(rng)
    return domain.taught_talk(rng, seldom) if group == "train" else domain.talk(rng, split)
