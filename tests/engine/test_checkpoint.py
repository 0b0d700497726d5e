"""Loading: whole checkpoints are used, all others are refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from tests.engine import tiny
from voicechat.config import ModelConfig
from voicechat.engine import finder
from voicechat.engine.checkpoint import load
from voicechat.errors import UserError


def rewrite(path: Path, change: Callable[[dict], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def lose_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["talker.codec_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "config.json"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "config.json"),
    "another model": (
        lambda f: rewrite(f / "config.json", lambda c: c.update(model_type="llama")),
        "llama",
    ),
    "no voices": (lambda f: (f / "spk_dict.pt").unlink(), "spk_dict.pt"),
    "broken voices": (lambda f: cut(f / "spk_dict.pt"), "spk_dict.pt is damaged"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "is missing"),
    "cut weights": (lambda f: cut(f / "model.safetensors"), "is damaged"),
    "a weight missing": (lose_a_weight, "talker.codec_head.weight"),
    "quantised": (
        lambda f: rewrite(
            f / "config.json",
            lambda c: c.update(quantization_config={"quant_method": "gptq", "bits": 4}),
        ),
        "quantised and needs more packages",
    ),
    "no features": (lambda f: (f / "preprocessor_config.json").unlink(), "preprocessor"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "tokenizer are missing"),
    "broken features": (
        lambda f: (f / "preprocessor_config.json").write_text("{"),
        "feature extractor are missing or damaged",
    ),
    "a wrong setting": (lambda f: (f / "voicechat.yaml").write_text("see: no"), "sees"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_checkpoint_that_is_not_whole_is_refused_in_one_line(folder, tmp_path, kind):
    damage, says = DAMAGE[kind]
    broken = shutil.copytree(folder, tmp_path / "broken")
    damage(broken)
    with pytest.raises(UserError, match=says) as refusal:
        load(ModelConfig(name=str(broken)))
    assert "\n" not in str(refusal.value)


def test_a_checkpoint_brings_its_settings_and_the_session_overrides_them(folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / "own")
    (own / "voicechat.yaml").write_text("sees: false\ntalker: {top_k: 7}\n")
    config = ModelConfig(name=str(own), settings={"talker": {"top_p": 0.5}})
    settings = load(config).settings
    assert (settings.sees, settings.talker.top_k, settings.talker.top_p) == (False, 7, 0.5)


def test_a_checkpoint_knows_its_voices_and_ends(checkpoint):
    assert list(checkpoint.voices) == list(tiny.VOICES)
    assert checkpoint.voice("").name == "Wren" and checkpoint.voice("ALDER").name == "Alder"
    assert checkpoint.eos == (tiny.token("<|im_end|>"),)
    assert checkpoint.talker_eos == (tiny.CODEC_PAD, tiny.CODEC_EOS)


@pytest.mark.parametrize("name", ["nonsense", "./no/such/folder", "a/b/c"])
def test_an_unknown_name_says_what_could_be_named(name):
    with pytest.raises(UserError, match="pocket"):
        load(ModelConfig(name=name))


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Path:
    """The hub's cache, empty, and no way to the hub."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def cached(hub: Path, name: str, files: Iterable[Path]) -> Path:
    """Lays files into the hub's cache as if they had been fetched."""
    there = hub / f"models--{name.replace('/', '--')}"
    snapshot = there / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (there / "refs").mkdir()
    (there / "refs" / "main").write_text(snapshot.name)
    for file in files:
        shutil.copy(file, snapshot)
    return snapshot


def test_a_hub_name_that_cannot_be_fetched_says_so(hub):
    with pytest.raises(UserError, match="Qwen/Qwen2.5-Omni-3B cannot be fetched"):
        load(ModelConfig(name="Qwen/Qwen2.5-Omni-3B"))


@pytest.mark.parametrize(
    "fault", [HTTPError("peer closed"), TimeoutError(), RuntimeError("xet: reset"), ValueError("?")]
)
def test_a_fetch_that_breaks_off_says_so_in_one_line(hub, monkeypatch, fault):
    def breaks_off(name: str, local_files_only: bool = False) -> str:
        raise LocalEntryNotFoundError("no") if local_files_only else fault

    monkeypatch.setattr(finder, "snapshot_download", breaks_off)
    with pytest.raises(UserError, match="cannot be fetched: .") as refusal:
        load(ModelConfig(name="Qwen/Qwen2.5-Omni-3B"))
    assert "\n" not in str(refusal.value)


def test_a_model_that_is_only_in_part_on_disk_is_fetched_and_no_choice_of_auto(
    folder, hub, monkeypatch
):
    name, told = "Qwen/Qwen2.5-Omni-3B", []
    cached(hub, name, folder.glob("*token*"))
    monkeypatch.setattr(finder, "POCKET", folder)
    monkeypatch.setattr(finder, "_memory", lambda device: 10**12)
    assert finder.find("auto", torch.device("cpu"), told.append) == folder
    with pytest.raises(UserError):
        load(ModelConfig(name=name), told.append)
    assert told[-1] == f"fetching {name} from the hub"


def test_a_model_that_is_wholly_on_disk_is_not_fetched(folder, hub):
    whole = cached(hub, "Qwen/Qwen2.5-Omni-3B", folder.iterdir())
    assert finder.find("Qwen/Qwen2.5-Omni-3B", torch.device("cpu"), pytest.fail) == whole


def test_auto_takes_the_largest_that_is_on_disk_and_fits(folder, monkeypatch):
    told: list[str] = []
    on_disk = {"Qwen/Qwen2.5-Omni-7B": Path("7b"), "Qwen/Qwen2.5-Omni-3B": Path("3b")}
    monkeypatch.setattr(finder, "_on_disk", on_disk.get)
    monkeypatch.setattr(finder, "POCKET", folder)
    cpu = torch.device("cpu")
    for gigabytes, chosen in ((80, Path("7b")), (24, Path("3b")), (8, folder)):
        monkeypatch.setattr(finder, "_memory", lambda device, size=gigabytes: size * 10**9)
        assert finder.find("auto", cpu, told.append) == chosen
    assert len(told) == 3 and all("GB" in line for line in told)


def test_a_model_too_large_for_the_gpu_names_the_way_out(config, monkeypatch):
    def full(*args: object) -> None:
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(UserError, match="--model"):
        load(config)


def test_a_device_that_is_not_there_names_another(folder):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match="model.device=cpu"):
        load(ModelConfig(name=str(folder), device="cuda"))
