"""The engine on CUDA: its captured graphs say what `generate` says there, and sound as without."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.engine import tiny
from tests.engine.oracle import generate
from voicechat.config import ModelConfig
from voicechat.engine.checkpoint import load
from voicechat.engine.decoder import Decoder
from voicechat.engine.graphs import warming
from voicechat.engine.local import LocalEngine

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA on this machine"),
]


def engine_of(config: ModelConfig, **options: object) -> LocalEngine:
    options = {"device": "cuda", "dtype": "float32", "context_tokens": 1024} | options
    config = replace(config, **options)
    engine = LocalEngine(load(config), config)
    engine.warm_up()
    return engine


def heard(engine: LocalEngine, turn: int, pcm: np.ndarray) -> np.ndarray:
    engine.feed(turn, pcm)
    return np.concatenate([chunk.pcm for chunk in engine.reply(turn)])


def test_captured_steps_say_what_generate_says_turn_after_turn(config, speech):
    engine, clips = engine_of(config), [speech(s, seed=i) for i, s in enumerate((2.7, 1.2, 4.1))]
    for turn, clip in enumerate(clips, 1):
        heard(engine, turn, clip)
        truth = generate(engine.checkpoint, engine.last.prompt_ids, "Wren", clips[:turn])
        assert (engine.last.text_ids, engine.last.codes) == (truth.text_ids, truth.codes)


def test_captured_sound_is_the_sound_without_graphs(config, speech):
    captured, plain = (
        heard(engine_of(config, graphs=graphs), 1, speech(1.5)) for graphs in (True, False)
    )
    assert len(captured) == len(plain) > 0
    wrong = captured.astype(float) - plain
    assert np.mean(wrong**2) < 1e-6 * np.mean(plain.astype(float) ** 2)  # 60 dB


@pytest.mark.parametrize("forget", ["rewind", "clear"])
@torch.inference_mode()
def test_a_cache_that_grew_or_was_given_back_leaves_no_step_behind(forget):
    model = copy.deepcopy(tiny.model().thinker.model.language_model).to("cuda")
    decoder, plain = Decoder(model, 500), Decoder(model)
    with warming():
        decoder.warm_up()
    embeds = torch.randn(700, model.config.hidden_size, device="cuda")
    places = torch.arange(700, device="cuda").expand(3, -1)
    for one in (decoder, plain):
        one.extend(embeds[:600], places[:, :600])
        one.rewind(20) if forget == "rewind" else one.clear()
    begin = decoder.length
    for i in range(begin, begin + 40):
        step = embeds[i : i + 1], places[:, i : i + 1]
        torch.testing.assert_close(decoder.extend(*step), plain.extend(*step), atol=1e-4, rtol=1e-3)


def test_half_precision_answers_aloud(config, speech):
    assert len(heard(engine_of(config, dtype="bfloat16"), 1, speech(2.7))) > 0
