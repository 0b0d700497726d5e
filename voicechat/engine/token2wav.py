"""codes -> samples, while the Talker still talks: DiT and BigVGAN as one stream.

codes -> MelStream (whole DiT blocks, one block ahead) -> WaveStream (frames of context) -> pcm
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniToken2WavModel

from voicechat.clock import CODE, exactly
from voicechat.config import Token2WavSettings
from voicechat.engine.dit import Dit, MelStream
from voicechat.engine.vocoder import Vocoder, WaveStream
from voicechat.events import EMPTY


class Token2Wav:
    """transformers' token2wav, ready to stream.

    Args:
        model: its weights; put into float32, as `generate` does.
        settings: ODE, window and context.
        graphs: capture graphs where there is CUDA.
    """

    def __init__(
        self,
        model: Qwen2_5OmniToken2WavModel,
        settings: Token2WavSettings,
        graphs: bool = True,
    ) -> None:
        model = model.float().eval()
        self.dit = Dit(model.code2wav_dit_model, settings, graphs)
        context = settings.vocoder_context_frames
        self.vocoder = Vocoder(model.code2wav_bigvgan_model, context, graphs)
        samples = self.vocoder.hop * model.code2wav_dit_model.repeats
        assert samples == CODE, f"a code is {samples} samples, not {CODE}"

    def speaker(self, cond: Tensor, ref_mel: Tensor) -> Tensor:
        """Prepares a voice once; `Dit.speaker` gives the shapes."""
        return self.dit.speaker(cond, ref_mel)

    def stream(self, speaker: Tensor, seed: int) -> SpeechStream:
        """Begins a reply in a voice that `speaker` prepared."""
        return SpeechStream(self, speaker, seed)


class SpeechStream:
    """One reply on its way from codes to samples.

    The samples are the same however the codes were cut into pushes.

    Attributes:
        codes_done: how many codes have been rendered to samples.
    """

    def __init__(self, token2wav: Token2Wav, speaker: Tensor, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._mels = MelStream(token2wav.dit, speaker, generator)
        self._waves = WaveStream(token2wav.vocoder)
        self.codes_done = 0

    def push(self, codes: list[int], final: bool) -> np.ndarray:
        """Takes codes and gives the samples that are settled by now.

        Args:
            codes: in order, cut anywhere.
            final: there will be no more.

        Returns:
            `[samples]` int16, 24 kHz: whole codes, none while more codes are needed.
        """
        waves = [self._waves.push(mel, last) for mel, last in self._mels.push(codes, final)]
        if not waves:
            return EMPTY
        pcm = (torch.cat(waves) * 32767).round().to(torch.int16).cpu().numpy()
        self.codes_done += exactly(len(pcm), CODE)
        return pcm
