"""The stage `thinker`: pocket learns to hear, to read, and then to answer what it hears.

1. *hearing*: Whisper's encoder learns blocks of 2 s, and to put the Thinker's own token embeddings
   where words are heard (CTC on letters and on tokens).
2. *reading*: the Thinker learns the domain from text, some of it spelled as the encoder does.
3. *thinker*: both together, on speech and on text.

The published Thinker was made in the same order: first what perceives, then everything
(Qwen2.5-Omni technical report, section 3.1).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.training import exam
from voicechat.training import thinker as thinking
from voicechat.training.augment import Augmentation
from voicechat.training.bank import Clip, caught, clips_of, load_talks, similar
from voicechat.training.checks import check
from voicechat.training.conversations import Said, mixed, recorded, spoken_row, text_row, write
from voicechat.training.data import TESTS
from voicechat.training.ears import Ears
from voicechat.training.hearing import EMBEDDING
from voicechat.training.loop import Losses, Schedule, Trainer, trained
from voicechat.training.missed import missed
from voicechat.training.optim import MuonAdamW, compiled
from voicechat.training.rows import Row, Scribe
from voicechat.training.tokenizer import load_tokenizer
from voicechat.training.whisper import (
    encoder_config,
    freeze,
    load_encoder,
    model_file,
    read_tensors,
    take_back,
)

# Spoken talks, all that is heard (theirs, then general English) and its features, other talks.
Drawn = tuple[list[Said], list[Clip], list[torch.Tensor], list[Row]]


@dataclass(frozen=True)
class HearingConfig:
    """Settings of the encoder's own stage.

    Attributes:
        steps: Training steps.
        lr: Largest learning rate of Whisper's layers.
        warmup: Steps to reach it.
        batch: Utterances a step.
        general: Share of general English among them; the rest are the domain's questions.
        whisper: Share of the way back to Whisper's own weights that the `frozen` layers go first,
            where weights that were unpacked had trained them; nothing else moves them.
    """

    steps: int = 2600
    lr: float = 3e-4
    warmup: int = 50
    batch: int = 16
    general: float = 0.3
    whisper: float = 0.0

    def __post_init__(self) -> None:
        check(self, "general whisper", batch=1)


@dataclass(frozen=True)
class ReadingConfig:
    """Settings of the Thinker's stage on text.

    Attributes:
        steps: Training steps.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        rows: Conversations a step.
        turns: Turns in each, at least.
        typed: Share of the turns that are typed; the others are spelled.
        seldom: Share of the talks that are of the kinds `domain.SELDOM`, in its shares, each form
            of them alike often: of thousands each comes seldom otherwise. Of spoken talks, later,
            the same share is of these kinds.
    """

    steps: int = 1500
    lr: float = 1e-3
    warmup: int = 100
    rows: int = 24
    turns: int = 5
    typed: float = 0.7
    seldom: float = 0.5

    def __post_init__(self) -> None:
        check(self, "typed seldom", rows=1, turns=1)


@dataclass(frozen=True)
class JointConfig:
    """Settings of the stage on speech and text together.

    Attributes:
        steps: Training steps.
        lr: Largest learning rate of the language model; the encoder's is `encoder_lr` of it.
        warmup: Steps to reach it.
        encoder_lr: Factor on the rate of Whisper's layers.
        spoken_rows: Conversations a step whose users mostly speak.
        spoken_turns: Turns in each, at least.
        typed: Share of the turns that are typed all the same.
        text_rows: Conversations a step without speech, as in `reading`.
        general: Utterances of general English a step, for the encoder alone.
        ctc: Weight of the encoder's own loss, on tokens.
        missed: Share of the spoken talks that are drawn from those which the Thinker answered wrong
            when this stage began: for one that goes on from weights that answer most.
    """

    steps: int = 2000
    lr: float = 8e-4
    warmup: int = 50
    encoder_lr: float = 0.1
    spoken_rows: int = 6
    spoken_turns: int = 3
    typed: float = 0.1
    text_rows: int = 10
    general: int = 6
    ctc: float = 0.3
    missed: float = 0.0

    def __post_init__(self) -> None:
        check(self, "typed missed", spoken_rows=1, spoken_turns=1, text_rows=1)


@dataclass(frozen=True)
class ThinkerConfig:
    """Settings of the stage `thinker`.

    Attributes:
        layers: Layers of the language model.
        hearing: The encoder's own stage.
        reading: The language model's stage on text.
        joint: Both together.
        frozen: Lowest layers of Whisper's encoder that stay as they are, and its convolutions with
            them: trained on synthesisers they forget how people sound.
        augmentation: What happens to speech on its way.
        ema: Decay of the average of the weights over the steps, which is what hearing and joint
            training keep: batches are small, and the average of many steps knows more than the last
            one (Polyak and Juditsky 1992).
        tests: Talks of each kind that are asked now and then.
        evaluate_every: Steps between these tests.
        checkpoint_every: Steps between checkpoints.
        compile: Compile the language model's layers.
        seed: Of everything drawn.
    """

    layers: int = 5
    hearing: HearingConfig = field(default_factory=HearingConfig)
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    joint: JointConfig = field(default_factory=JointConfig)
    frozen: int = 2
    augmentation: Augmentation = field(default_factory=Augmentation)
    ema: float = 0.998
    tests: int = 200
    evaluate_every: int = 400
    checkpoint_every: int = 100
    compile: bool = True
    seed: int = 1

    def __post_init__(self) -> None:
        check(self, "ema", layers=1, tests=1, evaluate_every=1, checkpoint_every=1)


def run(config: ThinkerConfig, workdir: Path) -> None:
    """Runs the three stages, each from where it was."""
    train_hearing(config, workdir)
    train_reading(config, workdir)
    train_joint(config, workdir)


def train_hearing(config: ThinkerConfig, workdir: Path) -> dict[str, float]:
    """Adapts Whisper's encoder: letters and tokens at 25 vectors a second."""
    c, scribe = config.hearing, Scribe(load_tokenizer(workdir / "tokenizer.json"))
    torch.manual_seed(config.seed)
    ears = Ears(Qwen2_5OmniAudioEncoder(encoder_config(EMBEDDING)), scribe)
    load_encoder(ears.encoder, read_tensors(model_file()))
    freeze(ears.encoder, config.frozen)
    general = clips_of(load_talks(workdir / "users", "general_*"))
    domain = clips_of(load_talks(workdir / "users", "talks_*"))

    def draw(number: int, rng: random.Random) -> tuple[list[Clip], list[torch.Tensor]]:
        clips = similar(general if rng.random() < c.general else domain, c.batch, rng)
        return clips, caught(clips, domain, config.augmentation, rng)

    def step(drawn: tuple[list[Clip], list[torch.Tensor]]) -> Losses:
        clips, mels = drawn
        return ears.losses(ears.hear(mels), clips)

    optimizer = torch.optim.AdamW(ears.groups(1.0), weight_decay=0.01)
    schedule = Schedule(c.steps, c.lr, c.warmup)
    begun = (workdir / "hearing" / "last.pt").exists()  # with no step to take, at step 0
    trainer = Trainer("hearing", workdir, ears.modules(), optimizer, schedule, config.seed,
                      config.checkpoint_every, bf16=True, ema=config.ema)  # fmt: skip
    ears.tokens.to(trainer.device)
    if not begun:
        for kept in filter(None, (trainer.modules, trainer.averages)):
            take_back(kept["encoder"], config.frozen, c.whisper)
    return trainer.run(draw, step)


def train_reading(config: ThinkerConfig, workdir: Path) -> dict[str, float]:
    """Teaches the language model the domain from text alone."""
    c, tokenizer = config.reading, load_tokenizer(workdir / "tokenizer.json")
    torch.manual_seed(config.seed)
    scribe = Scribe(tokenizer)
    thinker = thinking.build_thinker(tokenizer, config.layers)

    def draw(number: int, rng: random.Random) -> list[Row]:
        return [text_row(scribe, c.turns, c.typed, c.seldom, rng) for _ in range(c.rows)]

    def step(rows: list[Row]) -> Losses:
        loss, right = thinking.loss(thinker, rows)
        return {"loss": loss, "right": right}

    compiled(thinker.model.language_model.layers, config.compile)
    optimizer = mind_optimizer(thinker)
    schedule = Schedule(c.steps, c.lr, c.warmup)
    trainer = Trainer("reading", workdir, {"thinker": thinker}, optimizer, schedule, config.seed,
                      checkpoint_every=config.checkpoint_every, bf16=True)  # fmt: skip

    def evaluate() -> dict[str, float]:
        splits = ("train", "phrasing")
        return {s: exam.typed(thinker, scribe, s, config.tests) for s in splits}

    return trainer.run(draw, step, evaluate, config.evaluate_every)


def train_joint(config: ThinkerConfig, workdir: Path) -> dict[str, float]:
    """Trains encoder and language model together, from where their own stages left them."""
    c, read = config.joint, config.reading
    tokenizer = load_tokenizer(workdir / "tokenizer.json")
    torch.manual_seed(config.seed)
    scribe = Scribe(tokenizer)
    thinker = thinking.build_thinker(tokenizer, config.layers)
    ears = Ears(thinker.model.audio_tower, scribe)
    ears.letters.requires_grad_(False)  # they are of the encoder's own stage alone
    freeze(ears.encoder, config.frozen)
    if not (workdir / "thinker" / "last.pt").exists():
        thinker.load_state_dict(trained(workdir, "reading")["thinker"])
        ears.encoder.load_state_dict(trained(workdir, "hearing")["encoder"])
    talks = load_talks(workdir / "users", "talks_*")
    clips = clips_of(talks)
    general = clips_of(load_talks(workdir / "users", "general_*"))

    def draw(number: int, rng: random.Random) -> Drawn:
        rows = [spoken_row(asked, c.spoken_turns, c.typed, rng) for _ in range(c.spoken_rows)]
        said = [clip for row in rows for _, clip in row if clip]
        said += similar(general, c.general, rng)
        mels = caught(said, clips, config.augmentation, rng)
        return rows, said, mels, [text_row(scribe, read.turns, read.typed, read.seldom, rng)
                                  for _ in range(c.text_rows)]  # fmt: skip

    def step(drawn: Drawn) -> Losses:
        rows, said, mels, texts = drawn
        heard = ears.hear(mels)
        spoken, right = thinking.loss(thinker, write(scribe, rows, heard[0]))
        text, right_text = thinking.loss(thinker, texts)
        token = ears.token_loss(heard[0], said)
        return {"loss": spoken + text + c.ctc * token, "spoken": spoken, "right": right,
                "text": text, "right_text": right_text, "token": token}  # fmt: skip

    compiled(thinker.model.language_model.layers, config.compile)
    optimizer = mind_optimizer(thinker, ears.groups(c.encoder_lr))
    schedule = Schedule(c.steps, c.lr, c.warmup)
    trainer = Trainer("thinker", workdir, {"thinker": thinker}, optimizer, schedule, config.seed,
                      config.checkpoint_every, bf16=True, ema=config.ema)  # fmt: skip
    ears.tokens.to(trainer.device)
    tests = {n: load_talks(workdir / "users", f"test_{n}")[: config.tests] for n in TESTS}

    kept = trainer.averages.get("thinker", thinker)
    asked = recorded(talks, read.seldom)
    if c.missed:
        hard = missed(kept, scribe, talks, trainer.folder / "missed.json") or talks
        asked = mixed(asked, recorded(hard, read.seldom), c.missed)

    def evaluate() -> dict[str, float]:
        return {n: exam.spoken(kept, scribe, t) for n, t in tests.items()}

    return trainer.run(draw, step, evaluate, config.evaluate_every)


def mind_optimizer(
    thinker: thinking.Thinker, groups: Sequence[dict[str, object]] = ()
) -> MuonAdamW:
    """For the language model without its frozen embeddings, and further groups."""
    language_model = thinker.model.language_model
    outer = [*language_model.norm.parameters(), *thinker.lm_head.parameters()]
    return MuonAdamW(language_model.layers, [{"params": outer}, *groups])
