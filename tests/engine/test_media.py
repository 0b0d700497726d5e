"""Images, audio and video beside speech: what `generate` makes of them, and the limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.engine import tiny
from tests.engine.test_local import agrees, answer, say
from voicechat.config import ModelConfig
from voicechat.engine import media
from voicechat.engine.checkpoint import Checkpoint
from voicechat.engine.local import LocalEngine
from voicechat.engine.media import Perception
from voicechat.errors import UserError

Image = pytest.importorskip("PIL.Image", reason="images need pillow")


@pytest.fixture
def engine(checkpoint: Checkpoint, config: ModelConfig) -> LocalEngine:
    return LocalEngine(checkpoint, config)


def picture(seed: int, width: int = 84, height: int = 56) -> np.ndarray:
    """`[height, width, 3]` uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels(checkpoint: Checkpoint, array: np.ndarray) -> dict[str, torch.Tensor]:
    """What transformers' image processor makes of it."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    processor = Qwen2VLImageProcessorPil.from_pretrained(checkpoint.where)
    return dict(processor(Image.fromarray(array), return_tensors="pt"))


def test_an_image_between_speech_is_what_generate_sees(engine, checkpoint, speech, tmp_path):
    clips = [speech(1.1, seed) for seed in range(2)]
    say(engine, 1, clips[0])
    answer(engine, 1)
    Image.fromarray(picture(0)).save(tmp_path / "seen.png")
    engine.attach(2, tmp_path / "seen.png")
    say(engine, 2, clips[1])
    answer(engine, 2)
    agrees(engine, clips, features=pixels(checkpoint, picture(0)))
    seen = engine.last.codes, engine.last.text_ids
    engine.type(3, "And?")
    answer(engine, 3)
    agrees(engine, clips, features=pixels(checkpoint, picture(0)))

    other = LocalEngine(checkpoint, engine.options)
    say(other, 1, clips[0])
    answer(other, 1)
    Image.new("RGB", (84, 56), "red").save(tmp_path / "other.png")
    other.attach(2, tmp_path / "other.png")
    say(other, 2, clips[1])
    answer(other, 2)
    assert (other.last.codes, other.last.text_ids) != seen, "the picture must matter"


def test_an_audio_file_is_heard_like_speech(engine, checkpoint, config, speech, tmp_path):
    soundfile.write(tmp_path / "clip.wav", speech(2.4), 16_000)
    engine.attach(1, tmp_path / "clip.wav")
    answer(engine, 1)
    agrees(engine, [speech(2.4)])


def test_a_video_with_its_sound_is_what_generate_sees(engine, checkpoint, tmp_path):
    av = pytest.importorskip("av", reason="video needs av")
    film(av, tmp_path / "clip.mp4", seconds=3)
    engine.attach(1, tmp_path / "clip.mp4")
    answer(engine, 1)
    from voicechat.engine.media import _decode

    frames, pcm = _decode(tmp_path / "clip.mp4")
    assert len(frames) == 6 and abs(len(pcm) - 48_000) < 3000
    perception = Perception(checkpoint, engine._thinker, engine._chat)
    values, grid = perception._patches(frames)
    features = {
        "pixel_values_videos": values,
        "video_grid_thw": grid,
        "video_second_per_grid": torch.tensor([1.0]),
        "use_audio_in_video": True,
    }
    agrees(engine, [pcm], features=features)


def test_a_films_patches_are_its_frames_two_and_two(engine, checkpoint):
    frames = [Image.fromarray(picture(seed, 140, 112)) for seed in range(4)]
    values, grid = Perception(checkpoint, engine._thinker, engine._chat)._patches(frames)
    assert grid.tolist()[0][0] == 2 and len(values) == int(grid.prod())
    still, _ = Perception(checkpoint, engine._thinker, engine._chat)._patches(frames[:1] * 2)
    split = still.view(-1, 3, 2, 14 * 14)
    assert torch.equal(split[:, :, 0], split[:, :, 1])
    first = values[: len(still)].view(-1, 3, 2, 14 * 14)
    assert torch.equal(first[:, :, 0], split[:, :, 0])
    assert not torch.equal(first[:, :, 1], split[:, :, 1])


def film(av: object, path: Path, seconds: int) -> None:
    """A moving picture with a tone."""
    with av.open(str(path), "w") as container:
        sight = container.add_stream("mpeg4", rate=10)
        sight.width, sight.height = 112, 84
        sound = container.add_stream("aac", rate=16_000)
        for number in range(10 * seconds):
            frame = av.VideoFrame.from_ndarray(picture(number // 5, 112, 84))
            container.mux(sight.encode(frame))
        time = np.arange(16_000 * seconds) / 16_000
        tone = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(sound.encode(frame))
        container.mux(sight.encode())
        container.mux(sound.encode())


# --- limits ------------------------------------------------------------------------------------


def sized(path: Path, megabytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(megabytes * 1_000_000 + 1)
    return path


@pytest.mark.parametrize(("name", "megabytes"), [("a.png", 10), ("a.wav", 10), ("a.mp4", 150)])
def test_what_is_too_large_is_refused_with_the_limit(engine, tmp_path, name, megabytes):
    with pytest.raises(UserError, match=f"{megabytes} MB"):
        engine.attach(1, sized(tmp_path / name, megabytes))


def test_sound_that_is_too_long_is_refused_with_the_limit(engine, tmp_path):
    soundfile.write(tmp_path / "long.flac", np.zeros(181 * 16_000, np.int16), 16_000)
    with pytest.raises(UserError, match="3 minutes"):
        engine.attach(1, tmp_path / "long.flac")


@pytest.mark.parametrize("name", ["broken.png", "broken.wav", "broken.mp4", "notes.txt", "no.png"])
def test_what_cannot_be_read_is_refused_and_leaves_no_trace(engine, tmp_path, name):
    if name != "no.png":
        (tmp_path / name).write_bytes(b"nothing that anyone could read")
    with pytest.raises(UserError, match=name) as refusal:
        engine.attach(1, tmp_path / name)
    assert "\n" not in str(refusal.value)
    engine.type(2, "How are you?")
    answer(engine, 2)
    assert tiny.token("<|IMAGE|>") not in engine.last.prompt_ids
    agrees(engine)


def test_a_small_file_of_a_vast_picture_is_refused(engine, tmp_path):
    Image.new("1", (20_000, 10_000)).save(tmp_path / "vast.png")
    with pytest.raises(UserError, match="vast.png: cannot be read: Image size"):
        engine.attach(1, tmp_path / "vast.png")


def test_a_picture_too_narrow_to_be_seen_is_refused(engine, tmp_path):
    Image.new("RGB", (2000, 5)).save(tmp_path / "narrow.png")
    with pytest.raises(UserError, match="narrow.png: cannot be read: .*aspect ratio"):
        engine.attach(1, tmp_path / "narrow.png")


def test_a_live_video_that_is_too_long_is_refused_with_the_limit(engine, tmp_path):
    av = pytest.importorskip("av", reason="video needs av")
    live(av, tmp_path / "live.webm", seconds=43)
    with pytest.raises(UserError, match="live.webm: longer than the 40 s"):
        engine.attach(1, tmp_path / "live.webm")


def live(av: object, path: Path, seconds: int) -> None:
    """A picture a second, written where nothing can be put right later: there is no duration."""

    class Pipe:
        def __init__(self) -> None:
            self.write = file.write

    with path.open("wb") as file, av.open(Pipe(), "w", format="webm") as container:
        sight = container.add_stream("libvpx", rate=1)
        sight.width, sight.height = 112, 84
        for number in range(seconds):
            container.mux(sight.encode(av.VideoFrame.from_ndarray(picture(number, 112, 84))))
        container.mux(sight.encode())


def test_a_video_with_less_sound_than_a_token_is_silent(engine, monkeypatch, tmp_path):
    av = pytest.importorskip("av", reason="video needs av")
    film(av, tmp_path / "clip.mp4", seconds=1)
    frames, pcm = media._decode(tmp_path / "clip.mp4")
    monkeypatch.setattr(media, "_decode", lambda path: (frames, pcm[:100]))
    engine.attach(1, tmp_path / "clip.mp4")
    answer(engine, 1)
    assert tiny.token("<|VIDEO|>") in engine.last.prompt_ids
    assert tiny.token("<|audio_bos|>") not in engine.last.prompt_ids


def test_a_model_without_eyes_says_so(checkpoint, config, tmp_path):
    blind = replace(checkpoint, settings=replace(checkpoint.settings, sees=False))
    Image.fromarray(picture(0)).save(tmp_path / "seen.png")
    with pytest.raises(UserError, match="cannot see"):
        LocalEngine(blind, config).attach(1, tmp_path / "seen.png")
