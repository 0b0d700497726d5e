"""One reply in the making: the Thinker a token ahead, the Talker behind it, sound behind that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from tokenizers.decoders import DecodeStream
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from voicechat.clock import CODE, exactly
from voicechat.engine.stages import Stages
from voicechat.engine.token2wav import Behind, SpeechStream
from voicechat.events import EMPTY, ReplyChunk


@dataclass(frozen=True)
class ReplyRecord:
    """All that a reply was made of, so that `generate` can be given the same.

    Attributes:
        prompt_ids: of the whole talk.
        text_ids: that the Thinker said, the closing token excluded.
        text: of these.
        codes: that the Talker said, the closing code excluded.
        dropped: how many of them token2wav does not know.
        seconds: by stage; token2wav's work beside the others'.
        spans: which stage worked from when to when, by `time.perf_counter`.
    """

    prompt_ids: list[int] = field(default_factory=list)
    text_ids: list[int] = field(default_factory=list)
    text: str = ""
    codes: list[int] = field(default_factory=list)
    dropped: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[str, float, float]] = field(default_factory=list)


class Reply:
    """Turns the Thinker's tokens into chunks of text and sound.

    Args:
        turn: that is answered.
        prompt_ids: that it answers.
        tokens: the Thinker's tokens, with their vectors for the Talker.
        tokenizer: of the text.
        stages: where the time is charged.

    Attributes:
        text_ids: the tokens so far.
        vectors: of these, as far as the Thinker has read them.
        text: the words so far.
        codes: the codes so far.
        dropped: codes that have no sound.
    """

    def __init__(
        self,
        turn: int,
        prompt_ids: list[int],
        tokens: Iterator[tuple[int, Tensor | None]],
        tokenizer: PreTrainedTokenizerBase,
        stages: Stages,
    ) -> None:
        self.turn, self.prompt_ids, self.text, self.dropped = turn, prompt_ids, "", 0
        self.text_ids: list[int] = []
        self.vectors: list[Tensor] = []
        self.codes: list[int] = []
        self._tokens = stages.each("thinker", tokens)
        self._tokenizer, self._stages = tokenizer.backend_tokenizer, stages
        self._decode = DecodeStream(skip_special_tokens=True)
        self._shown, self._sounded = 0, 0

    def written(self) -> Iterator[ReplyChunk]:
        """The reply as text alone."""
        for _ in self._think():
            yield self._chunk()
        yield self._chunk()

    def spoken(
        self,
        say: Callable[[Iterator[Tensor]], Iterator[int]],
        stream: SpeechStream,
        executor: Executor,
    ) -> Iterator[ReplyChunk]:
        """The reply aloud, a chunk a step: an empty one is a chance to cancel.

        Args:
            say: the Talker: makes codes of the vectors, taking one a step.
            stream: makes sound of codes.
            executor: does that, beside the Talker or by turns with it.
        """
        vectors = self._think()
        first = next(vectors, None)  # a reply without vectors cannot be said
        codes = say(chain([first], vectors)) if first is not None else iter(())
        with self._stages.beside(stream.stages), closing(Behind(stream, executor)) as sound:
            for code in self._stages.each("talker", codes):
                self.codes.append(code)
                known = code < stream.codes_known
                self.dropped += not known
                yield self._chunk(sound.push([code] if known else []))
            for pcm in sound.finish():
                yield self._chunk(pcm)
        for _ in vectors:  # the Talker may end before the text does
            yield self._chunk()
        yield self._chunk()  # the words of a token that has no vector

    def record(self) -> ReplyRecord:
        """What came of it."""
        return ReplyRecord(
            prompt_ids=self.prompt_ids,
            text_ids=self.text_ids,
            text=self.text,
            codes=self.codes,
            dropped=self.dropped,
            seconds=self._stages.seconds,
            spans=self._stages.spans,
        )

    def _think(self) -> Iterator[Tensor]:
        for token, vector in self._tokens:
            self.text_ids.append(token)
            self.text += self._decode.step(self._tokenizer, token) or ""
            if vector is not None:
                self.vectors.append(vector)
                yield vector

    def _chunk(self, pcm: np.ndarray = EMPTY) -> ReplyChunk:
        text, self._shown = self.text[self._shown :], len(self.text)
        begin, self._sounded = self._sounded, self._sounded + exactly(len(pcm), CODE)
        return ReplyChunk(self.turn, text, pcm, from_code=begin, to_code=self._sounded)
