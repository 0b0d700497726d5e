"""Which letter is spoken when: the codec's own letters, laid along the text (CTC, Viterbi)."""

from __future__ import annotations

import numpy as np
import torch
from tokenizers import Tokenizer

from voicechat.training.codec import Codec, Labelled
from voicechat.training.speech import CHARACTERS

_NEVER = -1e9


@torch.no_grad()
def letter_times(codec: Codec, item: Labelled) -> torch.Tensor:
    """The place in the text that each code says, [codes] int64; it never goes back."""
    places = [i for i, c in enumerate(item.text.lower()) if c in CHARACTERS]
    classes = [CHARACTERS.index(item.text[i].lower()) + 1 for i in places]
    values = codec.quantizer.values(item.codes[None] - 1)
    log_probs = codec.letters(values.transpose(1, 2))[0].log_softmax(0).T.numpy()
    path = viterbi(log_probs, np.array(classes))
    return torch.tensor([places[k] for k in path])


def viterbi(log_probs: np.ndarray, classes: np.ndarray) -> list[int]:
    """The likeliest way through CTC's letters and blanks.

    Args:
        log_probs: [times, classes], class 0 the blank.
        classes: [letters], what is said, in order.

    Returns:
        For each time the index of the letter that is said, or was said last.
    """
    states = np.zeros(2 * len(classes) + 1, int)  # blank, letter, blank, letter, ..., blank
    states[1::2] = classes
    skips = np.zeros(len(states), bool)  # a blank may be left out between different letters
    skips[3::2] = classes[1:] != classes[:-1]
    score = np.full(len(states), _NEVER)
    score[:2] = log_probs[0, states[:2]]
    came = np.zeros((len(log_probs), len(states)), int)
    for t in range(1, len(log_probs)):
        one = np.concatenate([[_NEVER], score[:-1]])
        two = np.where(skips, np.concatenate([[_NEVER, _NEVER], score[:-2]]), _NEVER)
        options = np.stack([score, one, two])
        came[t] = options.argmax(0)
        score = options.max(0) + log_probs[t, states]
    state = len(states) - 1 - int(score[-2] > score[-1])
    path = []
    for back in came[::-1]:
        path.append(state)
        state -= back[state]
    return [max(0, (s - 1) // 2) for s in reversed(path)]


def token_of_letter(tokenizer: Tokenizer, text: str) -> torch.Tensor:
    """The id of the token that each character of a text belongs to, [characters]."""
    encoding = tokenizer.encode(text)
    tokens = torch.zeros(len(text), dtype=torch.long)
    for token, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        tokens[start:end] = token
    return tokens
