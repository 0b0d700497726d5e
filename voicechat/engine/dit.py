"""codes -> mel, block by block: token2wav's DiT as a stream.

A DiT block is 24 mel frames (12 codes). Most layers let a block see only itself; a few look one
block back, a few one block ahead (the layer lists are the config's):

    block        b-1      b      b+1     b+2
    look back     K,V <── Q                      of the finished block, kept for each evaluation
    look ahead            Q ──> K,V              of a provisional block, computed again later

The keys and values of the last finished block are kept for each evaluation of the ODE, so looking
back is exact and costs nothing. Looking ahead, a call also solves `blocks_ahead` provisional blocks
and drops them. So the one deviation from the full pass is that the provisional blocks do not see
*their* future; with all blocks in one call there is none.

The networks are transformers' modules. What is done differently here, because it was measured
(`main.py bench`): attention inside blocks instead of over the whole reply under a mask, the speaker
encoder once a voice instead of twice an evaluation, and the adaptive norms once in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import (
    DiTAttention,
    DiTDecoderLayer,
    Qwen2_5OmniToken2WavDiTModel,
    apply_rotary_pos_emb,
    deinterleave_head_dim,
)

from voicechat.clock import exactly
from voicechat.config import Token2WavSettings
from voicechat.engine.graphs import Captured
from voicechat.engine.ode import Ode

KeysValues = tuple[Tensor, Tensor]  # each [guided, heads, frames of a block, head size]


class Span(NamedTuple):
    """The blocks that one call solves together.

    Attributes:
        fixed: `[guided, blocks, frames, hidden]`, what codes and voice add to the input.
        rotary: cosine and sine, each `[blocks, 1, frames, head size]`, by absolute position.
        valid: `[blocks + 2, frames]` bool: the block before, the blocks, the block after.
        whole: nothing needs a mask inside the blocks: every frame of them is valid.
    """

    fixed: Tensor
    rotary: tuple[Tensor, Tensor]
    valid: Tensor
    whole: bool


class Dit:
    """The DiT with everything computed that is the same for every block.

    Args:
        model: transformers' DiT in float32 (as transformers insists).
        settings: ODE and window.
        graphs: capture the evaluation where there is CUDA.
    """

    def __init__(
        self, model: Qwen2_5OmniToken2WavDiTModel, settings: Token2WavSettings, graphs: bool = True
    ) -> None:
        self.model, self.settings, config = model, settings, model.config
        self.frames = config.block_size
        self.block_codes = exactly(config.block_size, config.repeats)
        self.codes = config.num_embeds
        self.guided = settings.guidance_scale >= 1e-5  # transformers' threshold
        self.ode = Ode(settings)
        self._evaluate = Captured(self.evaluate, enabled=graphs)
        sizes = [config.mel_dim, config.enc_dim, config.emb_dim, config.enc_emb_dim]
        with torch.inference_mode():
            self._norms()
            weights = model.input_embed.proj.weight.split(sizes, dim=1)
            self._by_mel, self._by_timbre, self._by_code, self._by_cond = weights

    @property
    def device(self) -> torch.device:
        return self.model.device

    def _norms(self) -> None:
        """The adaptive norms: `[evaluations, layers, 6, hidden]` and `[evaluations, 2, hidden]`."""
        time = F.silu(self.model.time_embed(self.ode.times.to(self.device)))
        layers = [layer.attn_norm.linear(time) for layer in self.model.transformer_blocks]
        self.norms = torch.stack(layers, 1).unflatten(-1, (6, -1))
        self.last_norms = self.model.norm_out.linear(time).unflatten(-1, (2, -1))

    @torch.inference_mode()
    def speaker(self, cond: Tensor, ref_mel: Tensor) -> Tensor:
        """What a voice adds to the input of every frame; computed once a voice.

        Args:
            cond: `[1, enc_emb_dim]`, the voice's speaker embedding.
            ref_mel: `[1, frames, mel_dim]`, a sample of the voice for the speaker encoder.

        Returns:
            `[guided, hidden]`: with the voice and, for guidance, without it.
        """
        cond, ref_mel = cond.to(self.device).float(), ref_mel.to(self.device).float()
        if self.guided:
            cond = torch.cat([cond, torch.zeros_like(cond)])
            ref_mel = torch.cat([ref_mel, torch.zeros_like(ref_mel)])
        timbre = self.model.input_embed.spk_encoder(ref_mel)
        bias = self.model.input_embed.proj.bias
        return F.linear(timbre, self._by_timbre, bias) + F.linear(cond, self._by_cond)

    def span(self, codes: Tensor, speaker: Tensor, first: int) -> Span:
        """Lays out the blocks of `codes` `[n]`, of which the first is the reply's block `first`."""
        missing = -len(codes) % self.block_codes
        codes = F.pad(codes, (0, missing))
        fixed = speaker[:, None] + self._code_embedding(codes)
        valid = torch.ones(len(codes) // self.block_codes + 2, self.frames, dtype=torch.bool)
        valid[0] = first > 0
        valid[-1] = False
        if missing:
            valid[-2, -missing * self.model.config.repeats :] = False
        return Span(
            fixed.unflatten(1, (-1, self.frames)),
            self._rotary(first, len(valid) - 2),
            valid.to(self.device),
            # On CUDA a mask always: so one graph for each number of blocks is enough.
            whole=missing == 0 and self.device.type != "cuda",
        )

    def _code_embedding(self, codes: Tensor) -> Tensor:
        """`[guided, frames, hidden]`; the unguided half sees code 0, the null, everywhere."""
        pair = [codes, torch.zeros_like(codes)] if self.guided else [codes]
        embedding = self.model.text_embed(torch.stack(pair).to(self.device))
        return F.linear(embedding, self._by_code)

    def _rotary(self, first: int, blocks: int) -> tuple[Tensor, Tensor]:
        start = first * self.frames
        positions = torch.arange(start, start + blocks * self.frames, device=self.device)
        cos, sin = self.model.rotary_embed(self.norms, positions[None])
        return cos.view(blocks, 1, self.frames, -1), sin.view(blocks, 1, self.frames, -1)

    def velocity(
        self, evaluation: int, mel: Tensor, span: Span, past: list[KeysValues]
    ) -> tuple[Tensor, list[KeysValues]]:
        """One evaluation of the ODE's right side; `evaluate` says what goes in and out."""
        norms = self.norms[evaluation], self.last_norms[evaluation]
        with _tensor_cores():
            return self._evaluate(mel, *norms, span, past)

    def evaluate(
        self, mel: Tensor, norms: Tensor, last_norm: Tensor, span: Span, past: list[KeysValues]
    ) -> tuple[Tensor, list[KeysValues]]:
        """The network at one time, over the blocks of a span.

        Args:
            mel: `[blocks, frames, mel_dim]`.
            norms: `[layers, 6, hidden]` of this time.
            last_norm: `[2, hidden]` of this time.
            span: what does not change from time to time.
            past: keys and values of the block before, of each layer that looks back.

        Returns:
            The velocity, as `mel`, and keys and values `[guided, blocks, heads, frames, size]` of
            each layer that looks back.
        """
        hidden = F.linear(mel, self._by_mel) + span.fixed
        kept: list[KeysValues] = []
        before: Iterator[KeysValues] = iter(past)
        for layer, norm in zip(self.model.transformer_blocks, norms, strict=True):
            hidden = self._layer(layer, hidden, norm, span, before, kept)
        scale, shift = last_norm
        hidden = self.model.norm_out.norm(hidden) * (1 + scale) + shift
        velocity = self.model.proj_out(hidden)
        if self.guided:
            with_voice, without = velocity
            return with_voice + (with_voice - without) * self.settings.guidance_scale, kept
        return velocity[0], kept

    def _layer(
        self,
        layer: DiTDecoderLayer,
        hidden: Tensor,
        norm: Tensor,
        span: Span,
        before: Iterator[KeysValues],
        kept: list[KeysValues],
    ) -> Tensor:
        """`DiTDecoderLayer.forward` with the norms at hand and attention by blocks."""
        shift, scale, gate, shift_mlp, scale_mlp, gate_mlp = norm
        normed = layer.attn_norm.norm(hidden) * (1 + scale) + shift
        query, key, value = _heads(layer.attn, normed, span.rotary)
        look_back, look_ahead = layer.look_backward_block, layer.look_ahead_block
        past = None
        if look_back:
            kept.append((key, value))
            past = next(before)
        keys = _window(key, past and past[0], look_ahead)
        values = _window(value, past and past[1], look_ahead)
        mask = _mask(span, look_back, look_ahead)
        attended = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        attended = attended.transpose(2, 3).flatten(3)
        hidden = hidden + gate * layer.attn.to_out[0](attended)
        normed = layer.ff_norm(hidden) * (1 + scale_mlp) + shift_mlp
        return hidden + gate_mlp * layer.ff(normed)


@contextmanager
def _tensor_cores() -> Iterator[None]:
    """Inside, a GPU may multiply float32 as TF32: for so few rows it is many times as fast."""
    matmul = torch.backends.cuda.matmul
    before, matmul.allow_tf32 = matmul.allow_tf32, True
    try:
        yield
    finally:
        matmul.allow_tf32 = before


def _heads(
    attention: DiTAttention, hidden: Tensor, rotary: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key, value `[guided, blocks, heads, frames, size]`; the first head is rotated."""
    query, key, value = (
        linear(hidden).unflatten(-1, (attention.heads, -1)).transpose(2, 3)
        for linear in (attention.to_q, attention.to_k, attention.to_v)
    )
    first = deinterleave_head_dim(query[:, :, :1]), deinterleave_head_dim(key[:, :, :1])
    query[:, :, :1], key[:, :, :1] = apply_rotary_pos_emb(*first, *rotary, unsqueeze_dim=0)
    return query, key, value


def _window(blocks: Tensor, past: Tensor | None, look_ahead: int) -> Tensor:
    """Puts the neighbours that a block sees beside it, along the frames."""
    sides = [blocks]
    if past is not None:
        sides.insert(0, torch.cat([past[:, None], blocks[:, :-1]], 1))
    if look_ahead:
        sides.append(torch.cat([blocks[:, 1:], torch.zeros_like(blocks[:, :1])], 1))
    return torch.cat(sides, 3) if len(sides) > 1 else blocks


def _mask(span: Span, look_back: int, look_ahead: int) -> Tensor | None:
    """`[blocks, 1, 1, keys]`, or none where every key is there."""
    if span.whole and not (look_back or look_ahead):
        return None
    blocks = len(span.valid) - 2
    sides = range(1 - look_back, 2 + look_ahead)
    return torch.cat([span.valid[side : side + blocks] for side in sides], 1)[:, None, None]


@dataclass
class MelStream:
    """One reply on its way from codes to mel.

    When a block is solved, and together with which, follows from its position in the reply alone:
    first `first_blocks`, then as many as are done, up to `most_blocks` (1, 1, 2, 4, 4, ...: a call
    never takes longer than what was made so far plays), each as soon as `blocks_ahead` further
    blocks are known or the reply is over. So the cutting of the codes changes nothing, not even
    the last bit.
    """

    dit: Dit
    speaker: Tensor
    generator: torch.Generator
    codes: list[int] = field(default_factory=list)
    blocks_done: int = 0

    def __post_init__(self) -> None:
        self._noise: list[Tensor] = []
        self._past = [self._no_past() for _ in self.dit.ode.times]

    def _no_past(self) -> list[KeysValues]:
        config = self.dit.model.config
        shape = (self.speaker.shape[0], config.num_attention_heads, self.dit.frames)
        zeros = self.speaker.new_zeros(*shape, config.head_dim)
        return [(zeros, zeros) for layer in config.look_backward_layers]

    def push(self, codes: list[int], final: bool) -> Iterator[tuple[Tensor, bool]]:
        """Takes codes and gives the mel frames that are settled by now, call by call.

        Args:
            codes: in order, cut anywhere.
            final: there will be no more.

        Yields:
            `[frames, mel_dim]` float32, two frames a code in the end; and whether it is the end.
        """
        assert all(0 <= code < self.dit.codes for code in codes), codes
        self.codes += codes
        while self._ready(final):
            end = self._end()
            yield self._solve(end), end * self.dit.block_codes >= len(self.codes)

    def _end(self) -> int:
        """One past the last block of the next call."""
        settings, done = self.dit.settings, self.blocks_done
        return done + max(settings.first_blocks, min(done, settings.most_blocks))

    def _ready(self, final: bool) -> bool:
        """Whether the next call has what it looks ahead to, and is known to be the last or not."""
        size, end = self.dit.block_codes, self._end()
        if final:
            return self.blocks_done * size < len(self.codes)
        return len(self.codes) >= max((end + self.dit.settings.blocks_ahead) * size, end * size + 1)

    @torch.inference_mode()
    def _solve(self, end: int) -> Tensor:
        """Solves blocks `blocks_done` to `end`, and provisionally the ones ahead."""
        size, first = self.dit.block_codes, self.blocks_done
        ahead = end + self.dit.settings.blocks_ahead
        codes = torch.tensor(self.codes[first * size : ahead * size])
        span = self.dit.span(codes, self.speaker, first)
        blocks = span.fixed.shape[1]
        last = min(end - first, blocks) - 1

        def velocity(evaluation: int, mel: Tensor) -> Tensor:
            slope, kept = self.dit.velocity(evaluation, mel, span, self._past[evaluation])
            self._past[evaluation] = [(k[:, last].clone(), v[:, last].clone()) for k, v in kept]
            return slope

        mel = self.dit.ode.solve(velocity, self._noise_of(first, first + blocks))
        self.blocks_done = end
        frames = self.dit.model.config.repeats * len(codes)
        return mel.flatten(0, 1)[: min(frames, (end - first) * self.dit.frames)]

    def _noise_of(self, first: int, end: int) -> Tensor:
        """`[blocks, frames, mel_dim]`: block b's noise is the generator's b-th draw."""
        shape = self.dit.frames, self.dit.model.mel_dim
        while len(self._noise) < end:
            self._noise.append(torch.randn(shape, generator=self.generator))
        return torch.stack(self._noise[first:end]).to(self.dit.device)
