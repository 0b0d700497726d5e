"""The exported folder is a checkpoint like the released ones, and learns new voices."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from speech_slices import slice_of_speech, write_folder, write_readings
from transformers import AutoTokenizer, Qwen2_5OmniForConditionalGeneration, WhisperFeatureExtractor

from voicechat.config import ModelSettings, merge, read_yaml
from voicechat.engine.finder import POCKET
from voicechat.errors import UserError
from voicechat.training import codec, export, speaking, talker, unpack, voice
from voicechat.training.codec import Codec, load_codec
from voicechat.training.dit import COND_SIZE, build_dit, conditions
from voicechat.training.listen import Spoken
from voicechat.training.loop import Schedule, Trainer, trained
from voicechat.training.replies import text_table
from voicechat.training.speaking import load
from voicechat.training.speech import load_folder
from voicechat.training.speech_mel import with_pulses
from voicechat.training.talker import EOS, PAD, TalkerConfig, build_talker
from voicechat.training.teacher import VOICES
from voicechat.training.thinker import QUIET, build_thinker, quiet
from voicechat.training.tokenizer import load_tokenizer, train_tokenizer
from voicechat.training.tuned import tuned
from voicechat.training.vocoder import build_bigvgan


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole checkpoint with random weights and small widths."""
    work = tmp_path_factory.mktemp("work")
    tokenizer = train_tokenizer(work, talks=20)
    torch.manual_seed(0)
    thinker = build_thinker(tokenizer, layers=1)
    quiet(thinker)
    model = export.assemble(
        thinker, build_talker(tokenizer, 64, 1, 64), build_dit(64, 2), build_bigvgan(64)
    )
    said = slice_of_speech()
    voices = {
        name: export.preset(k, tokenizer, [u for u in said if u.voice == k])
        for k, name in enumerate(("Wren", "Alder"))
    }
    export.write(model, voices, tokenizer, work / "checkpoint")
    export.keep_ears(Codec(16), work / "checkpoint")
    return work / "checkpoint"


def test_it_loads_and_speaks_with_the_class_s_own_generate(checkpoint: Path) -> None:
    model = Qwen2_5OmniForConditionalGeneration.from_pretrained(checkpoint)
    assert list(model.speaker_map) == ["Wren", "Alder"]
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    talk = [{"role": "user", "content": "how are you"}]
    ids = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_tensors="pt")
    ids = ids["input_ids"] if not isinstance(ids, torch.Tensor) else ids
    _, wave = model.generate(
        ids, speaker="Alder", thinker_max_new_tokens=4, talker_max_new_tokens=9,
        talker_do_sample=False, talker_eos_token_id=[PAD, EOS], token2wav_num_steps=2,
    )  # fmt: skip
    assert wave.dtype == torch.float32 and wave.shape[0] % 480 == 0 and wave.shape[0] <= 9 * 480


def test_unpacked_its_stages_go_on_from_its_weights(checkpoint: Path, tmp_path: Path) -> None:
    unpack.run(unpack.UnpackConfig(str(checkpoint)), tmp_path)
    tokenizer = load_tokenizer(tmp_path / "tokenizer.json")
    talker = build_talker(tokenizer, 64, 1, 64)
    Trainer("talker", tmp_path, {"talker": talker}, torch.optim.SGD(talker.parameters()),
            Schedule(1, 0.0, 1), seed=1)  # fmt: skip
    shipped = Qwen2_5OmniForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    for name, weights in shipped.talker.state_dict().items():
        torch.testing.assert_close(talker.state_dict()[name], weights)
    begun = trained(tmp_path, "reading")["thinker"]
    norm = "model.language_model.norm.weight"
    torch.testing.assert_close(begun[norm] * QUIET, shipped.thinker.state_dict()[norm])
    with pytest.raises(UserError, match="run 'train codec' first"):
        load_codec(tmp_path)


def test_unpacked_it_is_exported_with_what_was_trained_since(
    checkpoint: Path, tmp_path: Path
) -> None:
    unpack.run(unpack.UnpackConfig(str(checkpoint)), tmp_path)
    for name in VOICES:
        write_readings(tmp_path / "speech" / name, hz=120.0)
    codec.run(codec.CodecConfig(channels=16, steps=1, batch=2), tmp_path)
    config = TalkerConfig(hidden=64, layers=1, intermediate=64, steps=1, positions=200,
                          compile=False)  # fmt: skip
    talker.run(config, tmp_path)
    export.run(export.ExportConfig(), tmp_path)
    old, new = (
        load_file(folder / "model.safetensors") for folder in (checkpoint, tmp_path / "export")
    )
    changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"talker"}
    ears = [load_file(folder / export.EARS) for folder in (checkpoint, tmp_path / "export")]
    assert all(torch.equal(ears[0][name], ears[1][name]) for name in ears[0])


def test_its_card_claims_no_figure_of_other_weights(checkpoint: Path) -> None:
    card = (checkpoint / "README.md").read_text(encoding="utf-8")
    assert "Nothing was measured of these weights." in card
    assert "## Limits" in card and not re.search(r"\d %", card)


def test_the_bundled_weights_have_the_whole_card() -> None:
    assert (POCKET / "README.md").read_bytes() == export.CARD.read_bytes()


def test_what_spoke_on_one_tone_is_trained_no_further(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHANNELS", 84)
    with pytest.raises(UserError, match="begin with the bundled one"):
        load(checkpoint)
    with pytest.raises(UserError, match="begin with the bundled one"):
        unpack.run(unpack.UnpackConfig(str(checkpoint)), tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_what_no_export_wrote_is_not_unpacked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model.safetensors"):
        unpack.run(unpack.UnpackConfig(str(tmp_path)), tmp_path / "work")


def test_its_tokenizer_and_its_ears_are_the_ones_it_was_trained_with(checkpoint: Path) -> None:
    loaded, own = (
        AutoTokenizer.from_pretrained(checkpoint),
        load_tokenizer(checkpoint / "tokenizer.json"),
    )
    text = "<|im_start|>assistant\nThe capital of France is Paris.<|im_end|>"
    assert loaded(text)["input_ids"] == own.encode(text).ids
    assert loaded.eos_token == "<|im_end|>" and loaded.audio_token == "<|AUDIO|>"
    asked = [{"role": "user", "content": [{"type": "audio"}]}]
    assert loaded.apply_chat_template(asked, tokenize=False, add_generation_prompt=True) == (
        f"<|im_start|>system\n{export.SYSTEM}<|im_end|>\n<|im_start|>user\n"
        "<|audio_bos|><|AUDIO|><|audio_eos|><|im_end|>\n<|im_start|>assistant\n"
    )
    assert WhisperFeatureExtractor.from_pretrained(checkpoint).feature_size == 80


def test_its_settings_are_legal(checkpoint: Path) -> None:
    settings = merge(ModelSettings(), read_yaml(checkpoint / "voicechat.yaml"), "voicechat.yaml")
    assert settings.system_prompt == export.SYSTEM and not settings.sees


def test_a_new_voice_begins_as_the_preset_that_sounds_most_like_it(
    checkpoint: Path, tmp_path: Path
) -> None:
    old = load(checkpoint)
    name, like = next(reversed(old.voices.items()))
    new = old.free()
    write_folder(tmp_path / "robin", hz=180.0, times=2)
    recorded = tuned(load_folder(tmp_path / "robin", new))
    old.voices[name] = {**like, **export.preset(new, old.tokenizer, recorded),
                             "bos_token": like["bos_token"], "cond": like["cond"]}  # fmt: skip
    assert voice.nearest(old, old.voices[name]["ref_mel"]) == name
    talker = old.model.talker.thinker_to_talker_proj.weight
    dit = old.dit.input_embed.proj.weight[:, -COND_SIZE:]
    known = text_table()[[preset["bos_token"] for preset in old.voices.values()]]
    conds = torch.cat([preset["cond"] for preset in old.voices.values()])
    before = (talker @ known.T).detach(), (dit @ conds.T).detach()
    voice.begin(old, new, name)
    torch.testing.assert_close(talker @ known.T, before[0])
    torch.testing.assert_close(dit @ conds.T, before[1])
    torch.testing.assert_close(talker @ text_table()[old.token(new)], before[0][:, -1])
    torch.testing.assert_close(dit @ conditions()[new], before[1][:, -1])


def test_the_teacher_reads_for_its_voices_and_others_say_what_they_remember(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = load(checkpoint)
    old.voices["Robin"] = old.voices.pop("Alder")
    said = [Spoken(torch.randint(0, 512, (30,)), True), Spoken(torch.zeros(9).long(), False)]
    monkeypatch.setattr(speaking, "speak", lambda *_: said)
    items, sounds = speaking.rehearse(old, ["I am here.", "That is blue."])
    assert [(i.voice, i.text) for i in items] == [
        (0, "I am here."), (0, "That is blue."), (1, "I am here.")
    ]  # fmt: skip
    for item, heard in zip(items, sounds, strict=True):
        assert len(heard.pcm) == 480 * len(item.codes) and item.mel.shape[1] == 2 * len(item.codes)
    for item, heard in zip(items[:2], sounds, strict=False):
        torch.testing.assert_close(heard.with_pulses(), item.mel.float(), atol=0.01, rtol=0.01)
    known = torch.from_numpy(sounds[2].pulses)
    again = with_pulses(items[2].mel[:80], known)
    torch.testing.assert_close(again, items[2].mel, atol=0.01, rtol=0.01)
    assert items[2].codes.equal(said[0].codes)


def test_a_voice_is_added_to_a_copy(checkpoint: Path, tmp_path: Path, capsys) -> None:
    write_folder(tmp_path / "robin", hz=180.0, times=18)
    config = voice.VoiceConfig("Robin", str(tmp_path / "robin"), str(checkpoint), steps=4,
                               positions=200, crops=2, rehearsed=2)  # fmt: skip
    voice.run(config, tmp_path)
    line = json.loads(capsys.readouterr().out.strip().splitlines()[-2])
    assert line["pitch_hz"]["recorded"] > 100
    if find_spec("resemblyzer"):
        assert line["similarity"]["recorded"] > 0.8
    else:
        assert "resemblyzer" in line["similarity"]
    copy = tmp_path / "voice-Robin" / "checkpoint"
    old = torch.load(checkpoint / "spk_dict.pt", weights_only=True)
    new = torch.load(copy / "spk_dict.pt", weights_only=True)
    assert list(new) == ["Wren", "Alder", "Robin"]
    assert new["Robin"]["bos_token"] == load_tokenizer(copy / "tokenizer.json").token_to_id(
        "<|voice_2|>"
    )
    for name in old:
        assert torch.equal(old[name]["ref_mel"], new[name]["ref_mel"])
    model = Qwen2_5OmniForConditionalGeneration.from_pretrained(copy)
    assert "Robin" in model.speaker_map
    with pytest.raises(UserError, match="there is a voice 'Robin' already"):
        voice.run(voice.VoiceConfig("Robin", config.data, str(copy)), tmp_path)


def test_too_little_speech_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "few", hz=180.0)
    config = voice.VoiceConfig("Robin", str(tmp_path / "few"), str(checkpoint))
    with pytest.raises(UserError, match="record more"):
        voice.run(config, tmp_path)
