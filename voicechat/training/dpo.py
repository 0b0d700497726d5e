"""The Talker, second stage: direct preference optimisation (Rafailov et al. 2023, equation 7).

As published for Qwen2.5-Omni (technical report, section 3.3), the pairs are the Talker's own
attempts at one text, ranked by word errors and by errors of pausing. What it says well becomes
likelier than what it says badly, measured against where it started.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import librosa
import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniTalkerForConditionalGeneration,
)

from voicechat.clock import SPEAKER_RATE, TICKS_PER_S
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import Recogniser, word_error_rate
from voicechat.training.checks import check
from voicechat.training.dit import load_dit
from voicechat.training.domain import reply_sentences
from voicechat.training.export import fullest_reference
from voicechat.training.files import whole
from voicechat.training.listen import Render, Spoken, speak, through_token2wav, understood
from voicechat.training.loop import Schedule, Trainer
from voicechat.training.replies import Said, usual_prompt
from voicechat.training.speech import read_aloud
from voicechat.training.talker import layout, load_talker, predict
from voicechat.training.teacher import VOICES, held_out, teachers
from voicechat.training.tokenizer import load_tokenizer
from voicechat.training.vocoder import load_bigvgan

LONGEST_PAUSE_S = 0.6  # within a sentence
FEWEST_WORDS = 3  # of a sentence that is attempted: a recogniser needs some to go by
REFERENCES = 20  # readings of which one is the voice's reference
SIDE_BY_SIDE = 16  # texts that are attempted at once


@dataclass(frozen=True)
class DPOConfig:
    """Settings of the stage `dpo`.

    Attributes:
        texts: Sentences that are attempted, in each voice.
        attempts: Attempts at each.
        temperature: Of the attempts.
        margin: Least difference of the errors within a pair.
        steps: Training steps.
        pairs: Pairs a step.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        beta: Strength of the tie to the starting point.
        keep: Weight of the better attempt's own likelihood.
        test_texts: Held-out sentences, in each voice, for the word errors before and after.
        checkpoint_every: Steps between checkpoints.
        seed: Of everything drawn.
    """

    texts: int = 150
    attempts: int = 4
    temperature: float = 0.9
    margin: float = 0.2
    steps: int = 150
    pairs: int = 8
    lr: float = 3e-5
    warmup: int = 10
    beta: float = 0.1
    keep: float = 0.1
    test_texts: int = 40
    checkpoint_every: int = 50
    seed: int = 11

    def __post_init__(self) -> None:
        check(self, texts=1, attempts=1, pairs=1, test_texts=1, checkpoint_every=1)


@dataclass(frozen=True)
class Pair:
    """Two attempts at one text, and what the starting Talker thought of them.

    Attributes:
        better: The attempt with fewer errors.
        worse: The other.
        better_before: Log-probability of the better one before training.
        worse_before: Log-probability of the worse one before training.
    """

    better: Said
    worse: Said
    better_before: float
    worse_before: float


def run(config: DPOConfig, workdir: Path) -> None:
    """The stage `dpo`: needs Talker, DiT and vocoder; reports word errors before and after.

    Raises:
        UserError: One of the three is missing, or the teacher, or no attempts differ.
    """
    tokenizer = load_tokenizer(workdir / "tokenizer.json")
    talker, render, recogniser = load_talker(workdir, tokenizer), _voices(workdir), Recogniser()
    sentences = _sentences()
    test = sampled([s for s in sentences if held_out(s)], config.test_texts, config.seed)
    before = errors(talker, tokenizer, test, recogniser, render)
    stored = workdir / "dpo" / "pairs.pt"
    if not stored.exists():
        texts = sampled([s for s in sentences if not held_out(s)], config.texts, config.seed)
        save_pairs(stored, attempt(config, talker, tokenizer, texts, recogniser, render))
    train(config, workdir, load_pairs(stored), talker, tokenizer)
    after = errors(talker.eval(), tokenizer, test, recogniser, render)
    report = {f"{v} {when}": e for when, es in (("before", before), ("after", after))
              for v, e in es.items()}  # fmt: skip
    (workdir / "dpo" / "word_errors.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


def _sentences() -> list[str]:
    """The domain's sentences that a recogniser can be asked about: no rests, and none too short."""
    unbroken = (s for s in reply_sentences() if not s.startswith("..."))
    return [s for s in unbroken if len(s.split()) >= FEWEST_WORDS]


def _voices(workdir: Path) -> Render:
    """The preset voices as they sound, each beside what its teacher reads."""
    texts = reply_sentences()[:REFERENCES]
    readings = [read_aloud(reader, texts, k) for k, reader in enumerate(teachers().values())]
    references = [fullest_reference(read) for read in readings]
    return through_token2wav(load_dit(workdir), load_bigvgan(workdir), references)


def sampled(texts: Collection[str], count: int, seed: int) -> list[str]:
    """So many of the texts, or all; in order, the first would all be rests of cut replies."""
    return random.Random(seed).sample(sorted(texts), min(count, len(texts)))


def errors(
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    recogniser: Recogniser,
    render: Render,
) -> dict[str, float]:
    """Word error rate of texts by voice, spoken greedily."""
    rates = {}
    for voice, name in enumerate(VOICES):
        codes = [spoken.codes for spoken in speak(talker, tokenizer, texts, voice)]
        rates[name] = understood(recogniser, render, texts, codes, voice)
    return rates


def attempt(
    config: DPOConfig,
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    recogniser: Recogniser,
    render: Render,
) -> list[Pair]:
    """Speaks each text several times and pairs the best attempt with the worst.

    Raises:
        UserError: No two attempts at any text differ enough.
    """
    torch.manual_seed(config.seed)
    texts, count, pairs = sorted(texts, key=len), config.attempts, []
    for voice, begin in product(range(len(VOICES)), range(0, len(texts), SIDE_BY_SIDE)):
        some = texts[begin : begin + SIDE_BY_SIDE]
        each = [text for text in some for _ in range(count)]
        tries = speak(talker, tokenizer, each, voice, config.temperature)
        wrong = [faults(*one, render, voice, recogniser) for one in zip(each, tries, strict=True)]
        for place, text in enumerate(some):
            own = slice(place * count, (place + 1) * count)
            if chosen := best_and_worst(tries[own], wrong[own], config.margin):
                ids = tuple(tokenizer.encode(text).ids)
                two = [Said(voice, ids, one.codes) for one in chosen]
                with torch.no_grad():
                    likely = log_probs(talker, tokenizer, two)
                pairs.append(Pair(*two, *map(float, likely)))
    if not pairs:
        raise UserError("no attempts differ by the margin: lower it, or raise the temperature")
    return pairs


def best_and_worst(
    tries: Sequence[Spoken], wrong: Sequence[float], margin: float
) -> tuple[Spoken, Spoken] | None:
    """The attempts at one text with least and most faults, where they are so far apart."""
    ranked = sorted(range(len(tries)), key=wrong.__getitem__)
    best, worst = ranked[0], ranked[-1]
    return (tries[best], tries[worst]) if wrong[worst] - wrong[best] >= margin else None


def faults(text: str, one: Spoken, render: Render, voice: int, recogniser: Recogniser) -> float:
    """Word error rate of an attempt, plus one for each error of pausing.

    An error of pausing is silence of more than 0.6 s inside the attempt, or that it does not end.
    """
    if len(one.codes) < TICKS_PER_S // 5:  # less than 0.2 s is no attempt
        return 2.0
    pcm = render(one.codes, voice)
    return word_error_rate([text], [recogniser(pcm)]) + (not one.ended) + pauses(pcm)


def pauses(pcm: np.ndarray) -> int:
    """Number of silences inside a recording that are longer than 0.6 s."""
    loud = librosa.effects.split(pcm, top_db=40, frame_length=1024, hop_length=256)
    gaps = loud[1:, 0] - loud[:-1, 1]
    return int((gaps > LONGEST_PAUSE_S * SPEAKER_RATE).sum())


def log_probs(
    talker: Qwen2_5OmniTalkerForConditionalGeneration, tokenizer: Tokenizer, said: Sequence[Said]
) -> torch.Tensor:
    """Log-probability of whole replies, [replies], behind one prompt."""
    prompt = usual_prompt(tokenizer)
    laid = [layout(talker, tokenizer, one, prompt) for one in said]
    logits, targets, rows = predict(talker, *zip(*laid, strict=True))
    each = -F.cross_entropy(logits, targets, reduction="none")
    return each.new_zeros(len(said)).index_add(0, rows, each)


def train(
    config: DPOConfig,
    workdir: Path,
    pairs: Sequence[Pair],
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    tokenizer: Tokenizer,
) -> dict[str, float]:
    """Trains a Talker on pairs; returns the last losses."""
    optimizer = torch.optim.AdamW(talker.parameters(), betas=(0.9, 0.98), weight_decay=0.0)
    schedule = Schedule(config.steps, config.lr, config.warmup)
    trainer = Trainer("dpo", workdir, {"talker": talker}, optimizer, schedule, config.seed,
                      bf16=True, checkpoint_every=config.checkpoint_every)  # fmt: skip

    def draw(number: int, rng: random.Random) -> list[Pair]:
        return rng.sample(pairs, min(config.pairs, len(pairs)))

    def step(chosen: list[Pair]) -> dict[str, torch.Tensor]:
        now = log_probs(talker, tokenizer, [s for p in chosen for s in (p.better, p.worse)])
        better, worse = now[0::2], now[1::2]
        before = now.new_tensor([[p.better_before, p.worse_before] for p in chosen])
        gained = (better - before[:, 0]) - (worse - before[:, 1])
        codes = sum(len(p.better.codes) + 1 for p in chosen)
        loss = -F.logsigmoid(config.beta * gained).mean() - config.keep * better.sum() / codes
        return {"loss": loss, "preferred": (gained > 0).float().mean()}

    return trainer.run(draw, step)


def save_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """Keeps pairs, so that a killed run goes on with the same ones."""
    rows = [
        (p.better.voice, list(p.better.text), p.better.codes, p.worse.codes,
         p.better_before, p.worse_before) for p in pairs
    ]  # fmt: skip
    with whole(path) as part:
        torch.save(rows, part)


def load_pairs(path: Path) -> list[Pair]:
    """Reads what `save_pairs` wrote."""
    return [
        Pair(Said(voice, tuple(text), good), Said(voice, tuple(text), bad), before, bad_before)
        for voice, text, good, bad, before, bad_before in torch.load(path, weights_only=True)
    ]
