"""The Talker, first stage: the next code, in the very layout that `generate` feeds it.

What one position holds (transformers, Qwen2_5OmniForConditionalGeneration.generate):

    prompt ...        <|voice_k|>   text 0    text 1    text 2  ...  <tts_text_eod>  <tts_pad> ...
    (thinker+embed)                           + code 0  + code 1     + code n        + code n+1
    predicts                        code 0    code 1    code 2  ...                  eos at the end

Two rows of the codec's embeddings are zero, those of codec pad and bos: transformers adds them to
the voice and to text 0 only where the prompt has an attention mask with a hole.

A text vector is the Thinker's last hidden state plus the token's embedding. The exported Thinker's
states are small (its final norm is scaled down), so the bare embeddings of one frozen random table
and some noise stand for them, and the Talker is trained before and beside the Thinker.

All text is there long before it is spoken, so the Talker has to find out where it is: a second loss
asks a middle layer for the token that is being said (see `alignment`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniTalkerConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniTalkerForConditionalGeneration,
)

from voicechat.errors import UserError
from voicechat.training.checks import check
from voicechat.training.codec import CODES, Labelled, code_vectors, load_codec, silence_code
from voicechat.training.hearing import EMBEDDING
from voicechat.training.labels import labelled
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.optim import MuonAdamW, compiled
from voicechat.training.replies import Replies, Said, random_prompt, text_table
from voicechat.training.rows import IGNORE, Scribe
from voicechat.training.tokenizer import SIZE, load_tokenizer

PAD, BOS, EOS, MASK = 1001, 1002, 1003, 1004
CODEC_VOCABULARY = 1008
FIRST_CODES = 60  # a bit more than a second
HIDDEN_NOISE = 0.03  # about the size of the scaled states of the Thinker
Drawn = tuple[torch.Tensor, list[Said], list[float]]  # prompt, replies, share of wrong codes


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
        cut_prompts: Share of the steps before whose replies only the end of a prompt stands.
        joined: Share of replies of several sentences.
        most_codes: No longer replies than this, in codes (50 a second).
        guidance: Weight of the loss on the token that is being said.
        ramp: Steps over which the longest reply grows from a second to `most_codes`: the order of
            words is found on short sentences first.
        checkpoint_every: Steps between checkpoints.
        compile: Compile the layers.
        seed: Of everything drawn.
    """

    hidden: int = 256
    layers: int = 5
    intermediate: int = 704
    steps: int = 4000
    positions: int = 3500
    lr: float = 1e-3
    warmup: int = 150
    corrupted: float = 0.15
    cut_prompts: float = 0.75
    joined: float = 0.5
    most_codes: int = 700
    guidance: float = 0.3
    ramp: int = 800
    checkpoint_every: int = 200
    compile: bool = True
    seed: int = 7

    def __post_init__(self) -> None:
        check(self, "corrupted cut_prompts joined", hidden=64, layers=1, intermediate=1,
              positions=1, checkpoint_every=1)  # fmt: skip
        if self.most_codes < FIRST_CODES:
            raise UserError(f"most_codes is {self.most_codes}; it is at least {FIRST_CODES}")


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
    config._attn_implementation = "sdpa"
    talker = Qwen2_5OmniTalkerForConditionalGeneration(config)
    nn.init.normal_(talker.get_input_embeddings().weight)  # as loud as the text beside them
    talker.get_input_embeddings().weight.data[1 : CODES + 1] = code_vectors(EMBEDDING)
    talker.codec_head.weight.data[1 : CODES + 1] = code_vectors(hidden) * hidden**-0.5
    silence_marks(talker)
    return talker


@torch.no_grad()
def silence_marks(talker: Qwen2_5OmniTalkerForConditionalGeneration) -> None:
    """Zeroes the embeddings of codec pad and bos."""
    talker.get_input_embeddings().weight[[PAD, BOS]] = 0.0


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
    device = talker.codec_head.weight.device
    table, n, start = text_table(device), len(said.codes), len(prompt)
    voice = tokenizer.token_to_id(f"<|voice_{said.voice}|>")
    end, pad = tokenizer.token_to_id("<tts_text_eod>"), tokenizer.token_to_id("<tts_pad>")
    stream = [*said.text, end][: n + 1]
    stream += [pad] * (n + 1 - len(stream))
    wrong = torch.rand(n, device=device) < corrupted
    others = torch.randint(1, CODES + 1, (n,), device=device)
    seen = torch.where(wrong, others, said.codes.to(device))
    text = torch.cat([prompt.to(device), table[[voice, *stream]]])
    text = text + noise * torch.randn_like(text)
    codes = talker.get_input_embeddings()(seen)
    embeds = text + F.pad(codes, (0, 0, start + 2, 0))
    labels = torch.cat([torch.full((start + 1,), IGNORE), said.codes, torch.tensor([EOS])])
    return embeds, labels


def run_layers(
    talker: Qwen2_5OmniTalkerForConditionalGeneration, embeds: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """States of all layers, [batch, positions, hidden] each, the last one normed."""
    inputs = nn.utils.rnn.pad_sequence(list(embeds), batch_first=True)
    projected = talker.thinker_to_talker_proj(inputs)
    output = talker.model(inputs_embeds=projected, use_cache=False, output_hidden_states=True)
    return output.hidden_states


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
    targets = _padded(labels).to(talker.codec_head.weight.device)
    rows, places = torch.nonzero(targets != IGNORE, as_tuple=True)
    hidden = run_layers(talker, embeds)[-1]
    return talker.codec_head(hidden[rows, places]).float(), targets[rows, places], rows


def _padded(labels: Sequence[torch.Tensor]) -> torch.Tensor:
    return nn.utils.rnn.pad_sequence(list(labels), batch_first=True, padding_value=IGNORE)


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
    train(config, workdir, labelled(codec, workdir), tokenizer, silence_code(codec))


def guided_loss(
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    reader: nn.Linear,
    said: Sequence[Said],
    embeds: Sequence[torch.Tensor],
    labels: Sequence[torch.Tensor],
) -> dict[str, torch.Tensor]:
    """Cross-entropy of the codes, and of the tokens being said as `reader` reads a middle layer."""
    targets = _padded(labels)
    words = torch.full_like(targets, IGNORE)
    for row, one, each in zip(words, said, labels, strict=True):
        row[len(each) - len(one.codes) - 1 : len(each) - 1] = one.words
    device = talker.codec_head.weight.device
    targets, words = targets.to(device), words.to(device)
    states = run_layers(talker, embeds)
    kept, known = targets != IGNORE, words != IGNORE
    logits = talker.codec_head(states[-1][kept]).float()
    tokens = reader(states[len(states) // 2][known]).float()
    return {
        "codes": F.cross_entropy(logits, targets[kept]),
        "accuracy": (logits.argmax(-1) == targets[kept]).float().mean(),
        "words": F.cross_entropy(tokens, words[known]),
    }


def train(
    config: TalkerConfig, workdir: Path, items: list[Labelled], tokenizer: Tokenizer, quiet: int
) -> dict[str, float]:
    """Trains the Talker on labelled utterances of all voices; returns the last losses."""
    torch.manual_seed(config.seed)
    talker = build_talker(tokenizer, config.hidden, config.layers, config.intermediate)
    reader = nn.Linear(config.hidden, SIZE)
    modules = {"talker": talker, "reader": reader}
    layers = talker.model.layers
    compiled(layers, config.compile)
    inner = {id(p) for p in layers.parameters()}
    outer = [p for p in [*talker.parameters(), *reader.parameters()] if id(p) not in inner]
    optimizer = MuonAdamW(layers, [{"params": outer}])
    schedule = Schedule(config.steps, config.lr, config.warmup)
    trainer = Trainer("talker", workdir, modules, optimizer, schedule, config.seed,
                      bf16=True, checkpoint_every=config.checkpoint_every)  # fmt: skip
    replies, scribe = Replies(items, tokenizer, quiet), Scribe(tokenizer)

    def draw(number: int, rng: random.Random) -> Drawn:
        grown = min(1.0, (number + 1) / max(1, config.ramp))
        most = round(FIRST_CODES + (config.most_codes - FIRST_CODES) * grown)
        prompt = random_prompt(scribe, rng, config.cut_prompts)
        batch = replies.batch(config.positions, len(prompt), config.joined, most, rng)
        return prompt, batch, [2 * config.corrupted * rng.random() for _ in batch]

    def step(drawn: Drawn) -> dict[str, torch.Tensor]:
        prompt, batch, corrupted = drawn
        laid = [
            layout(talker, tokenizer, said, prompt, share, HIDDEN_NOISE)
            for said, share in zip(batch, corrupted, strict=True)
        ]
        losses = guided_loss(talker, reader, batch, *zip(*laid, strict=True))
        return {"loss": losses["codes"] + config.guidance * losses["words"], **losses}

    return trainer.run(draw, step)


def load_talker(
    workdir: Path, tokenizer: Tokenizer, stage: str = "talker"
) -> Qwen2_5OmniTalkerForConditionalGeneration:
    """The Talker that a stage trained."""
    weights = trained(workdir, stage)["talker"]
    layers = 1 + max(int(k.split(".")[2]) for k in weights if k.startswith("model.layers."))
    intermediate, hidden = weights["model.layers.0.mlp.up_proj.weight"].shape
    talker = build_talker(tokenizer, hidden, layers, intermediate)
    talker.load_state_dict(weights)
    silence_marks(talker)
    return talker.eval()
