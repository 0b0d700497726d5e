"""The caches: transformers' own cache, rewound, grown, and read through windows."""

from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache

from tests.engine import tiny
from voicechat.engine.cache import KeyValues
from voicechat.engine.decoder import Decoder

MODELS = {"thinker": "thinker.model.language_model", "talker": "talker.model"}


@pytest.fixture(params=MODELS)
def model(request) -> torch.nn.Module:
    return tiny.model().get_submodule(MODELS[request.param])


def places(start: int, count: int) -> torch.Tensor:
    return torch.arange(start, start + count).expand(3, -1)


@torch.inference_mode()
def offline(model: torch.nn.Module, embeds: torch.Tensor) -> torch.Tensor:
    """transformers' forward over all positions at once."""
    cache = DynamicCache(config=model.config)
    made = model(inputs_embeds=embeds[None], past_key_values=cache, use_cache=True)
    return made.last_hidden_state[0]


@torch.inference_mode()
def in_pieces(decoder: Decoder, embeds: torch.Tensor, pieces: list[int]) -> torch.Tensor:
    hidden, start = [], decoder.length
    for piece in embeds.split(pieces):
        hidden.append(decoder.extend(piece, places(start, len(piece))))
        start += len(piece)
    return torch.cat(hidden)


@pytest.mark.parametrize("capacity", [0, 600], ids=["views", "windows"])
@pytest.mark.parametrize("pieces", [[560], [1] * 3 + [500, 1, 54, 1, 1], [300, 259, 1]])
def test_reading_in_pieces_is_reading_at_once(model, capacity, pieces):
    embeds = torch.randn(560, model.config.hidden_size, generator=torch.Generator().manual_seed(0))
    hidden = in_pieces(Decoder(model, capacity), embeds, pieces)
    torch.testing.assert_close(hidden, offline(model, embeds), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("capacity", [0, 600], ids=["views", "windows"])
def test_after_a_rewind_nothing_of_what_followed_is_left(model, capacity):
    embeds = torch.randn(40, model.config.hidden_size, generator=torch.Generator().manual_seed(1))
    decoder = Decoder(model, capacity)
    in_pieces(decoder, torch.cat([embeds[:20], 100 * embeds[20:]]), [38, 1, 1])
    decoder.rewind(20)
    hidden = in_pieces(decoder, embeds[20:], [1, 1, 18])
    torch.testing.assert_close(hidden, offline(model, embeds)[20:], atol=2e-5, rtol=1e-4)


@torch.inference_mode()
def test_a_captured_step_that_fails_leaves_the_next_reading_whole(model, monkeypatch):
    embeds = torch.randn(5, model.config.hidden_size, generator=torch.Generator().manual_seed(3))
    decoder = Decoder(model, capacity=600)
    in_pieces(decoder, embeds[:2], [2])

    def full(*args: object, **kwargs: object) -> None:
        raise torch.cuda.OutOfMemoryError("full")

    with monkeypatch.context() as patched, pytest.raises(torch.cuda.OutOfMemoryError):
        patched.setattr(model.layers[1], "forward", full)
        decoder.extend(embeds[2:3], places(2, 1))
    hidden = in_pieces(decoder, embeds[2:], [3])
    torch.testing.assert_close(hidden, offline(model, embeds)[2:], atol=2e-5, rtol=1e-4)


def test_a_rewind_goes_back_only():
    with pytest.raises(AssertionError):
        KeyValues(layers=2).rewind(1)


@torch.inference_mode()
def test_warming_up_leaves_nothing_behind(model):
    embeds = torch.randn(3, model.config.hidden_size, generator=torch.Generator().manual_seed(2))
    decoder = Decoder(model, capacity=600)
    decoder.warm_up()
    assert decoder.length == 0
    hidden = in_pieces(decoder, embeds, [1, 1, 1])
    torch.testing.assert_close(hidden, offline(model, embeds), atol=2e-5, rtol=1e-4)
