"""What pocket's audio encoder hears, as text.

Pocket repeats nothing, so its replies do not tell what it heard. But its encoder puts the Thinker's
own token embeddings where words are heard (`training.hearing.TokenCtc`): these can be read.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from voicechat.audio.wav import read_wav
from voicechat.engine.checkpoint import Checkpoint
from voicechat.engine.hearing import Hearing
from voicechat.evaluation.intelligibility import word_error_rate
from voicechat.evaluation.quality import recordings
from voicechat.training.export import EARS
from voicechat.training.hearing import TokenCtc


def has_transcript(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint was trained here, so that its encoder's vectors are embeddings."""
    return (checkpoint.where / EARS).exists()


def misheard(folder: Path, count: int, checkpoint: Checkpoint) -> tuple[float, int]:
    """Words that the audio encoder hears wrong in recordings.

    Args:
        folder: pairs of NAME.wav and NAME.txt.
        count: of them, in the order of their names.
        checkpoint: one that `has_transcript`.

    Returns:
        The word error rate and the number of recordings.

    Raises:
        UserError: there is no pair.
    """
    pairs = recordings(folder, count)
    said = [text for _, text in pairs]
    heard = [transcript(checkpoint, read_wav(wav)) for wav, _ in pairs]
    return word_error_rate(said, heard), len(pairs)


@torch.no_grad()
def transcript(checkpoint: Checkpoint, pcm: np.ndarray) -> str:
    """The words of speech, `[samples]` int16 at 16 kHz, as the engine hears it."""
    thinker, tokenizer = checkpoint.model.thinker, checkpoint.tokenizer
    hearing = Hearing(thinker.model.audio_tower, checkpoint.feature_extractor)
    heard = torch.cat([*hearing.push(pcm), hearing.rest()])
    embeddings = thinker.get_input_embeddings().weight
    ctc = TokenCtc(embeddings, tokenizer.convert_tokens_to_ids("<|AUDIO|>"))
    return tokenizer.decode(ctc.read(heard))
