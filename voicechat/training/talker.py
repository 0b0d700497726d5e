"""The Talker, first stage: the next code, in the very layout that `generate` feeds it.

What one position holds (transformers, Qwen2_5OmniForConditionalGeneration.generate):

    prompt ...        <|voice_k|>   text 0    text 1    text 2  ...  <tts_text_eod>  <tts_pad> ...
    (thinker+embed)   + codec pad   + bos     + code 0  + code 1     + code n        + code n+1
    predicts                        code 0    code 1    code 2  ...                  eos at the end

A text vector is the Thinker's last hidden state plus the token's embedding. The exported Thinker's
states are small (its final norm is scaled down), so the bare embeddings of one frozen random table
and some noise stand for them, and the Talker is trained before and beside the Thinker.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniTalkerConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniTalkerForConditionalGeneration,
)

from voicechat.training.codec import CODES, Labelled, label, load_codec, silence_code
from voicechat.training.hearing import embedding_table
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.speech import load_presets
from voicechat.training.tokenizer import SIZE, load_tokenizer

PAD, BOS, EOS, MASK = 1001, 1002, 1003, 1004
CODEC_VOCABULARY = 1008
EMBEDDING = 384
PAUSE_CODES = 8  # between sentences, beside the 60 + 120 ms that each recording brings
HIDDEN_NOISE = 0.03  # about the size of the scaled states of the Thinker


@dataclass(frozen=True)
class TalkerConfig:
    """Settings of the stage `talker`.

    Attributes:
        hidden: Width, a multiple of 64.
        layers: Number of layers.
        intermediate: Width inside the MLPs.
        steps: Training steps.
        positions: Positions a step; the batch follows from the lengths.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        corrupted: Average share of input codes replaced at random, so that the Talker learns to
            recover from its own mistakes.
        joined: Share of replies of several sentences.
        most_codes: No longer replies than this, in codes (50 a second).
        ramp: Steps over which the longest reply grows from a second to `most_codes`: the order of
            words is found on short sentences first.
        checkpoint_every: Steps between checkpoints.
        seed: Of everything drawn.
    """

    hidden: int = 256
    layers: int = 5
    intermediate: int = 704
    steps: int = 4000
    positions: int = 3500
    lr: float = 1.5e-3
    warmup: int = 150
    corrupted: float = 0.15
    joined: float = 0.2
    most_codes: int = 700
    ramp: int = 800
    checkpoint_every: int = 200
    seed: int = 7


@dataclass(frozen=True)
class Said:
    """A reply as the Talker learns it: the tokens of its text and the codes of its sound."""

    voice: int
    text: tuple[int, ...]
    codes: torch.Tensor


@cache
def text_table() -> torch.Tensor:
    """The frozen random text embeddings that Thinker and Talker share, [2048, 384]."""
    return embedding_table(SIZE, EMBEDDING)


def build_talker(
    tokenizer: Tokenizer, hidden: int = 256, layers: int = 5, intermediate: int = 704
) -> Qwen2_5OmniTalkerForConditionalGeneration:
    """A small Talker over pocket's tokenizer."""
    token = tokenizer.token_to_id
    config = Qwen2_5OmniTalkerConfig(
        vocab_size=CODEC_VOCABULARY, embedding_size=EMBEDDING, hidden_size=hidden,
        intermediate_size=intermediate, num_hidden_layers=layers,
        num_attention_heads=hidden // 64, num_key_value_heads=max(1, hidden // 128), head_dim=64,
        max_position_embeddings=8192, pad_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0,
                         "mrope_section": [8, 12, 12]},
        tts_codec_start_token_id=BOS, tts_codec_end_token_id=EOS,
        tts_codec_pad_token_id=PAD, tts_codec_mask_token_id=MASK,
        tts_text_start_token_id=token("<tts_text_bos>"),
        tts_text_end_token_id=token("<tts_text_eod>"),
        tts_text_pad_token_id=token("<tts_pad>"),
        audio_token_index=token("<|AUDIO|>"), image_token_index=token("<|IMAGE|>"),
        video_token_index=token("<|VIDEO|>"), audio_start_token_id=token("<|audio_bos|>"),
        audio_end_token_id=token("<|audio_eos|>"),
        vision_start_token_id=token("<|vision_bos|>"),
        vision_end_token_id=token("<|vision_eos|>"),
    )  # fmt: skip
    config._attn_implementation = "eager"  # the fused kernel's backward is slow at these sizes
    talker = Qwen2_5OmniTalkerForConditionalGeneration(config)
    nn.init.normal_(talker.get_input_embeddings().weight)  # as loud as the text beside them
    return talker


def join(
    parts: Sequence[Labelled], tokenizer: Tokenizer, quiet: int
) -> Said:
    """Sentences of one voice as one reply, with pauses between."""
    pause = torch.full((PAUSE_CODES,), quiet)
    codes = [c for part in parts for c in (part.codes, pause)][:-1]
    text = tokenizer.encode(" ".join(part.text for part in parts)).ids
    return Said(parts[0].voice, tuple(text), torch.cat(codes))


class Replies:
    """Draws replies for training: single sentences and several joined, of all voices alike."""

    def __init__(self, items: Sequence[Labelled], tokenizer: Tokenizer, quiet: int) -> None:
        self.tokenizer, self.quiet = tokenizer, quiet
        voices = sorted({i.voice for i in items})
        self._of_voice = {v: [i for i in items if i.voice == v] for v in voices}

    def draw(self, joined: float, most_codes: int, rng: random.Random) -> Said:
        """Draws one reply of at most `most_codes` codes."""
        items = self._of_voice[rng.choice(list(self._of_voice))]
        parts = [self._short(items, most_codes, rng)]
        if rng.random() < joined:
            for item in rng.choices(items, k=rng.randint(1, 7)):
                if sum(len(p.codes) + PAUSE_CODES for p in [*parts, item]) <= most_codes:
                    parts.append(item)
        return join(parts, self.tokenizer, self.quiet)

    def _short(self, items: list[Labelled], most_codes: int, rng: random.Random) -> Labelled:
        return next(i for i in iter(lambda: rng.choice(items), None) if len(i.codes) <= most_codes)

    def batch(
        self, config: TalkerConfig, step: int, prompt: int, rng: random.Random
    ) -> list[Said]:
        """Draws replies of about one length that fill, behind a prompt, the step's positions."""
        grown = min(1.0, step / max(1, config.ramp))
        most = round(60 + (config.most_codes - 60) * grown)
        pool = [self.draw(config.joined, most, rng) for _ in range(96)]
        pool.sort(key=lambda said: len(said.codes))
        end = rng.randint(1, len(pool))
        size = max(1, config.positions // (len(pool[end - 1].codes) + prompt + 2))
        return pool[max(0, end - size) : end]


def random_prompt(replies: Replies, length: int, rng: random.Random) -> torch.Tensor:
    """Something like a prompt, [length, 384]: what stands before the voice must not matter."""
    tokenizer = replies.tokenizer
    table = text_table()
    token = tokenizer.token_to_id
    ids = [token("<|im_end|>"), *tokenizer.encode("\n").ids, token("<|im_start|>")]
    ids += tokenizer.encode("assistant\n").ids
    while len(ids) < length:  # backwards: turns spoken, typed and answered
        kind = rng.randrange(3)
        if kind == 0:
            ids = [token("<|AUDIO|>")] * rng.randint(10, 60) + ids
        elif kind == 1:
            ids = [rng.randrange(30, SIZE) for _ in range(rng.randint(1, 12))] + ids
        else:
            ids = [*replies.draw(0.0, 150, rng).text, token("<|im_end|>")] + ids
    ids = ids[-length:]
    prompt = table[ids].clone()
    prompt[[i for i, t in enumerate(ids) if t == token("<|AUDIO|>")]] = 0.0  # as generate has it
    return prompt


def layout(
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    tokenizer: Tokenizer,
    said: Said,
    prompt: torch.Tensor,
    corrupted: float = 0.0,
    noise: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One reply as the Talker's input embeddings and labels (see the head of this file).

    Args:
        talker: Gives the codes' embeddings.
        tokenizer: Gives the special tokens.
        said: The reply.
        prompt: [prompt positions, 384].
        corrupted: Share of the input codes that are replaced.
        noise: Size of what stands for the Thinker's states.

    Returns:
        [positions, 384] and labels [positions], -100 where nothing is predicted.
    """
    table, n, start = text_table(), len(said.codes), len(prompt)
    voice = tokenizer.token_to_id(f"<|voice_{said.voice}|>")
    end, pad = tokenizer.token_to_id("<tts_text_eod>"), tokenizer.token_to_id("<tts_pad>")
    stream = [*said.text, end][: n + 1]
    stream += [pad] * (n + 1 - len(stream))
    seen = said.codes.clone()
    wrong = torch.rand(n) < corrupted
    seen[wrong] = torch.randint(1, CODES + 1, (int(wrong.sum()),))
    text = torch.cat([prompt, table[[voice, *stream]]])
    text = text + noise * torch.randn_like(text)
    codes = talker.get_input_embeddings()(torch.cat([torch.tensor([PAD, BOS]), seen]))
    embeds = text + F.pad(codes, (0, 0, start, 0))
    labels = torch.cat([torch.full((start + 1,), -100), said.codes, torch.tensor([EOS])])
    return embeds, labels


def predict(
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    embeds: Sequence[torch.Tensor],
    labels: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Runs a batch of layouts; the padding stands behind, where nothing looks.

    Returns:
        Logits [predictions, 1008] and labels [predictions] of all rows, one row after another, and
        the row of each prediction.
    """
    inputs = nn.utils.rnn.pad_sequence(list(embeds), batch_first=True)
    targets = nn.utils.rnn.pad_sequence(list(labels), batch_first=True, padding_value=-100)
    projected = talker.thinker_to_talker_proj(inputs)
    hidden = talker.model(inputs_embeds=projected, use_cache=False).last_hidden_state
    rows, places = torch.nonzero(targets != -100, as_tuple=True)
    return talker.codec_head(hidden[rows, places]).float(), targets[rows, places], rows


def next_code_loss(
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    embeds: Sequence[torch.Tensor],
    labels: Sequence[torch.Tensor],
) -> dict[str, torch.Tensor]:
    """Cross-entropy of a batch of layouts, and the share of codes that come first."""
    logits, targets, _ = predict(talker, embeds, labels)
    right = (logits.argmax(-1) == targets).float().mean()
    return {"loss": F.cross_entropy(logits, targets), "accuracy": right}


def run(config: TalkerConfig, workdir: Path) -> None:
    """The stage `talker`: needs the codec and the tokenizer."""
    codec, tokenizer = load_codec(workdir), load_tokenizer(workdir / "tokenizer.json")
    items = label(codec, load_presets(workdir))
    train(config, workdir, items, tokenizer, silence_code(codec))


def train(
    config: TalkerConfig, workdir: Path, items: list[Labelled], tokenizer: Tokenizer, quiet: int
) -> dict[str, float]:
    """Trains the Talker on labelled utterances of all voices; returns the last losses."""
    torch.manual_seed(config.seed)
    talker = build_talker(tokenizer, config.hidden, config.layers, config.intermediate)
    optimizer = torch.optim.AdamW(talker.parameters(), betas=(0.9, 0.98), weight_decay=0.02)
    schedule = Schedule(config.steps, config.lr, config.warmup)
    trainer = Trainer("talker", workdir, {"talker": talker}, optimizer, schedule, config.seed,
                      bf16=True, checkpoint_every=config.checkpoint_every)  # fmt: skip
    replies = Replies(items, tokenizer, quiet)

    def step(number: int, rng: random.Random) -> dict[str, torch.Tensor]:
        length = 6 + min(200, int(rng.expovariate(1 / 20)))
        laid = []
        for said in replies.batch(config, number, length, rng):
            prompt = random_prompt(replies, length, rng)
            share = 2 * config.corrupted * rng.random()
            laid.append(layout(talker, tokenizer, said, prompt, share, HIDDEN_NOISE))
        return next_code_loss(talker, *zip(*laid, strict=True))

    return trainer.run(step)


def load_talker(
    workdir: Path, tokenizer: Tokenizer, stage: str = "talker"
) -> Qwen2_5OmniTalkerForConditionalGeneration:
    """The Talker that a stage trained."""
    weights = trained(workdir, stage)["talker"]
    layers = 1 + max(int(k.split(".")[2]) for k in weights if k.startswith("model.layers."))
    intermediate, hidden = weights["model.layers.0.mlp.up_proj.weight"].shape
    talker = build_talker(tokenizer, hidden, layers, intermediate)
    talker.load_state_dict(weights)
    return talker.eval()
