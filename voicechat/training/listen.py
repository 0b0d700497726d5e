"""What the stages show for themselves: spoken texts, and what a recogniser makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers import DynamicCache
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    Qwen2_5OmniTalkerForConditionalGeneration,
    Qwen2_5OmniToken2WavBigVGANModel,
    Qwen2_5OmniToken2WavDiTModel,
)

from voicechat.evaluation.intelligibility import Recogniser, word_error_rate
from voicechat.training.codec import CODES
from voicechat.training.dit import conditions
from voicechat.training.replies import text_table, usual_prompt
from voicechat.training.talker import EOS

Render = Callable[[torch.Tensor, int], np.ndarray]
CODES_PER_LETTER = 6  # a reply that is longer than this, and than two seconds, does not end


@dataclass(frozen=True)
class Spoken:
    """One reply of the Talker: its codes [codes], and whether it ended by itself."""

    codes: torch.Tensor
    ended: bool


@torch.no_grad()
def speak(
    talker: Qwen2_5OmniTalkerForConditionalGeneration,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    voice: int,
    temperature: float = 0.0,
    top_k: int = 20,
) -> list[Spoken]:
    """Speaks texts side by side, behind one prompt.

    Args:
        talker: The network.
        tokenizer: Pocket's.
        texts: One reply each.
        voice: Index of the voice.
        temperature: 0 takes the likeliest code.
        top_k: Codes to sample from.
    """
    device, token = talker.codec_head.weight.device, tokenizer.token_to_id
    table = text_table(device)
    head = torch.cat([usual_prompt(tokenizer).to(device), table[[token(f"<|voice_{voice}|>")]]])
    replies = [[*tokenizer.encode(t).ids, token("<tts_text_eod>")] for t in texts]
    limits = torch.tensor([100 + CODES_PER_LETTER * len(t) for t in texts], device=device)
    streams = torch.full((len(texts), int(limits.max()) + 1), token("<tts_pad>"), device=device)
    for row, reply in zip(streams, replies, strict=True):
        row[: len(reply)] = torch.tensor(reply, device=device)
    codebook = talker.get_input_embeddings()
    embeds = head.repeat(len(texts), 1, 1)
    embeds = torch.cat([embeds, table[streams[:, :1]]], dim=1)
    cache, said = DynamicCache(config=talker.model.config), []
    live = torch.ones(len(texts), dtype=torch.bool, device=device)
    while live.any():
        hidden = talker.model(
            inputs_embeds=talker.thinker_to_talker_proj(embeds), past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]  # fmt: skip
        code = choose(talker.codec_head(hidden).float(), temperature, top_k)
        said.append(torch.where(live, code, EOS))
        live &= (code != EOS) & (len(said) < limits)
        embeds = table[streams[:, len(said) : len(said) + 1]] + codebook(code)[:, None]
    rows = torch.stack(said, dim=1).cpu()
    return [_until_end(row[: int(limit)]) for row, limit in zip(rows, limits, strict=True)]


def choose(logits: torch.Tensor, temperature: float, top_k: int) -> torch.Tensor:
    """Codes [batch] by logits [batch, vocabulary]: 1..1000 or the end."""
    barred = torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    barred[1 : CODES + 1] = False
    barred[EOS] = False
    logits = logits.masked_fill(barred, -torch.inf)
    if temperature == 0:
        return logits.argmax(-1)
    best, codes = logits.topk(top_k)
    picked = torch.multinomial(F.softmax(best / temperature, dim=-1), 1)
    return codes.gather(1, picked)[:, 0]


def _until_end(row: torch.Tensor) -> Spoken:
    ends = torch.nonzero(row == EOS)
    return Spoken(row[: int(ends[0])], True) if len(ends) else Spoken(row, False)


def through_token2wav(
    dit: Qwen2_5OmniToken2WavDiTModel,
    bigvgan: Qwen2_5OmniToken2WavBigVGANModel,
    references: Sequence[torch.Tensor],
    num_steps: int = 4,
    guidance: float = 0.0,
) -> Render:
    """Sound as `generate` makes it; `references` holds a mel [100, 83] for each voice."""
    conds = conditions()

    @torch.no_grad()
    def render(codes: torch.Tensor, voice: int) -> np.ndarray:
        mel = dit.sample(conds[voice][None], references[voice][None], codes[None],
                         num_steps=num_steps, guidance_scale=guidance)  # fmt: skip
        return bigvgan(mel).flatten().numpy()

    return render


def understood(
    recogniser: Recogniser, render: Render, texts: Sequence[str], codes: Sequence[torch.Tensor],
    voice: int,
) -> float:  # fmt: skip
    """Word error rate of texts that were spoken as codes."""
    heard = [recogniser(render(c, voice)) if len(c) else "" for c in codes]
    return word_error_rate(texts, heard)
