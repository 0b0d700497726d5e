"""The audio encoder: Whisper's features, all blocks of a batch at once, and CTC on characters.

Stage one of hearing adapts Whisper's encoder to blocks of 2 s (it was trained on 30 s): it has to
spell what users say, in any voice, from 25 vectors a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from transformers import WhisperFeatureExtractor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.clock import HEARING_BLOCK_FRAMES, MIC_HOP
from voicechat.training.speech import spelled

N_FFT = 400
EMBEDDING = 384  # size of a token's vector, and so the Thinker's width


@cache
def _mel_filters() -> torch.Tensor:
    return torch.from_numpy(WhisperFeatureExtractor(feature_size=80).mel_filters).float()


def _in_tract(filters: torch.Tensor, tract: float) -> torch.Tensor:
    """Filters `[bins, mels]` that hear each frequency where `tract` times it lies."""
    places = (torch.arange(len(filters)) * tract).clamp(max=len(filters) - 1)
    below = places.long().clamp(max=len(filters) - 2)
    return torch.lerp(filters[below], filters[below + 1], (places - below)[:, None])


def log_mel(pcm: np.ndarray, streaming: bool = False, tract: float = 1.0) -> torch.Tensor:
    """Whisper's features without the padding to 30 s.

    Args:
        pcm: `[samples]` float32 at 16 kHz.
        streaming: bound each block of 2 s from below by the loudest frame *so far*, as a listener
            must, in place of the clip's loudest.
        tract: factor on all frequencies, as if the speaker's vocal tract were so much shorter
            (Jaitly and Hinton 2013); no other time passes.

    Returns:
        `[80, samples // 160]`.
    """
    wave = torch.from_numpy(pcm)
    spectrum = torch.stft(
        wave, N_FFT, MIC_HOP, window=torch.hann_window(N_FFT), return_complex=True
    )
    filters = _in_tract(_mel_filters(), tract)
    mel = (filters.T @ spectrum[:, :-1].abs() ** 2).clamp(min=1e-10).log10()
    loudest = mel.max()
    if streaming:
        blocks = mel.amax(0).split(HEARING_BLOCK_FRAMES)
        so_far = torch.stack([b.max() for b in blocks]).cummax(0).values
        loudest = so_far.repeat_interleave(torch.tensor([len(b) for b in blocks]))
    return (torch.maximum(mel, loudest - 8.0) + 4.0) / 4.0


def encode(
    encoder: Qwen2_5OmniAudioEncoder, mels: Sequence[torch.Tensor]
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """`Qwen2_5OmniAudioEncoder.forward` for a batch, without its loop over the blocks.

    Blocks are padded only where they must be (convolutions, attention); the rest runs on real rows.

    Args:
        encoder: the network.
        mels: `[80, frames]` each.

    Returns:
        For each mel what the Thinker reads, `[tokens, output_dim]`, and what CTC reads, the normed
        states before the projection, `[tokens, d_model]`; 25 tokens a second.
    """
    blocks = [b for mel in mels for b in mel.split(encoder.n_window * 2, dim=1)]
    device = encoder.conv1.weight.device
    frames = torch.tensor([b.shape[1] for b in blocks])
    x = torch.zeros(len(blocks), encoder.num_mel_bins, int(frames.max()))
    for row, block in zip(x, blocks, strict=True):
        row[:, : block.shape[1]] = block
    there = (torch.arange(x.shape[2]) < frames[:, None])[:, None]
    x = F.gelu(encoder.conv1(x.to(device))) * there.to(device)
    x = F.gelu(encoder.conv2(x)).transpose(1, 2)
    real = (torch.arange(x.shape[1]) < ((frames - 1) // 2 + 1)[:, None]).to(device)
    rows = (x + encoder.positional_embedding.positional_embedding[: x.shape[1]])[real]
    for layer in encoder.layers:
        rows = rows + _attend(layer.self_attn, layer.self_attn_layer_norm(rows), real)
        rows = rows + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(rows))))
    lengths = [(mel.shape[1] - 1) // 2 + 1 for mel in mels]
    pooled = [_pool(r) for r in rows.split(lengths)]
    tokens = [len(p) for p in pooled]
    normed = encoder.ln_post(torch.cat(pooled))
    return list(encoder.proj(normed).split(tokens)), list(normed.split(tokens))


def _attend(attention: nn.Module, rows: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    def heads(x: torch.Tensor) -> torch.Tensor:
        padded = x.new_zeros(*real.shape, x.shape[-1])
        padded[real] = x
        return padded.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)

    q, k, v = (heads(p(rows)) for p in (attention.q_proj, attention.k_proj, attention.v_proj))
    # Written out: the fused kernel's backward takes six times as long on a CPU at this size.
    scores = (q * attention.scaling) @ k.transpose(-1, -2)
    out = scores.masked_fill(~real[:, None, None], -torch.inf).softmax(-1).to(v.dtype) @ v
    return attention.out_proj(out.transpose(1, 2).flatten(2)[real])


def _pool(rows: torch.Tensor) -> torch.Tensor:
    """Means of neighbours, as the encoder's; an odd last row has no neighbour and is dropped.

    A clip's blocks pool as one: every block but the last has an even number of rows.
    """
    return rows[: len(rows) // 2 * 2].unflatten(0, (-1, 2)).mean(1)


def ctc_loss(head: nn.Linear, states: list[torch.Tensor], texts: Sequence[str]) -> torch.Tensor:
    """CTC on characters (Graves et al. 2006) over the encoder's normed states."""
    lengths = [len(s) for s in states]
    logits = head(torch.cat(states)).float().log_softmax(-1)
    targets = [spelled(t) for t in texts]
    return F.ctc_loss(
        nn.utils.rnn.pad_sequence(logits.split(lengths)), torch.cat(targets).to(logits.device),
        torch.tensor(lengths), torch.tensor([len(t) for t in targets]), zero_infinity=True,
    )  # fmt: skip


def embedding_table(tokens: int, width: int) -> torch.Tensor:
    """The frozen random embeddings of pocket's tokens, `[tokens, width]`; the Talker's too."""
    return torch.randn(tokens, width, generator=torch.Generator().manual_seed(11))


class TokenCtc(nn.Module):
    """CTC on the Thinker's own tokens, in the space of their embeddings.

    A class's score is the product of what the Thinker would read and that token's embedding; the
    blank is `<|AUDIO|>`. So the projection learns to put where a word is heard the very vector
    that the typed word has, and a Thinker that was taught by text alone understands it.

    Args:
        table: `[tokens, width]` the frozen embeddings.
        blank: the id of `<|AUDIO|>`.
    """

    def __init__(self, table: torch.Tensor, blank: int) -> None:
        super().__init__()
        self.register_buffer("table", table, persistent=False)
        self.blank = blank
        self.scale = 10 / table.shape[1]  # a bare embedding scores 10, any other about 0.5

    def scores(self, heard: torch.Tensor) -> torch.Tensor:
        """Returns log probabilities, `[vectors, tokens]`."""
        return (heard @ self.table.T * self.scale).float().log_softmax(-1)

    def forward(self, heard: list[torch.Tensor], targets: Sequence[Sequence[int]]) -> torch.Tensor:
        """The loss of a batch: what the Thinker would read, `[vectors, width]`, and token ids."""
        lengths = [len(h) for h in heard]
        scores = nn.utils.rnn.pad_sequence(self.scores(torch.cat(heard)).split(lengths))
        return F.ctc_loss(
            scores, torch.tensor([t for target in targets for t in target], device=scores.device),
            torch.tensor(lengths), torch.tensor([len(t) for t in targets]),
            blank=self.blank, zero_infinity=True,
        )  # fmt: skip

    def read(self, heard: torch.Tensor) -> list[int]:
        """Returns the likeliest path's tokens."""
        best = torch.unique_consecutive(self.scores(heard).argmax(-1)).tolist()
        return [t for t in best if t != self.blank]
