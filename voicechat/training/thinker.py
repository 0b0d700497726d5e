"""Pocket's Thinker: its sizes, its losses, and whether a reply is exactly right.

The token embeddings are a frozen random table, the same as the Talker's, so that both can be
trained at the same time (see `hearing.embedding_table`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniThinkerConfig
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniThinkerForConditionalGeneration,
    apply_rotary_pos_emb,
)

from voicechat.errors import UserError
from voicechat.training.hearing import EMBEDDING, embedding_table
from voicechat.training.loop import trained
from voicechat.training.rows import IGNORE, Row
from voicechat.training.whisper import encoder_config

Thinker = Qwen2_5OmniThinkerForConditionalGeneration
TOGETHER = 8  # rows padded to one length: more would be mostly padding
GUIDANCE = 0.03  # weight of looking where the word to go on with is foreseen
ABOVE = 1  # layers above the one that foresees a word: they can read it for the next reply
QUIET = 0.02  # the final norm's factor: the Talker then reads nearly the bare embeddings


def thinker_config(tokenizer: Tokenizer, layers: int = 5) -> Qwen2_5OmniThinkerConfig:
    """Pocket's sizes; the vision tower is as small as its class allows and is not trained."""
    name = tokenizer.token_to_id
    rope = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [8, 12, 12]}
    return Qwen2_5OmniThinkerConfig(
        audio_config=encoder_config(EMBEDDING).to_dict(),
        vision_config=dict(
            depth=1, hidden_size=64, intermediate_size=128, num_heads=2,
            out_hidden_size=EMBEDDING, fullatt_block_indexes=[0],
        ),
        text_config=dict(
            vocab_size=tokenizer.get_vocab_size(), hidden_size=EMBEDDING,
            intermediate_size=EMBEDDING * 8 // 3,
            num_hidden_layers=layers, num_attention_heads=EMBEDDING // 64, num_key_value_heads=2,
            max_position_embeddings=4096, rope_parameters=rope, tie_word_embeddings=False,
            use_sliding_window=False, pad_token_id=name("<|endoftext|>"),
            bos_token_id=name("<|im_start|>"), eos_token_id=name("<|im_end|>"),
        ),
        audio_token_index=name("<|AUDIO|>"), image_token_index=name("<|IMAGE|>"),
        video_token_index=name("<|VIDEO|>"), audio_start_token_id=name("<|audio_bos|>"),
        audio_end_token_id=name("<|audio_eos|>"), vision_start_token_id=name("<|vision_bos|>"),
        vision_end_token_id=name("<|vision_eos|>"), user_token_id=name("<|im_start|>"),
    )  # fmt: skip


def build_thinker(tokenizer: Tokenizer, layers: int = 5) -> Thinker:
    """A new Thinker on the frozen embeddings, with the attention that trains fastest on a CPU."""
    config = thinker_config(tokenizer, layers)
    config._attn_implementation = "eager"  # the fused kernel's backward is slow at these sizes
    thinker = Thinker(config)
    embeddings = thinker.get_input_embeddings()
    embeddings.weight.data.copy_(embedding_table(*embeddings.weight.shape))
    embeddings.weight.requires_grad_(False)
    return thinker


@dataclass(frozen=True)
class Predicted:
    """What a Thinker makes of rows.

    Attributes:
        logits: `[taught, tokens]`.
        labels: `[taught]`, in the order of the rows.
        looks: `[resumed, heads]`, how far from looking where it should (`_looks`), in nats.
    """

    logits: torch.Tensor
    labels: torch.Tensor
    looks: torch.Tensor


def predict(thinker: Thinker, rows: Sequence[Row]) -> Predicted:
    """Scores of every token that the rows teach.

    The rows are padded on the right, where causal attention needs no mask, to the longest of a few
    neighbours; positions are plain counts, as the Thinker's own are for text and for audio.
    """
    parts = [_predict(thinker, rows[i : i + TOGETHER]) for i in range(0, len(rows), TOGETHER)]
    return Predicted(*map(torch.cat, zip(*parts, strict=True)))


def _predict(thinker: Thinker, rows: Sequence[Row]) -> tuple[torch.Tensor, ...]:
    longest, device = max(len(row.ids) for row in rows), thinker.lm_head.weight.device

    def padded(lists: Sequence[list[int]], value: int) -> torch.Tensor:
        return torch.tensor([x + [value] * (longest - len(x)) for x in lists], device=device)

    ids, labels = padded([row.ids for row in rows], 0), padded([row.labels for row in rows], IGNORE)
    embeds = thinker.get_input_embeddings()(ids)
    heard = [vectors for row in rows for vectors in row.heard]
    if heard:
        spoken = padded([row.spoken for row in rows], False)
        embeds = embeds.masked_scatter(spoken.unsqueeze(-1), torch.cat(heard).to(embeds.dtype))
    language_model = thinker.model.language_model
    layers = language_model(inputs_embeds=embeds, use_cache=False, output_hidden_states=True)
    inner = layers.hidden_states[-1 - ABOVE]
    hidden = _foreseeing(language_model.norm(inner), layers.last_hidden_state, rows)
    taught = labels[:, 1:] != IGNORE
    logits = thinker.lm_head(hidden[:, :-1][taught]).float()
    return logits, labels[:, 1:][taught], _looks(language_model, inner, rows)


def _foreseeing(inner: torch.Tensor, last: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """The last layer's hidden states, but where a word is foreseen those of an inner layer."""
    foreseen = torch.zeros(last.shape[:2], dtype=torch.bool)
    for i, row in enumerate(rows):
        foreseen[i, [position - 1 for position in row.foreseen]] = True
    return torch.where(foreseen.unsqueeze(-1).to(last.device), inner, last)


def _looks(language_model: nn.Module, inner: torch.Tensor, rows: Sequence[Row]) -> torch.Tensor:
    """How unlikely two heads of the next layer look to where the word to go on with is foreseen.

    The word stands there ready, but no head finds it by itself: the gradient of what is never
    looked at is nothing. Attention is guided so in speech synthesis too (Tachibana et al. 2018).

    Returns:
        `[resumed, 2]`: the first head of either pair of keys and values.
    """
    layer, rotary = language_model.layers[-ABOVE], language_model.rotary_emb  # reads `inner`
    attention, states = layer.self_attn, layer.input_layernorm(inner)
    places = torch.arange(states.shape[1], device=states.device).expand(3, len(rows), -1)

    def heads(projection: nn.Linear) -> torch.Tensor:
        return projection(states).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)

    queries, keys = apply_rotary_pos_emb(
        heads(attention.q_proj)[:, :: attention.num_key_value_groups], heads(attention.k_proj),
        *rotary(states, places),
    )  # fmt: skip
    missed = [keys.new_zeros(0, keys.shape[1])]
    for i, row in enumerate(rows):
        for here, there in row.resumed:
            scores = keys[i, :, : here + 1] @ queries[i, :, here, :, None] * attention.scaling
            missed.append(-scores[..., 0].log_softmax(-1)[None, :, there])
    return torch.cat(missed).float()


def exact(thinker: Thinker, rows: Sequence[Row]) -> list[bool]:
    """Whether greedy decoding would give each row's last reply, ended, token for token.

    It would if and only if every token of the reply is the likeliest one behind the right ones.
    """
    answers = predict(thinker, rows)
    right = (answers.logits.argmax(-1) == answers.labels).split(
        [sum(x != IGNORE for x in r.labels) for r in rows]
    )
    last = [row.replies[-1][1] - row.replies[-1][0] for row in rows]
    return [bool(r[-n:].all()) for r, n in zip(right, last, strict=True)]


def loss(thinker: Thinker, rows: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross entropy, weighted as the rows say, with guidance, and the share of right tokens."""
    rows = sorted(rows, key=lambda row: len(row.ids))
    answers = predict(thinker, rows)
    labels, looks = answers.labels, answers.looks
    weights = torch.tensor([w for row in rows for w in row.weights], device=labels.device)
    entropy = F.cross_entropy(answers.logits, labels, reduction="none") * weights
    guidance = GUIDANCE * looks.sum() / max(1, len(looks))
    right = (answers.logits.argmax(-1) == labels).float().mean()
    return entropy.sum() / weights.sum() + guidance, right


@torch.no_grad()
def quiet(thinker: nn.Module) -> None:
    """Scales the final norm down and the head up: the same logits, nearly silent hidden states.

    The Talker reads the sum of embedding and hidden state; this leaves it the embedding.
    """
    thinker.model.language_model.norm.weight.mul_(QUIET)
    thinker.lm_head.weight.div_(QUIET)


@torch.no_grad()
def loud(thinker: nn.Module) -> None:
    """Undoes `quiet`."""
    thinker.model.language_model.norm.weight.div_(QUIET)
    thinker.lm_head.weight.mul_(QUIET)


def load_thinker(workdir: Path, tokenizer: Tokenizer, share: float = 1.0) -> Thinker:
    """The stage's Thinker as it is shipped: in `eval` mode and quiet.

    Where the stage never began it is the one that `unpack` gave it to go on from.

    Args:
        workdir: Where the stages keep their work.
        tokenizer: Pocket's.
        share: Below 1, its weights are averaged with those that `unpack` gave the stage to go on
            from: what was learned anew stays, and little is forgotten (Wortsman et al. 2022,
            "Robust fine-tuning of zero-shot models").

    Raises:
        UserError: Nothing was trained or unpacked; or a share below 1, and the training did not go
            on from an unpacked checkpoint.
    """
    start = workdir / "reading" / "start.pt"
    begun = any((workdir / part / "last.pt").exists() for part in ("hearing", "reading", "thinker"))
    weights = trained(workdir, "reading" if start.exists() and not begun else "thinker")["thinker"]
    inner = "model.language_model.layers."
    layers = 1 + max(int(k.split(".")[3]) for k in weights if k.startswith(inner))
    thinker = build_thinker(tokenizer, layers)
    thinker.load_state_dict(weights)
    if share < 1.0:
        _average(thinker, start, share)
    quiet(thinker)
    return thinker.eval()


@torch.no_grad()
def _average(thinker: Thinker, start: Path, share: float) -> None:
    if not start.exists():
        raise UserError(f"thinker_share {share} needs {start}: the training went on from nothing")
    before = torch.load(start, weights_only=True, map_location="cpu")["thinker"]
    for name, value in thinker.state_dict().items():
        value.lerp_(before[name].to(value), 1 - share)
