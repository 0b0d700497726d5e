"""Checkpoints of the released shapes with seeded random weights, to measure speed without them.

What they say has no meaning, and they never end by themselves: the reply's length is forced by its
limits. So that they only say what can be written and sounded, the rows of the two heads for
everything else are zero, which greedy sampling never picks.

Sources: `config.json` of the released 7B; technical report, table 1; the 3B's Talker is not
published in a form that could be checked here and is taken as the 7B's with its own embedding.
"""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import nn
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
    WhisperFeatureExtractor,
)

from voicechat.config import ModelConfig, ModelSettings, merge, read_yaml
from voicechat.engine.checkpoint import Checkpoint, Voice
from voicechat.engine.finder import POCKET

SHAPES = ("pocket", "3b", "7b")
_SPECIAL = (
    "<|endoftext|> <|im_start|> <|im_end|> <|AUDIO|> <|audio_bos|> <|audio_eos|> <|IMAGE|> "
    "<|VIDEO|> <|vision_bos|> <|vision_eos|> <|vision_pad|> <tts_pad> <tts_text_bos> "
    "<tts_text_eod> <tts_text_bos_single> <|voice_0|>"
).split()
_LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
_REF_FRAMES = 400
_EYES = {"hidden_size": 1280, "intermediate_size": 3420, "depth": 32, "num_heads": 16}


def random_checkpoint(shape: str, options: ModelConfig) -> Checkpoint:
    """Builds a checkpoint in memory.

    Args:
        shape: one of `SHAPES`.
        options: device and seed of the weights, and settings over the checkpoint's own,
            which for pocket are those of the bundled one.
    """
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(kind if options.device == "auto" else options.device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    config = _config(shape)
    with torch.device(device):
        model = Qwen2_5OmniForConditionalGeneration._from_config(
            config, dtype=dtype, attn_implementation="sdpa"
        )
    model.eval()
    _draw(model, options.seed)
    talker, dit = config.talker_config, config.token2wav_config.dit_config
    return Checkpoint(
        where=Path(f"random-{shape}"),
        model=model,
        tokenizer=_tokenizer(),
        feature_extractor=WhisperFeatureExtractor(
            feature_size=config.thinker_config.audio_config.num_mel_bins,
            return_attention_mask=True,
        ),
        voices={"random": _voice(dit.enc_emb_dim, dit.mel_dim, device, options.seed)},
        settings=_settings(shape, options),
        eos=(_token("<|im_end|>"),),
        talker_eos=(talker.tts_codec_pad_token_id, talker.tts_codec_end_token_id),
    )


def _settings(shape: str, options: ModelConfig) -> ModelSettings:
    own = POCKET / "voicechat.yaml"
    settings = ModelSettings()
    if shape == "pocket" and own.exists():
        settings = merge(settings, read_yaml(own), str(own))
    return merge(settings, options.settings, "model.settings")


@torch.no_grad()
def _draw(model: Qwen2_5OmniForConditionalGeneration, seed: int) -> None:
    """Weights of unit gain, so that a reply depends on its prompt; silent rows in the heads."""
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    model.thinker.lm_head.weight[: len(_SPECIAL)] = 0
    model.thinker.lm_head.weight[len(_SPECIAL) + len(_LETTERS) :] = 0
    model.talker.codec_head.weight[0] = 0
    model.talker.codec_head.weight[model.config.token2wav_config.dit_config.num_embeds :] = 0


def _voice(cond: int, bins: int, device: torch.device, seed: int) -> Voice:
    generator = torch.Generator().manual_seed(seed)
    return Voice(
        "random",
        _token("<|voice_0|>"),
        torch.randn(1, cond, generator=generator).to(device),
        (torch.randn(1, _REF_FRAMES, bins, generator=generator) - 5).to(device),
    )


def _token(name: str) -> int:
    return _SPECIAL.index(name)


def _tokenizer() -> PreTrainedTokenizerFast:
    """Special tokens, then one token a byte."""
    vocabulary = {name: number for number, name in enumerate([*_SPECIAL, *_LETTERS])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in _SPECIAL])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>")


def _config(shape: str) -> Qwen2_5OmniConfig:
    media = {
        "audio_token_index": _token("<|AUDIO|>"),
        "image_token_index": _token("<|IMAGE|>"),
        "video_token_index": _token("<|VIDEO|>"),
        "audio_start_token_id": _token("<|audio_bos|>"),
        "audio_end_token_id": _token("<|audio_eos|>"),
        "vision_start_token_id": _token("<|vision_bos|>"),
        "vision_end_token_id": _token("<|vision_eos|>"),
    }
    tts = {
        "tts_text_start_token_id": _token("<tts_text_bos>"),
        "tts_text_end_token_id": _token("<tts_text_eod>"),
        "tts_text_pad_token_id": _token("<tts_pad>"),
    }
    thinker, talker, token2wav = {"pocket": _pocket, "3b": _3b, "7b": _7b}[shape]()
    config = Qwen2_5OmniConfig(
        thinker_config={**thinker, **media},
        talker_config={**talker, **media, **tts},
        token2wav_config=token2wav,
    )
    config.thinker_config.text_config.eos_token_id = _token("<|im_end|>")
    return config


Parts = tuple[dict[str, object], dict[str, object], dict[str, object]]


def _rope(sections: list[int], theta: float = 1e6) -> dict[str, object]:
    return {"rope_type": "default", "rope_theta": theta, "mrope_section": sections}


def _pocket() -> Parts:
    rope = {"rope_parameters": _rope([8, 12, 12], 1e4)}
    text = {"vocab_size": 2048, "hidden_size": 384, "intermediate_size": 1024}
    text |= {"num_hidden_layers": 5, "num_attention_heads": 6, "num_key_value_heads": 2}
    audio = {"num_mel_bins": 80, "d_model": 384, "encoder_layers": 4, "output_dim": 384}
    audio |= {"encoder_attention_heads": 6, "encoder_ffn_dim": 1536}
    vision = {"depth": 1, "hidden_size": 64, "intermediate_size": 64, "num_heads": 2}
    vision |= {"out_hidden_size": 384, "fullatt_block_indexes": [0]}
    talker = {"vocab_size": 1008, "embedding_size": 384, "hidden_size": 256, "head_dim": 64}
    talker |= {"intermediate_size": 704, "num_hidden_layers": 5, "num_attention_heads": 4}
    talker |= {"num_key_value_heads": 2, "tts_codec_pad_token_id": 1001}
    talker |= {"tts_codec_start_token_id": 1002, "tts_codec_end_token_id": 1003}
    talker |= {"tts_codec_mask_token_id": 1004}
    dit = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4}
    dit |= {"emb_dim": 128, "num_embeds": 1001, "look_ahead_layers": [2], "enc_dim": 64}
    dit |= {"look_backward_layers": [0, 4], "enc_emb_dim": 32, "dropout": 0.0}
    dit |= {"enc_channels": [64, 64, 64, 64, 192], "enc_attention_channels": 32}
    dit |= {"enc_se_channels": 32}
    bigvgan = {"upsample_initial_channel": 256, "resblock_kernel_sizes": [3]}
    bigvgan |= {"resblock_dilation_sizes": [[1, 3, 5]]}
    return (
        {"text_config": {**text, **rope}, "audio_config": audio, "vision_config": vision},
        {**talker, **rope},
        {"dit_config": dit, "bigvgan_config": bigvgan},
    )


def _7b() -> Parts:
    """transformers' defaults are the 7B's, but for the Talker and the eyes."""
    rope = {"rope_parameters": _rope([16, 24, 24]), "tie_word_embeddings": False}
    vision, audio = {**_EYES, "out_hidden_size": 3584}, {"output_dim": 3584}
    thinker = {"text_config": rope, "vision_config": vision, "audio_config": audio}
    return thinker, _talker(3584), {"dit_config": {"dropout": 0.0}}


def _3b() -> Parts:
    text = {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 11008}
    text |= {"num_hidden_layers": 36, "num_attention_heads": 16, "num_key_value_heads": 2}
    text |= {"rope_parameters": _rope([16, 24, 24]), "tie_word_embeddings": False}
    vision, audio = {**_EYES, "out_hidden_size": 2048}, {"output_dim": 2048}
    thinker = {"text_config": text, "vision_config": vision, "audio_config": audio}
    return thinker, _talker(2048), {"dit_config": {"dropout": 0.0}}


def _talker(embedding: int) -> dict[str, object]:
    return {
        "vocab_size": 8448,
        "embedding_size": embedding,
        "hidden_size": 896,
        "intermediate_size": 18944,
        "num_hidden_layers": 24,
        "num_attention_heads": 12,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "rope_parameters": _rope([16, 24, 24]),
    }
