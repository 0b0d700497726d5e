"""The engine: Qwen2.5-Omni on this machine, hearing, thinking and talking at the same time.

feed    mel ──▶ audio encoder ──▶ Thinker's cache ──▶ Talker's cache   while the user speaks
reply   Thinker    t0 t1 t2 t3 ...
        Talker        c0 c1 c2 ...                                  one Thinker token a code
        token2wav           24 codes ──▶ sound, then block by block, beside the others
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from inspect import GEN_CLOSED, getgeneratorstate
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voicechat.clock import MIC_RATE
from voicechat.config import ModelConfig, SamplingSettings
from voicechat.engine.checkpoint import Checkpoint, refusing_the_too_large
from voicechat.engine.context import Context, Write
from voicechat.engine.graphs import warming
from voicechat.engine.hearing import Hearing
from voicechat.engine.media import Perception
from voicechat.engine.memory import Memory
from voicechat.engine.prompt import ChatML, ids
from voicechat.engine.reply import Reply, ReplyRecord
from voicechat.engine.sampling import Sampler
from voicechat.engine.stages import Stages
from voicechat.engine.talk import Speech, Talk, Turn
from voicechat.engine.talker import Talker
from voicechat.engine.thinker import Thinker
from voicechat.engine.threads import executor, side_by_side
from voicechat.engine.token2wav import Token2Wav
from voicechat.errors import UserError
from voicechat.events import Heard, ReplyChunk
from voicechat.spelling import normalise

_REHEARSED = 3 * MIC_RATE  # samples: a whole block of hearing and a part of one


class LocalEngine:
    """Implements `engine.base.Engine` on a checkpoint.

    Args:
        checkpoint: what `checkpoint.load` gave.
        options: voice, persona, seed, limits.
        info: is told in one line what the user should know.

    Attributes:
        last: all about the newest reply, once it ended.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        options: ModelConfig,
        info: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.checkpoint, self.options = checkpoint, options
        self.voice = checkpoint.voice(options.voice)
        self.last = ReplyRecord()
        limit, room = min(options.context_tokens, checkpoint.context_tokens), self._room()
        prompts = max(limit - room, limit // 2)
        captured = options.graphs and checkpoint.device.type == "cuda"
        self._prepare(capacity=prompts + room if captured else 0)
        self._memory = Memory(self._thinker, self._talker)
        self._chat = ChatML(checkpoint.tokenizer)
        self._perception = Perception(checkpoint, self._thinker, self._chat)
        system = " ".join(filter(None, [checkpoint.settings.system_prompt, options.persona]))
        self._talk = Talk(self._chat, system)
        self._context = Context(self._talk, self._memory, prompts, info)
        self._generator = torch.Generator(checkpoint.device)
        self._stages = Stages()
        self._answering: int | None = None
        self._behind = False  # there is something to read

    def _room(self) -> int:
        """Positions that a reply may come to need after its prompt."""
        settings = self.checkpoint.settings
        # The Talker reads two before its first code.
        return max(settings.thinker.max_new_tokens, settings.talker.max_new_tokens + 2)

    @refusing_the_too_large()
    def _prepare(self, capacity: int) -> None:
        source = self.checkpoint
        self._beside = side_by_side(source.model)
        self._thinker = Thinker(source.model.thinker, source.eos, capacity)
        self._talker = None
        if self.options.text_only or not source.speaks:
            return
        talker, look_up = source.model.talker, self._thinker.look_up
        with torch.inference_mode():
            end, pad = look_up([talker.text_eos_token, talker.text_pad_token])
            self._talker = Talker(talker, end, pad, capacity)
            self._voice_embed = look_up([self.voice.bos_token])[0]
            settings = source.settings.token2wav
            self._token2wav = Token2Wav(source.model.token2wav, settings, self.options.graphs)
            self._speaker = self._token2wav.speaker(self.voice.cond, self.voice.ref_mel)

    @refusing_the_too_large()
    @torch.inference_mode()
    def warm_up(self) -> None:
        """Reads the system prompt; where there is CUDA, captures and rehearses what will come."""
        if self._thinker.decoder.capacity:
            with warming():
                self._thinker.decoder.warm_up()
                if self._talker:
                    self._talker.decoder.warm_up()
            if self._talker:
                self._token2wav.warm_up(self._speaker)
            self.rehearse()
        self._memory.read(self._talk.system())

    def rehearse(self) -> None:
        """Hears and begins to answer a turn of nothing, and forgets it.

        A GPU's libraries choose their ways at first use: on an H100 the 7B's first answer began a
        second later than the next.
        """
        self.feed(0, np.zeros(_REHEARSED, np.int16))
        for _ in islice(self.reply(0), 3):
            pass
        self.discard(0)
        self.last = ReplyRecord()

    @torch.inference_mode()
    def feed(self, turn: int, pcm: np.ndarray) -> None:
        """Hears; reads what is settled, unless a reply is still being made."""
        record = self._open(turn)
        if record.speech is None:
            tower = self.checkpoint.model.thinker.model.audio_tower
            hearing = Hearing(tower, self.checkpoint.feature_extractor)
            record.parts.append(Speech(self._chat, hearing))
            self._behind = True
        with self._stages("hearing"):
            self._behind |= record.speech.hear(pcm)
        if self._behind and not self._answers():
            self._read(turn, self._talk.beginning)

    def type(self, turn: int, text: str) -> None:
        """Adds typed text to the turn."""
        known = normalise(text) if self.checkpoint.settings.typed_as_heard else text
        parts = self._open(turn).parts
        if parts and isinstance(parts[-1], str):  # the template would join two lines as one word
            known = f"{parts.pop()} {known}"
        parts.append(known)

    @torch.inference_mode()
    def attach(self, turn: int, path: Path) -> None:
        """Adds a file to the turn."""
        segment = self._perception.perceive(path)  # a file that is refused leaves no trace
        self._open(turn).parts.append(segment)

    def reply(self, turn: int, certain: bool = True) -> Iterator[ReplyChunk]:
        """Answers."""
        self._stop()
        self._answering, self._chunks = turn, self._answer(turn, certain)
        return self._chunks

    def truncate(self, turn: int, heard: Heard) -> None:
        """Forgets what of the reply was never heard."""
        self._stop(turn)
        record = self._talk.turns.get(turn)
        if record is None or record.reply is None:
            return  # it left the memory long ago, or nothing was said yet
        assert record.reply.startswith(heard.text), (record.reply, heard.text)
        record.reply = heard.text

    def discard(self, turn: int) -> None:
        """Forgets a turn and its reply."""
        self._stop(turn)
        self._talk.turns.pop(turn, None)

    def _open(self, turn: int) -> Turn:
        """The turn, about to grow: its answer, if it has one, is taken back."""
        self._stop(turn)
        record = self._talk.turns.setdefault(turn, Turn())
        record.reply = None
        return record

    def _answers(self, turn: int | None = None) -> bool:
        """Whether a reply is being made (to that turn, or at all)."""
        if self._answering is None or turn not in (None, self._answering):
            return False
        return getgeneratorstate(self._chunks) != GEN_CLOSED

    def _stop(self, turn: int | None = None) -> None:
        if self._answers(turn):
            self._chunks.close()
            self._answering = None

    @torch.inference_mode()
    def _answer(self, turn: int, certain: bool) -> Iterator[ReplyChunk]:
        hidden = self._read(turn, self._talk.prompt)
        try:
            yield from self._answer_from(hidden, turn, certain)
        except torch.cuda.OutOfMemoryError as fault:
            self._context.shrink(len(self._memory))
            raise UserError("out of GPU memory while answering; please ask again") from fault
        yield ReplyChunk(turn, final=True)

    def _answer_from(self, hidden: Tensor, turn: int, certain: bool) -> Iterator[ReplyChunk]:
        judges = self.checkpoint.settings.unfinished_share > 0
        reply = self._begin(turn, hidden, empty=judges and not certain)
        try:
            yield ReplyChunk(turn, complete=self._complete(hidden) if judges else None)
            yield from self._chunks_of(reply)
        finally:
            self._finish(reply)

    def _read(self, turn: int, write: Write) -> Tensor:
        with self._stages("prefill"):
            hidden = self._context.read(turn, write)
        self._behind = False
        return hidden

    def _begin(self, turn: int, hidden: Tensor, empty: bool) -> Reply:
        settings = self._sampling(self.checkpoint.settings.thinker)
        self._generator.manual_seed(self.options.seed + turn)
        prompt = ids(self._talk.prompt(turn))
        sampler = Sampler(settings, self._generator, prompt)
        tokens = self._thinker.reply(
            hidden, self._memory.position, sampler, settings.max_new_tokens, empty
        )
        return Reply(turn, prompt, tokens, self.checkpoint.tokenizer, self._stages)

    def _chunks_of(self, reply: Reply) -> Iterator[ReplyChunk]:
        if self._talker is None:
            return reply.written()
        settings = self._sampling(self.checkpoint.settings.talker)
        sampler = Sampler(settings, self._generator, self._talker.history, self._talker.suppress)
        say = partial(
            self._talker.reply,
            self._voice_embed,
            position=self._memory.position,
            sampler=sampler,
            limit=settings.max_new_tokens,
            stop=self.checkpoint.talker_eos,
        )
        stream = self._token2wav.stream(self._speaker, self.options.seed + reply.turn)
        return reply.spoken(say, stream, executor(self._beside))

    def _finish(self, reply: Reply) -> None:
        """The reply ended, was cancelled, or failed: the caches keep its text."""
        self._answering = None
        self._talk.turns[reply.turn].reply = reply.text if reply.text_ids else None
        self._memory.keep(reply.text_ids[: len(reply.vectors)], reply.vectors)
        self.last = reply.record()
        self._stages = Stages()

    def _complete(self, hidden: Tensor) -> float:
        """How likely the user's turn is over: a judge answers an unfinished one with nothing.

        At a pause both are about as likely beforehand; in training one was rare (Bayes).
        """
        weights = self._thinker.logits(hidden).float().softmax(-1)
        unfinished = float(weights[list(self._thinker.eos)].sum())
        share = self.checkpoint.settings.unfinished_share
        over, on = (1.0 - unfinished) / (1.0 - share), unfinished / share
        return over / (over + on)

    def _sampling(self, settings: SamplingSettings) -> SamplingSettings:
        return replace(settings, do_sample=settings.do_sample and not self.options.greedy)
