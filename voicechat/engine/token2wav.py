"""codes -> samples, while the Talker still talks: DiT and BigVGAN as one stream.

codes -> MelStream (whole DiT blocks, one block ahead) -> WaveStream (frames of context) -> pcm
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future

import numpy as np
import torch
from torch import Tensor
from transformers.models.qwen2_5_omni.modeling_qwen2_5_omni import Qwen2_5OmniToken2WavModel

from voicechat.clock import CODE
from voicechat.config import Token2WavSettings
from voicechat.engine.dit import Dit, MelStream
from voicechat.engine.graphs import warming
from voicechat.engine.stages import Stages
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
        """Begins a reply.

        Args:
            speaker: the voice, as `speaker` prepared it.
            seed: of the noise.
        """
        return SpeechStream(self, speaker, seed)

    def warm_up(self, speaker: Tensor) -> None:
        """Runs each shape that the schedule knows, so that graphs and kernels are ready.

        Calls of `most_blocks` come once so many are done, and then whatever is left.
        """
        most, size = self.dit.settings.most_blocks, self.dit.block_codes
        with warming():
            for blocks in range(2 * most + 1, 3 * most + 1):
                self.stream(speaker, seed=0).push([1] * (blocks * size), final=True)


class SpeechStream:
    """One reply on its way from codes to samples.

    The samples are the same however the codes were cut into pushes.

    Attributes:
        codes_known: the DiT has an embedding for codes below this.
        stages: where the time went, as `dit` and `bigvgan`.
    """

    def __init__(self, token2wav: Token2Wav, speaker: Tensor, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._mels = MelStream(token2wav.dit, speaker, generator)
        self._waves = WaveStream(token2wav.vocoder)
        self.stages = Stages()
        self.codes_known = token2wav.dit.codes

    def push(self, codes: list[int], final: bool) -> np.ndarray:
        """Takes codes and gives the samples that are settled by now.

        Args:
            codes: in order, cut anywhere, each below `codes_known`.
            final: there will be no more.

        Returns:
            `[samples]` int16, 24 kHz: whole codes, none while more codes are needed.
        """
        mels = self.stages.each("dit", self._mels.push(codes, final))
        pieces = [self._samples(mel, last) for mel, last in mels]
        return np.concatenate(pieces) if pieces else EMPTY

    def _samples(self, mel: Tensor, last: bool) -> np.ndarray:
        with self.stages("bigvgan"):
            wave = self._waves.push(mel, last)
            return (wave * 32767).round().to(torch.int16).cpu().numpy()


class Behind:
    """A stream on its way behind the Talker, which need not wait for it.

    Gives the very samples of `SpeechStream.push`, some only at later pushes.

    Args:
        stream: of the reply.
        executor: does the work in its order; `close` ends it.
    """

    def __init__(self, stream: SpeechStream, executor: Executor) -> None:
        self._stream, self._executor = stream, executor
        self._pieces: deque[Future[np.ndarray]] = deque()
        self._sounded = False

    def push(self, codes: list[int]) -> np.ndarray:
        """Takes codes; gives the samples that are ready and were not given yet.

        The first samples are waited for: with nothing else to do meanwhile they come soonest.
        """
        self._submit(codes, final=False)
        ready = [EMPTY]
        while self._pieces and (self._pieces[0].done() or not self._sounded):
            ready.append(self._pieces.popleft().result())
            self._sounded |= len(ready[-1]) > 0
        return np.concatenate(ready)

    def finish(self) -> Iterator[np.ndarray]:
        """There will be no more codes: gives all samples that are left, as they are made."""
        self._submit([], final=True)
        while self._pieces:
            yield self._pieces.popleft().result()

    def close(self) -> None:
        """Drops what was not begun, and waits for what was."""
        self._executor.shutdown(cancel_futures=True)

    def _submit(self, codes: list[int], final: bool) -> None:
        self._pieces.append(self._executor.submit(self._stream.push, codes, final))
