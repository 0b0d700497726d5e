"""How much of the talk is remembered: what does not fit any more leaves, oldest turns first."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from voicechat.engine.memory import Memory
from voicechat.engine.prompt import Segment, ids
from voicechat.engine.talk import Talk
from voicechat.errors import UserError

_LEAST = 1024  # tokens beside the system prompt: the longest turn, 30 s, or some short ones
Write = Callable[[int], list[Segment]]  # a turn's number -> the prompt up to it


class Context:
    """Brings the caches to where the talk stands.

    Args:
        talk: gives the prompts.
        memory: reads them.
        limit: tokens of a prompt at most.
        info: is told when something had to leave.
    """

    def __init__(self, talk: Talk, memory: Memory, limit: int, info: Callable[[str], None]) -> None:
        self._talk, self._memory, self._limit, self._info = talk, memory, limit, info

    def read(self, turn: int, write: Write) -> Tensor:
        """Reads a prompt of the talk, and gives the Thinker's state at its end, `[hidden]`.

        Raises:
            UserError: if the turn alone is longer than the limit, or the device's memory is full
                whatever the limit.
        """
        while True:
            prompt = self._fitting(turn, write)
            try:
                return self._memory.read(prompt)
            except torch.cuda.OutOfMemoryError as fault:
                before = self._limit
                self.shrink(len(ids(prompt)))
                if self._limit == before:
                    raise UserError(
                        "out of GPU memory for even a short talk; name a smaller model with --model"
                    ) from fault

    def shrink(self, reached: int) -> None:
        """The device did not hold so many tokens: fewer from now on, but enough to talk."""
        least = len(ids(self._talk.system())) + _LEAST
        self._limit = min(self._limit, max(reached * 3 // 4, least))
        self._memory.clear()
        torch.cuda.empty_cache()
        self._info(f"out of GPU memory: from now on a talk may have {self._limit} tokens")

    def _fitting(self, turn: int, write: Write) -> list[Segment]:
        """The prompt; one too long is cut to three quarters, so that not every turn cuts again."""
        prompt = write(turn)
        if len(ids(prompt)) <= self._limit:
            return prompt
        before = len(self._talk.turns)
        while len(ids(prompt)) > self._limit * 3 // 4 and self._talk.forget_oldest(turn):
            prompt = write(turn)
        if len(ids(prompt)) > self._limit:
            raise UserError(f"one turn alone is longer than the {self._limit} tokens of memory")
        left = before - len(self._talk.turns)
        self._info(f"the talk passed {self._limit} tokens: its {left} oldest turns are forgotten")
        return prompt
