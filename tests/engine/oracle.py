"""What transformers' own `generate` makes of a talk: the truth that the engine is held to.

One padding token stands in front of the prompt. Without any, transformers 5.23 drops the mask of
ones (`GenerationMixin.generate`), and then `Qwen2_5OmniTalkerForConditionalGeneration.forward`
forgets to add the codec's pad and bos and to count images in its positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from voicechat.engine.checkpoint import Checkpoint

_PIXELS = {name: f"thinker_{name}" for name in ("pixel_values", "pixel_values_videos")}


@dataclass(frozen=True)
class Generated:
    """What `generate` said.

    Attributes:
        text_ids: without the closing token.
        codes: without the closing code.
    """

    text_ids: list[int]
    codes: list[int]


def generate(
    checkpoint: Checkpoint,
    prompt_ids: list[int],
    voice: str,
    clips: list[np.ndarray] = (),
    features: dict[str, torch.Tensor] | None = None,
    **sampling: object,
) -> Generated:
    """Runs the whole model on a whole talk.

    Args:
        checkpoint: with the model and its limits.
        prompt_ids: with one `<|AUDIO|>` for each token of speech.
        voice: by name.
        clips: `[samples]` int16 each, the talk's speech in order.
        features: further inputs (images, video). Pixels go to the Thinker alone by their name's
            prefix, since the Talker's `generate` refuses them.
        sampling: `talker_do_sample` and the like.
    """
    model, settings = checkpoint.model, checkpoint.settings
    model.speaker_map = {
        name: {"bos_token": v.bos_token, "cond": v.cond, "ref_mel": v.ref_mel}
        for name, v in checkpoint.voices.items()
    }
    codes: list[torch.Tensor] = []
    hook = _spy(model.talker, codes)
    try:
        tokens = torch.tensor([[0, *prompt_ids]], device=checkpoint.device)
        mask = torch.ones_like(tokens)
        mask[0, 0] = 0
        sequence, _ = model.generate(
            input_ids=tokens,
            attention_mask=mask,
            **_speech(checkpoint, clips),
            **{_PIXELS.get(name, name): value for name, value in (features or {}).items()},
            speaker=voice,
            thinker_max_new_tokens=settings.thinker.max_new_tokens,
            talker_max_new_tokens=settings.talker.max_new_tokens,
            thinker_eos_token_id=list(checkpoint.eos),
            talker_eos_token_id=list(checkpoint.talker_eos),
            talker_repetition_penalty=settings.talker.repetition_penalty,
            token2wav_num_steps=2,
            **({"talker_do_sample": False} | sampling),
        )
    finally:
        hook()
    text = sequence[0, tokens.shape[1] :].tolist()
    said = codes[0][0, tokens.shape[1] + 2 :].tolist()
    return Generated(_before(text, checkpoint.eos), _before(said, checkpoint.talker_eos))


def _speech(checkpoint: Checkpoint, clips: list[np.ndarray]) -> dict[str, torch.Tensor]:
    if not len(clips):
        return {}
    made = checkpoint.feature_extractor(
        [clip.astype(np.float32) / 32768 for clip in clips],
        sampling_rate=16_000,
        return_tensors="pt",
        return_attention_mask=True,
    )
    return {
        "input_features": made["input_features"].to(checkpoint.device),
        "feature_attention_mask": made["attention_mask"].to(checkpoint.device),
    }


def _spy(talker: torch.nn.Module, into: list[torch.Tensor]):
    """Keeps what `talker.generate` returns; gives the way back."""
    original = talker.generate

    def generate(*args: object, **kwargs: object) -> torch.Tensor:
        into.append(original(*args, **kwargs))
        return into[-1]

    talker.generate = generate
    return lambda: talker.__dict__.pop("generate")


def _before(tokens: list[int], closing: tuple[int, ...]) -> list[int]:
    ends = [index for index, token in enumerate(tokens) if token in closing]
    return tokens[: ends[0]] if ends else tokens
