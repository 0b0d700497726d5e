"""The stream of token2wav against transformers' offline one, with seeded weights."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from threading import Event, Timer

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies

from tests.engine import tiny
from voicechat.clock import CODE
from voicechat.config import Token2WavSettings
from voicechat.engine.dit import Dit, MelStream
from voicechat.engine.threads import executor
from voicechat.engine.token2wav import Behind, Token2Wav
from voicechat.engine.vocoder import Vocoder, WaveStream
from voicechat.errors import UserError

RK4 = Token2WavSettings(num_steps=4)
FAST = Token2WavSettings(solver="euler", num_steps=3, vocoder_context_frames=20)
VOICE = tiny.voices()["Wren"]


def codes_of(n: int) -> list[int]:
    return torch.randint(1, tiny.CODES, (n,), generator=torch.Generator().manual_seed(n)).tolist()


def noise_of(n: int, seed: int = 5) -> torch.Tensor:
    """The noise of a reply of n codes as `MelStream` draws it, block by block."""
    generator = torch.Generator().manual_seed(seed)
    blocks = [torch.randn(24, 80, generator=generator) for _ in range(-(-n // 12))]
    return torch.cat(blocks)[None, : 2 * n]


def mel_stream(options: Token2WavSettings) -> MelStream:
    dit = Dit(tiny.model().token2wav.code2wav_dit_model, options)
    speaker = dit.speaker(VOICE["cond"], VOICE["ref_mel"])
    return MelStream(dit, speaker, torch.Generator().manual_seed(5))


def whole_mel(codes: list[int], options: Token2WavSettings) -> torch.Tensor:
    return torch.cat([mel for mel, _ in mel_stream(options).push(codes, final=True)])


def offline_mel(codes: list[int], options: Token2WavSettings, monkeypatch) -> torch.Tensor:
    """`sample` of transformers from the same noise: `[frames, mel]`."""
    dit, noise = tiny.model().token2wav.code2wav_dit_model, noise_of(len(codes))
    monkeypatch.setattr(torch, "randn", lambda *shape, **options: noise)
    mel = dit.sample(
        VOICE["cond"],
        VOICE["ref_mel"],
        torch.tensor([codes]),
        num_steps=options.num_steps,
        guidance_scale=options.guidance_scale,
        sway_coefficient=options.sway_coefficient,
    )
    monkeypatch.undo()
    return mel[0].T


@pytest.mark.parametrize("guidance", [0.5, 0.0])
@pytest.mark.parametrize("n", [1, 12, 13, 24, 50, 71])
def test_all_blocks_in_one_call_equal_transformers(n: int, guidance: float, monkeypatch) -> None:
    options = replace(RK4, first_blocks=6, guidance_scale=guidance)
    codes = codes_of(n)
    expected = offline_mel(codes, options, monkeypatch)
    torch.testing.assert_close(whole_mel(codes, options), expected, atol=2e-4, rtol=1e-4)


def test_kept_keys_make_the_look_back_exact(monkeypatch) -> None:
    """With the whole future in sight, block after block equals the full pass too."""
    options = replace(RK4, first_blocks=1, most_blocks=1, blocks_ahead=6)
    codes = codes_of(71)
    expected = offline_mel(codes, options, monkeypatch)
    torch.testing.assert_close(whole_mel(codes, options), expected, atol=2e-4, rtol=1e-4)


def test_each_further_block_ahead_brings_the_full_pass_nearer(monkeypatch) -> None:
    codes = codes_of(71)
    expected = offline_mel(codes, RK4, monkeypatch)
    errors = []
    for ahead in range(4):
        options = replace(RK4, most_blocks=1, blocks_ahead=ahead)
        mel = whole_mel(codes, options)
        errors.append((mel - expected).abs().mean().item())
    assert errors == sorted(errors, reverse=True), errors
    assert errors[1] < errors[0] / 3, errors


def test_first_sound_needs_one_block_and_what_it_looks_ahead_to() -> None:
    stream = mel_stream(FAST)
    assert not list(stream.push(codes_of(23), final=False))
    [(mel, last)] = stream.push([7], final=False)
    assert len(mel) == 24 and not last


@pytest.mark.parametrize(
    "change",
    [{"num_steps": 1}, {"blocks_ahead": -1}, {"first_blocks": 0}, {"vocoder_context_frames": 7}],
)
def test_settings_without_meaning_are_refused_by_name(change: dict[str, int]) -> None:
    with pytest.raises(UserError, match=next(iter(change))):
        Token2Wav(tiny.model().token2wav, replace(FAST, **change))


cuts = strategies.lists(strategies.integers(1, 60), max_size=8)


@settings(max_examples=12, deadline=None)
@given(n=strategies.integers(0, 70), cuts=cuts)
def test_samples_do_not_depend_on_how_the_codes_are_cut(n: int, cuts: list[int]) -> None:
    token2wav = Token2Wav(tiny.model().token2wav, FAST)
    speaker = token2wav.speaker(VOICE["cond"], VOICE["ref_mel"])
    codes = codes_of(n)
    whole = token2wav.stream(speaker, seed=3).push(codes, final=True)
    assert len(whole) == n * CODE
    stream, pieces = token2wav.stream(speaker, seed=3), []
    for cut in cuts:
        pieces.append(stream.push(codes[:cut], final=False))
        codes = codes[cut:]
        assert len(pieces[-1]) % CODE == 0
    pieces.append(stream.push(codes, final=True))
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("beside", [True, False])
def test_behind_the_talker_the_samples_are_the_same(beside: bool) -> None:
    token2wav = Token2Wav(tiny.model().token2wav, FAST)
    speaker, codes = token2wav.speaker(VOICE["cond"], VOICE["ref_mel"]), codes_of(60)
    whole = token2wav.stream(speaker, seed=3).push(codes, final=True)
    with closing(Behind(token2wav.stream(speaker, seed=3), executor(beside))) as sound:
        pieces = [sound.push([code]) for code in codes]
        first = next(number for number, pcm in enumerate(pieces) if len(pcm))
        pieces += sound.finish()
    assert first == 23, "the first sound waits for nothing but its codes"
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_what_was_not_begun_is_dropped_with_the_reply() -> None:
    begun, go_on, pushes = Event(), Event(), []

    class Slow:
        def push(self, codes: list[int], final: bool) -> np.ndarray:
            pushes.append(codes)
            if len(pushes) == 2:
                begun.set()
                go_on.wait(10)
            return np.zeros(CODE, np.int16)

    sound = Behind(Slow(), executor(beside=True))
    for code in range(4):
        sound.push([code])
    assert begun.wait(10)
    Timer(0.1, go_on.set).start()
    sound.close()
    assert pushes == [[0], [1]]


def test_another_seed_draws_other_noise() -> None:
    token2wav = Token2Wav(tiny.model().token2wav, FAST)
    speaker = token2wav.speaker(VOICE["cond"], VOICE["ref_mel"])
    one, other = (token2wav.stream(speaker, seed).push(codes_of(20), True) for seed in (1, 2))
    assert (one != other).any()


@pytest.mark.parametrize("pieces", [[24, 24, 48, 96, 8], [200], [10] * 20, [0, 60, 0, 140]])
def test_streamed_bigvgan_equals_offline_to_60_db(pieces: list[int]) -> None:
    bigvgan = tiny.model().token2wav.code2wav_bigvgan_model
    mel = torch.randn(200, 80, generator=torch.Generator().manual_seed(2)) * 2 - 4
    with torch.inference_mode():
        expected = bigvgan(mel.T[None])
    stream = WaveStream(Vocoder(bigvgan, context=20))
    parts = list(mel.split(pieces))
    samples = torch.cat([stream.push(p, i == len(parts) - 1) for i, p in enumerate(parts)])
    assert snr_db(samples, expected) >= 60


def snr_db(samples: torch.Tensor, expected: torch.Tensor) -> float:
    assert samples.shape == expected.shape, (samples.shape, expected.shape)
    error = (samples - expected).pow(2).sum()
    return float(10 * torch.log10(expected.pow(2).sum() / error))
