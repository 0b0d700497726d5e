"""Puts the trained parts together as a checkpoint in the released layout.

The folder loads with `Qwen2_5OmniForConditionalGeneration.from_pretrained` and speaks through its
`generate`; `codec.safetensors` lies beside it for `train voice` and `train unpack`, and tells that
what its audio encoder gives can be read as text (`evaluation.transcript`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import (
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
    WhisperFeatureExtractor,
)
from transformers.models.qwen2_5_omni.configuration_qwen2_5_omni import Qwen2_5OmniToken2WavConfig

from voicechat.errors import UserError
from voicechat.training.checks import check
from voicechat.training.codec import Codec, load_codec
from voicechat.training.dit import REFERENCE_FRAMES, conditions, load_dit
from voicechat.training.rows import SYSTEM
from voicechat.training.speech import Utterance, load_readings
from voicechat.training.speech_mel import CHANNELS, quiet
from voicechat.training.talker import load_talker
from voicechat.training.teacher import VOICES
from voicechat.training.thinker import load_thinker
from voicechat.training.tokenizer import SPECIAL, load_tokenizer
from voicechat.training.vocoder import load_bigvgan

EARS = "codec.safetensors"
CARD = Path(__file__).with_name("card.md")
UNMEASURED = "\n## Measured\nNothing was measured of these weights.\n"
SETTINGS: Mapping[str, Any] = {
    "system_prompt": SYSTEM,
    "sees": False,
    # Of 160 scenes of `bench turns` with a pause, earlier weights took 3.7 % for an end of the turn
    # at .08 and .05, 3.1 % at .03, with a gap of .63, .78 and .98 s at p95. Of 200
    # others these and the weights before them take 1.3 % at .08, with .53 s.
    "unfinished_share": 0.08,
    "typed_as_heard": True,
    "thinker": {"do_sample": False, "max_new_tokens": 400},
    "talker": {"do_sample": False, "max_new_tokens": 4096, "repetition_penalty": 1.0},
    # BigVGAN of this size sees 8 mel frames to either side: with that context a stream is exact
    # (`bench window`), and the ODE's error with six evaluations is far below the DiT's own.
    "token2wav": {
        "solver": "midpoint",
        "num_steps": 4,
        "guidance_scale": 0.0,
        "vocoder_context_frames": 8,
    },
}
# The released template without tools, and with pocket's own first words.
TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\n" + SYSTEM + "<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% elif content['type'] == 'image' %}<|vision_bos|><|IMAGE|><|vision_eos|>"
    "{% elif content['type'] == 'video' %}<|vision_bos|><|VIDEO|><|vision_eos|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class ExportConfig:
    """Settings of the stage `export`.

    Attributes:
        out: The checkpoint's folder; empty for `export` in the folder of the work.
        talker: The stage whose Talker is taken: `talker` or `dpo`.
        thinker_share: Share of the trained Thinker in the weights; the rest is the one that its
            training went on from (`thinker.load_thinker`).
    """

    out: str = ""
    talker: Literal["talker", "dpo"] = "talker"
    thinker_share: float = 1.0

    def __post_init__(self) -> None:
        check(self, "thinker_share")


def run(config: ExportConfig, workdir: Path) -> None:
    """The stage `export`: needs all others."""
    tokenizer = load_tokenizer(workdir / "tokenizer.json")
    model = assemble(
        load_thinker(workdir, tokenizer, config.thinker_share),
        load_talker(workdir, tokenizer, config.talker),
        load_dit(workdir),
        load_bigvgan(workdir),
    )
    voices = {
        name: preset(k, tokenizer, load_readings(workdir / "speech" / name, k, most=60))
        for k, name in enumerate(VOICES)
    }
    folder = Path(config.out).expanduser() if config.out else workdir / "export"
    write(model, voices, tokenizer, folder)
    keep_ears(load_codec(workdir), folder)
    print(f"{folder}: {size_mb(folder):.1f} MB")


def assemble(
    thinker: nn.Module, talker: nn.Module, dit: nn.Module, bigvgan: nn.Module
) -> Qwen2_5OmniForConditionalGeneration:
    """One model of four trained networks."""
    token2wav = Qwen2_5OmniToken2WavConfig(
        dit_config=_plain(dit.config), bigvgan_config=_plain(bigvgan.config)
    )
    config = Qwen2_5OmniConfig(
        thinker_config=_plain(thinker.config), talker_config=_plain(talker.config),
        token2wav_config=_plain(token2wav), enable_audio_output=True,
    )  # fmt: skip
    model = Qwen2_5OmniForConditionalGeneration(config)
    model.thinker.load_state_dict(thinker.state_dict())
    model.talker.load_state_dict(talker.state_dict())
    model.token2wav.code2wav_dit_model.load_state_dict(dit.state_dict())
    model.token2wav.code2wav_bigvgan_model.load_state_dict(bigvgan.state_dict())
    return model.eval()


def _plain(config: PretrainedConfig) -> dict[str, Any]:
    unwanted = ("transformers_version", "architectures", "_name_or_path", "dtype")
    return {k: v for k, v in config.to_dict().items() if k not in unwanted}


def preset(index: int, tokenizer: Tokenizer, utterances: Sequence[Utterance]) -> dict[str, Any]:
    """What `spk_dict.pt` holds for a voice: token, condition and the reference mel [1, 100, 83]."""
    return {
        "cond": conditions()[index][None].clone(),
        "ref_mel": fullest_reference(utterances)[None],
        "bos_token": tokenizer.token_to_id(f"<|voice_{index}|>"),
    }


def fullest_reference(utterances: Sequence[Utterance]) -> torch.Tensor:
    """The second of a voice's recordings in which most is spoken, [100, 83]."""
    behind = quiet(REFERENCE_FRAMES)
    mels = [torch.cat([u.with_pulses(), behind], dim=1) for u in utterances]
    pieces = [p for m in mels for p in m.unfold(1, REFERENCE_FRAMES, 20).unbind(1)]
    return max(pieces, key=lambda piece: float(piece.mean())).T.contiguous()


def write(
    model: Qwen2_5OmniForConditionalGeneration,
    voices: Mapping[str, Mapping[str, Any]],
    tokenizer: Tokenizer,
    folder: Path,
) -> None:
    """Writes the whole folder but the codec: weights in bf16, and what is read beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    end = tokenizer.token_to_id("<|im_end|>")
    model.generation_config.update(eos_token_id=end, do_sample=False)
    model.thinker.generation_config.update(eos_token_id=end, do_sample=False)
    model.to(torch.bfloat16).save_pretrained(folder)
    torch.save({k: dict(v) for k, v in voices.items()}, folder / "spk_dict.pt")
    fast_tokenizer(tokenizer).save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80, return_attention_mask=True).save_pretrained(folder)
    settings = yaml.safe_dump(dict(SETTINGS), sort_keys=False)
    (folder / "voicechat.yaml").write_text(settings, encoding="utf-8")
    (folder / "README.md").write_text(card(), encoding="utf-8")


def card() -> str:
    """The bundled weights' card without what was measured of them, and how they came to be."""
    sections = re.split(r"(?m)^(?=## )", CARD.read_text(encoding="utf-8"))
    theirs = ("## Measured\n", "## How it came to be\n")
    return "".join(s for s in sections if not s.startswith(theirs)) + UNMEASURED


def check_channels(model: Qwen2_5OmniForConditionalGeneration, folder: Path) -> None:
    """Refuses a model without a melody: its DiT and BigVGAN know nothing of pulses.

    Raises:
        UserError: An earlier version of this program wrote it.
    """
    if model.config.token2wav_config.dit_config.mel_dim != CHANNELS:
        raise UserError(f"{folder} is of an earlier version, which spoke on one tone: it still "
                        "talks, but is trained no further; begin with the bundled one")  # fmt: skip


def keep_ears(codec: Codec, folder: Path) -> None:
    """Writes the codec's encoder, which new voices need, beside the checkpoint."""
    weights = {k: v.to(torch.bfloat16) for k, v in codec.encoder.state_dict().items()}
    save_file(weights, folder / EARS)
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)


def fast_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Pocket's tokenizer with the names by which Qwen's processor asks for special tokens."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>",
        additional_special_tokens=list(SPECIAL), chat_template=TEMPLATE,
        extra_special_tokens={
            "audio_token": "<|AUDIO|>", "image_token": "<|IMAGE|>", "video_token": "<|VIDEO|>",
            "audio_bos_token": "<|audio_bos|>", "audio_eos_token": "<|audio_eos|>",
            "vision_bos_token": "<|vision_bos|>", "vision_eos_token": "<|vision_eos|>",
        },
    )  # fmt: skip


def size_mb(folder: Path) -> float:
    """Size of a folder's files in MB."""
    return sum(f.stat().st_size for f in folder.iterdir()) / 1e6
