"""Sampling: transformers' processors with transformers' parameters."""

from __future__ import annotations

import pytest
import torch
from transformers import GenerationConfig

from tests.engine import tiny
from voicechat.config import SamplingSettings
from voicechat.engine.sampling import Sampler, processors

RELEASED = SamplingSettings(temperature=0.9, top_k=40, top_p=0.8, repetition_penalty=1.05)


def sampler(settings: SamplingSettings, seed: int = 0, history: tuple[int, ...] = (1,)) -> Sampler:
    return Sampler(settings, torch.Generator().manual_seed(seed), history, suppress=(2,))


@pytest.mark.parametrize("do_sample", [True, False])
@pytest.mark.parametrize("settings", [RELEASED, SamplingSettings()])
def test_the_scores_are_those_of_generate(do_sample, settings):
    asked = {
        "temperature": settings.temperature,
        "top_k": settings.top_k,
        "top_p": settings.top_p,
        "repetition_penalty": settings.repetition_penalty,
        "do_sample": do_sample,
        "suppress_tokens": [tiny.CODEC_BOS],
    }
    theirs = tiny.model().talker._get_logits_processor(GenerationConfig(**asked), 3)
    settings = SamplingSettings(**{k: v for k, v in asked.items() if k != "suppress_tokens"})
    ours = processors(settings, [tiny.CODEC_BOS], torch.device("cpu"))
    logits = torch.randn(1, tiny.CODEC_VOCAB, generator=torch.Generator().manual_seed(0))
    said = torch.tensor([[tiny.CODEC_MASK, 5, 5, 9]])
    torch.testing.assert_close(ours(said, logits.clone()), theirs(said, logits.clone()))


def test_one_seed_gives_one_reply():
    logits = torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    replies = [[pick(row) for row in logits] for pick in map(sampler, [RELEASED] * 3, [1, 1, 2])]
    assert replies[0] == replies[1] != replies[2]


def test_what_was_said_is_penalised():
    pick = sampler(SamplingSettings(do_sample=False, repetition_penalty=2.0))
    logits = torch.tensor([0.0, 1.9, 9.0, 1.8, 1.0])
    assert [pick(logits), pick(logits)] == [3, 4]  # 1 is history, 2 is suppressed, then 3 was said


@pytest.mark.parametrize(
    "settings",
    [SamplingSettings(do_sample=False), SamplingSettings(top_p=0.8), SamplingSettings(top_k=1)],
    ids=["greedy", "top_p", "top_k"],
)
def test_a_forbidden_token_never_comes(settings):
    pick = sampler(settings)
    assert pick(torch.tensor([0.0, 19.0, 19.5, 9.0]), forbid=[1]) == 3  # 2 is suppressed
