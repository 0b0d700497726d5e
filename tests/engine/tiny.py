"""Tiny seeded Qwen2.5-Omni checkpoints of transformers' own classes: the oracle of these tests.

Random weights are drawn so large that attention, positions and every input matter: with the
classes' own initialisation (0.02) every logit is nearly the same and a wrong cache would pass.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniConfig,
    Qwen2_5OmniForConditionalGeneration,
    WhisperFeatureExtractor,
)

SPECIALS = (
    "<|endoftext|> <|im_start|> <|im_end|> <|AUDIO|> <|audio_bos|> <|audio_eos|> <|IMAGE|> "
    "<|VIDEO|> <|vision_bos|> <|vision_eos|> <|vision_pad|> <tts_pad> <tts_text_bos> "
    "<tts_text_eod> <tts_text_bos_single> <|voice_0|> <|voice_1|>"
).split()
CORPUS = (
    "system\nYou are Tiny.\nuser\nassistant\n",
    "What is the capital of France? The capital of France is Paris. How are you today?",
    "one two three four five six seven eight nine ten. Once upon a time, there was a small owl.",
)
VOICES = {"Wren": "<|voice_0|>", "Alder": "<|voice_1|>"}
HIDDEN = 48
CODES = 64  # 1..63 sound, 0 is the DiT's null
CODEC_PAD, CODEC_BOS, CODEC_EOS, CODEC_MASK = 64, 65, 66, 67
CODEC_VOCAB = 72
MEL_BINS = 80
_ROPE = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 2, 2]}


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE with Qwen's special tokens, learned from three sentences."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=360, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>")


def token(name: str) -> int:
    """The id of a special token."""
    return tokenizer().convert_tokens_to_ids(name)


def feature_extractor() -> WhisperFeatureExtractor:
    """The mel of the released models' shape, with 80 bins and clips of up to 30 s."""
    return WhisperFeatureExtractor(
        feature_size=MEL_BINS, return_attention_mask=True, padding_value=0.0
    )


def config() -> Qwen2_5OmniConfig:
    """The smallest shapes in which every part of the released models still has its role."""
    return Qwen2_5OmniConfig(
        thinker_config=_thinker(), talker_config=_talker(), token2wav_config=_token2wav()
    )


@cache
def model(seed: int = 0) -> Qwen2_5OmniForConditionalGeneration:
    """A whole model with seeded weights and two voices. Shared: do not change it."""
    torch.manual_seed(seed)
    built = Qwen2_5OmniForConditionalGeneration(config()).eval()
    draw(built, seed)
    _hush(built)
    built.token2wav.code2wav_bigvgan_model.conv_post.weight.data *= 0.02  # no clipping
    built.speaker_map.update(voices(seed))
    return built


def draw(module: torch.nn.Module, seed: int, gain: float = 1.0) -> None:
    """Draws weights of unit gain, and vectors close to what they were; buffers stay."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim >= 2:
            parameter.data = gain * noise * parameter[0].numel() ** -0.5
        else:
            parameter.data = parameter.data + 0.1 * noise
    for part in module.modules():
        if isinstance(part, torch.nn.Embedding):
            part.weight.data = torch.randn(part.weight.shape, generator=generator)


def _hush(built: Qwen2_5OmniForConditionalGeneration) -> None:
    """Leaves only printable text and codes with sound to be said: the rest has no logit."""
    texts = tokenizer().batch_decode([[index] for index in range(len(tokenizer()))])
    mute = [index for index, text in enumerate(texts) if not text.isascii() or text in SPECIALS]
    built.thinker.lm_head.weight.data[mute] = 0
    built.talker.codec_head.weight.data[[0, *range(CODES, CODEC_VOCAB)]] = 0


def voices(seed: int = 0) -> dict[str, dict[str, torch.Tensor | int]]:
    """What `spk_dict.pt` holds."""
    generator = torch.Generator().manual_seed(seed + 1)
    return {
        name: {
            "bos_token": token(bos),
            "cond": torch.randn(1, 24, generator=generator),
            "ref_mel": torch.randn(1, 40, MEL_BINS, generator=generator) - 5,
        }
        for name, bos in VOICES.items()
    }


def save(folder: Path, seed: int = 0) -> Path:
    """Writes the model as a checkpoint folder, as the released ones are laid out."""
    model(seed).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    feature_extractor().save_pretrained(folder)
    torch.save(voices(seed), folder / "spk_dict.pt")
    return folder


def _thinker() -> dict[str, object]:
    return {
        "audio_config": {
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "num_mel_bins": MEL_BINS,
            "output_dim": HIDDEN,
        },
        "vision_config": {
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": HIDDEN,
            "fullatt_block_indexes": [1],
        },
        "text_config": {
            "vocab_size": len(tokenizer()),
            "hidden_size": HIDDEN,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_parameters": _ROPE,
            "tie_word_embeddings": False,
            "eos_token_id": token("<|im_end|>"),
        },
        "audio_token_index": token("<|AUDIO|>"),
        "image_token_index": token("<|IMAGE|>"),
        "video_token_index": token("<|VIDEO|>"),
        "audio_start_token_id": token("<|audio_bos|>"),
        "audio_end_token_id": token("<|audio_eos|>"),
        # Not fields of the class, yet read by `get_rope_index`: a config made by hand needs them.
        "vision_start_token_id": token("<|vision_bos|>"),
        "vision_end_token_id": token("<|vision_eos|>"),
        "eos_token_id": token("<|im_end|>"),
    }


def _talker() -> dict[str, object]:
    return {
        "audio_token_index": token("<|AUDIO|>"),
        "image_token_index": token("<|IMAGE|>"),
        "video_token_index": token("<|VIDEO|>"),
        "vocab_size": CODEC_VOCAB,
        "tts_text_start_token_id": token("<tts_text_bos>"),
        "tts_text_end_token_id": token("<tts_text_eod>"),
        "tts_text_pad_token_id": token("<tts_pad>"),
        "tts_codec_start_token_id": CODEC_BOS,
        "tts_codec_end_token_id": CODEC_EOS,
        "tts_codec_pad_token_id": CODEC_PAD,
        "tts_codec_mask_token_id": CODEC_MASK,
        "vision_start_token_id": token("<|vision_bos|>"),
        "vision_end_token_id": token("<|vision_eos|>"),
        "audio_start_token_id": token("<|audio_bos|>"),
        "audio_end_token_id": token("<|audio_eos|>"),
        "embedding_size": HIDDEN,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 12,
        "rope_parameters": _ROPE,
    }


def _token2wav() -> dict[str, object]:
    return {
        "dit_config": {
            "hidden_size": 64,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "head_dim": 32,
            "emb_dim": 32,
            "look_ahead_layers": [1],
            "look_backward_layers": [0, 2],
            "num_embeds": CODEC_VOCAB,  # covers whatever random weights may say
            "dropout": 0.0,
            "enc_emb_dim": 24,
            "enc_dim": 16,
            "enc_channels": [16, 16, 16, 16, 48],
            "enc_attention_channels": 8,
            "enc_se_channels": 8,
        },
        "bigvgan_config": {
            "upsample_initial_channel": 64,
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1, 3, 5]],
        },
    }
