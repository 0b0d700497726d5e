"""transformers' own `generate`, watched: what the engine is compared with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from voicechat.clock import MIC_RATE
from voicechat.engine.checkpoint import Checkpoint
from voicechat.engine.threads import all_threads

Span = tuple[str, float, float]


@dataclass
class Offline:
    """What `generate` made of a talk.

    Attributes:
        text_ids: that the Thinker said, without the closing token.
        codes: that the Talker said, without the closing code.
        wave: `[samples]` float32, 24 kHz.
        spans: which stage worked from when to when, by `time.perf_counter`.
    """

    text_ids: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    wave: Tensor = field(default_factory=lambda: torch.zeros(0))
    spans: list[Span] = field(default_factory=list)


@torch.inference_mode()
def generate(
    checkpoint: Checkpoint, prompt_ids: list[int], questions: list[np.ndarray], voice: str
) -> Offline:
    """Runs the whole model on a whole talk, greedily, with the checkpoint's limits.

    With all of torch's threads, which is how it is fastest, and how it runs elsewhere.

    Args:
        checkpoint: with the model and its settings.
        prompt_ids: of the talk, with one `<|AUDIO|>` for each token of speech.
        questions: `[samples]` int16, 16 kHz each: the talk's speech in order.
        voice: by name.
    """
    model, thinker, talker = checkpoint.model, *_limits(checkpoint)
    model.speaker_map = {
        name: {"bos_token": v.bos_token, "cond": v.cond, "ref_mel": v.ref_mel}
        for name, v in checkpoint.voices.items()
    }
    made, said = Offline(), []
    with all_threads(), ExitStack() as held:
        for module, method, stage in _stages(model):
            kept = said.append if stage == "talker" else None
            held.enter_context(_watched(module, method, stage, made.spans, kept))
        sequence, made.wave = model.generate(
            **_inputs(checkpoint, prompt_ids, questions), speaker=voice, **thinker, **talker
        )
    prompt = 1 + len(prompt_ids)  # padded
    text, codes = sequence[0, prompt:], said[0][0, prompt + 2 :]
    made.text_ids = _before(text.tolist(), checkpoint.eos)
    made.codes = _before(codes.tolist(), checkpoint.talker_eos)
    return made


def _stages(model: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    yield model.thinker, "generate", "thinker"
    yield model.talker, "generate", "talker"
    yield model.token2wav.code2wav_dit_model, "sample", "dit"
    yield model.token2wav.code2wav_bigvgan_model, "forward", "bigvgan"


@contextmanager
def _watched(
    module: nn.Module,
    method: str,
    stage: str,
    spans: list[Span],
    keep: Callable[[Any], None] | None,
) -> Iterator[None]:
    """Times a method of this one module while inside."""
    original = getattr(module, method)

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = _now(module)
        result = original(*args, **kwargs)
        spans.append((stage, began, _now(module)))
        if keep:
            keep(result)
        return result

    setattr(module, method, timed)
    try:
        yield
    finally:
        delattr(module, method)


def _now(module: nn.Module) -> float:
    if next(module.parameters()).is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter()


def _limits(checkpoint: Checkpoint) -> tuple[dict[str, object], dict[str, object]]:
    settings = checkpoint.settings
    parts = (
        ("thinker", settings.thinker, checkpoint.eos),
        (
            "talker",
            settings.talker,
            checkpoint.talker_eos,
        ),
    )
    thinker, talker = (
        {
            f"{part}_do_sample": False,
            f"{part}_max_new_tokens": sampling.max_new_tokens,
            f"{part}_repetition_penalty": sampling.repetition_penalty,
            f"{part}_eos_token_id": list(eos),
        }
        for part, sampling, eos in parts
    )
    return thinker, talker


def _inputs(
    checkpoint: Checkpoint, prompt_ids: list[int], questions: list[np.ndarray]
) -> dict[str, Tensor]:
    # One token of padding: transformers 5.23 drops a mask of all ones, and without a mask the
    # Talker forgets to add `codec_pad` and `codec_bos` to the voice and the first vector.
    tokens = torch.tensor([[0, *prompt_ids]], device=checkpoint.device)
    mask = torch.ones_like(tokens)
    mask[0, 0] = 0
    inputs = {"input_ids": tokens, "attention_mask": mask}
    if questions:
        heard = checkpoint.feature_extractor(
            [question.astype(np.float32) / 32768 for question in questions],
            sampling_rate=MIC_RATE,
            return_tensors="pt",
            return_attention_mask=True,
        )
        dtype = checkpoint.model.thinker.dtype
        inputs["input_features"] = heard["input_features"].to(checkpoint.device, dtype)
        inputs["feature_attention_mask"] = heard["attention_mask"].to(checkpoint.device)
    return inputs


def _before(tokens: list[int], closing: tuple[int, ...]) -> list[int]:
    ends = (index for index, token in enumerate(tokens) if token in closing)
    return tokens[: next(ends, None)]
