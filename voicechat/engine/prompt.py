"""ChatML, exactly as the released chat template writes it, as pieces that caches can compare.

<|im_start|>system\\n...<|im_end|>\\n
<|im_start|>user\\n<|audio_bos|><|AUDIO|>*n<|audio_eos|>typed<|im_end|>\\n
<|im_start|>assistant\\nreply<|im_end|>\\n
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor
from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, eq=False)
class Segment:
    """Some tokens of a prompt.

    Attributes:
        ids: the tokens, with `<|AUDIO|>`, `<|IMAGE|>` or `<|VIDEO|>` where `embeds` stand in.
        embeds: `[n, hidden]` for all of `ids`, or none for plain text.
        positions: `[3, n]` rotary positions counted from 0, or none where they just count up.
    """

    ids: tuple[int, ...]
    embeds: Tensor | None = None
    positions: Tensor | None = None

    @property
    def keys(self) -> list[Hashable]:
        """One key a token: equal keys after equal keys mean that the caches hold the same."""
        if self.embeds is None:
            return list(self.ids)
        return [(self, index) for index in range(len(self.ids))]


class ChatML:
    """Writes messages as segments.

    Text between two special tokens is tokenised as a whole, since that is what the template's
    string would give; special tokens inside a text are taken as plain text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.start, self.end = self.token("<|im_start|>"), self.token("<|im_end|>")
        # Plain text. Kept, since every prompt of a talk repeats what was said before.
        self.text = lru_cache(maxsize=4096)(self._text)

    def token(self, name: str) -> int:
        """The id of a special token."""
        token = self.tokenizer.convert_tokens_to_ids(name)
        assert token is not None and token != self.tokenizer.unk_token_id, name
        return token

    def special(self, *names: str) -> Segment:
        """Special tokens."""
        return Segment(tuple(self.token(name) for name in names))

    def message(self, role: str, parts: Iterable[str | Segment]) -> list[Segment]:
        """A whole message: texts and media, in their order."""
        closing = Segment((self.end, *self.text("\n").ids))
        return [*self.opening(role, parts), closing]

    def opening(self, role: str, parts: Iterable[str | Segment] = ()) -> list[Segment]:
        """A message to which more will come."""
        written, text = [Segment((self.start,))], f"{role}\n"
        for part in parts:
            if isinstance(part, str):
                text += part
                continue
            written += [self.text(text), part] if text else [part]
            text = ""
        return [*written, self.text(text)] if text else written

    def _text(self, text: str) -> Segment:
        encoded = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        return Segment(tuple(encoded["input_ids"]))


def ids(segments: Iterable[Segment]) -> list[int]:
    """The prompt as `generate` would take it."""
    return [token for segment in segments for token in segment.ids]
