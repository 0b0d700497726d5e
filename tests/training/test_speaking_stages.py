"""Every stage of speaking runs, is killed and goes on with the same losses."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from speech_slices import slice_of_speech
from tokenizers import Tokenizer

from voicechat.training import codec, dit, dpo, replies, talker, vocoder
from voicechat.training.alignment import letter_times
from voicechat.training.rows import Scribe
from voicechat.training.speech_mel import pulses_in
from voicechat.training.tokenizer import train_tokenizer

Losses = dict[str, float]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return train_tokenizer(tmp_path_factory.mktemp("tokenizer"), talks=20)


def labelled() -> tuple[codec.Codec, list[codec.Labelled]]:
    torch.manual_seed(0)
    net = codec.Codec(16).eval()
    items = codec.label(net, slice_of_speech())
    return net, [replace(item, places=letter_times(net, item)) for item in items]


def run_codec(workdir: Path, tokenizer: Tokenizer) -> Losses:
    config = codec.CodecConfig(channels=16, steps=20, batch=4, checkpoint_every=5)
    return codec.train(config, workdir, slice_of_speech())


def run_vocoder(workdir: Path, tokenizer: Tokenizer) -> Losses:
    config = vocoder.VocoderConfig(channels=64, steps=20, batch=2, crop_frames=10, compile=False,
                                   checkpoint_every=5)  # fmt: skip
    return vocoder.train(config, workdir, slice_of_speech())


def run_dit(workdir: Path, tokenizer: Tokenizer) -> Losses:
    config = dit.DiTConfig(hidden=64, layers=2, steps=20, batch=2, crop_frames=48,
                           checkpoint_every=5, compile=False)  # fmt: skip
    return dit.train(config, workdir, slice_of_speech(), labelled()[0])


def run_talker(workdir: Path, tokenizer: Tokenizer) -> Losses:
    config = talker.TalkerConfig(hidden=64, layers=1, intermediate=64, steps=20, positions=300,
                                 checkpoint_every=5, compile=False)  # fmt: skip
    return talker.train(config, workdir, labelled()[1], tokenizer, quiet=8)


def run_dpo(workdir: Path, tokenizer: Tokenizer) -> Losses:
    torch.manual_seed(1)
    net = talker.build_talker(tokenizer, 64, 1, 64)
    said = [replies.join([item], tokenizer, 8) for item in labelled()[1]]
    two = [(s, replies.Said(s.voice, s.text, s.codes.flip(0))) for s in said]
    with torch.no_grad():
        pairs = [dpo.Pair(*p, *map(float, dpo.log_probs(net, tokenizer, p))) for p in two]
    config = dpo.DPOConfig(steps=20, pairs=3, checkpoint_every=5)
    return dpo.train(config, workdir, pairs, net, tokenizer)


STAGES = [run_codec, run_vocoder, run_dit, run_talker, run_dpo]


@pytest.mark.parametrize("stage", STAGES, ids=lambda f: f.__name__)
def test_a_killed_stage_goes_on_with_the_same_losses(
    stage: Callable[[Path, Tokenizer], Losses],
    tokenizer: Tokenizer,
    tmp_path: Path,
    kill_at_eleven: Callable,
) -> None:
    whole = stage(tmp_path / "whole", tokenizer)
    kill_at_eleven(lambda: stage(tmp_path / "killed", tokenizer))
    assert stage(tmp_path / "killed", tokenizer) == whole
    assert set(whole) >= {"loss"}


def test_dpo_prefers_the_better_attempt(tokenizer: Tokenizer, tmp_path: Path) -> None:
    last = run_dpo(tmp_path, tokenizer)
    assert last["preferred"] > 0.9


class Constant(torch.nn.Module):
    """Answers one number with codes and voice, for each channel, and another without."""

    def __init__(self, conditional: float, unconditional: float) -> None:
        super().__init__()
        self.proj_out = torch.nn.Linear(1, 1)
        self.conditional = torch.nn.Parameter(torch.full((83,), conditional))
        self.unconditional = unconditional

    def forward(
        self, hidden_states: torch.Tensor, drop_code: bool, **others: object
    ) -> torch.Tensor:
        answer = self.unconditional if drop_code else self.conditional
        return answer + torch.zeros_like(hidden_states)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1.5])
def test_the_dit_is_pulled_to_the_guided_answer_but_for_the_pulses(scale: float) -> None:
    mel, unconditional, crops = 0.7, -0.2, 500
    batch = dit.Crops(torch.full((crops, 24, 83), mel), torch.zeros(crops, 12, dtype=torch.long),
                      torch.zeros(crops, 100, 83), torch.zeros(crops, 32))  # fmt: skip

    def pull(answer: float, channels: slice) -> float:
        torch.manual_seed(1)
        net = Constant(answer, unconditional)
        dit.flow_loss(net, batch, dropped=False, guidance=scale).backward()
        return float(net.conditional.grad[channels].sum())

    guided = mel + scale * (mel - unconditional)
    for right, channels in ((guided, slice(80)), (mel, slice(80, 83))):
        assert pull(right, channels) == pytest.approx(0, abs=0.02)  # the noise's mean
        assert pull(right - 0.2, channels) < -0.1 and pull(right + 0.2, channels) > 0.1


def test_bigvgan_is_shown_the_pulses_of_the_very_frames_that_it_speaks() -> None:
    said = slice_of_speech(1)[1]
    mel, wave = vocoder.draw([said], 6, 10, random.Random(3))
    assert mel.shape == (6, 83, 10) and wave.shape == (6, 2400)
    pcm, known = torch.from_numpy(said.pcm).float(), torch.from_numpy(said.pulses).float()
    for pulses, piece in zip(pulses_in(mel), wave, strict=True):
        starts = range(0, len(pcm) - 2400 + 1, 240)
        alike = [torch.cosine_similarity(pcm[s : s + 2400], piece, dim=0) for s in starts]
        begin = int(torch.stack(alike).argmax())
        torch.testing.assert_close(pulses, known[:, begin : begin + 10], atol=0.01, rtol=0)


def test_the_pulses_are_a_little_off_and_the_mel_is_not() -> None:
    torch.manual_seed(0)
    mel = torch.zeros(4, 83, 500)
    rough = vocoder.roughly(mel)
    assert not rough[:, :80].any()
    assert rough[:, 80:].std() == pytest.approx(vocoder.PULSES_OFF, rel=0.05)


def test_the_codec_learns_its_slice(tmp_path: Path, tokenizer: Tokenizer) -> None:
    torch.manual_seed(0)
    before = codec.losses(codec.Codec(16), slice_of_speech(), 0.15)["loss"]
    assert run_codec(tmp_path, tokenizer)["loss"] < 0.95 * before.item()


def test_the_encoder_of_an_unpacked_codec_keeps_the_meaning_of_its_codes(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    (tmp_path / "codec").mkdir()
    encoder = {f"encoder.{k}": v for k, v in labelled()[0].encoder.state_dict().items()}
    torch.save({"codec": encoder}, tmp_path / "codec" / "start.pt")
    run_codec(tmp_path, tokenizer)
    trained = codec.load_codec(tmp_path).state_dict()
    assert all(torch.equal(trained[name], weight) for name, weight in encoder.items())


def test_a_cut_prompt_is_the_end_of_the_whole_one(tokenizer: Tokenizer) -> None:
    scribe = Scribe(tokenizer)
    whole, cut = (replies.random_prompt(scribe, random.Random(3), share) for share in (0.0, 1.0))
    assert replies.CUT_PROMPT < len(whole) <= replies.LONGEST_PROMPT
    assert 0 < len(cut) <= replies.CUT_PROMPT
    assert torch.equal(cut, whole[-len(cut) :])
