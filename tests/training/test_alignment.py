"""Letters laid along codes."""

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from voicechat.training.alignment import token_of_letter, viterbi
from voicechat.training.codec import Labelled
from voicechat.training.replies import PAUSE_CODES, join
from voicechat.training.rows import IGNORE


def spoken(classes: list[int]) -> np.ndarray:
    """Log-probabilities that are nearly sure of one class a time."""
    log_probs = np.full((len(classes), 5), -8.0)
    log_probs[np.arange(len(classes)), classes] = 0.0
    return log_probs


def test_a_letter_lasts_until_the_next_one_is_said() -> None:
    assert viterbi(spoken([0, 2, 2, 0, 3, 0]), np.array([2, 3])) == [0, 0, 0, 0, 1, 1]


def test_twice_the_same_letter_needs_a_blank_between() -> None:
    assert viterbi(spoken([2, 0, 2]), np.array([2, 2])) == [0, 0, 1]
    assert viterbi(spoken([2, 2, 2, 2]), np.array([2, 2]))[-1] == 1  # the blank is bought


def test_all_letters_are_said_in_order_whatever_was_heard() -> None:
    noise = np.random.default_rng(0).normal(size=(40, 5))
    path = viterbi(noise, np.array([1, 4, 4, 2, 3]))
    assert path == sorted(path) and set(path) == {0, 1, 2, 3, 4}


def words() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({"one": 0, "two": 1, ".": 2, "?": 3}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_a_character_belongs_to_its_token() -> None:
    assert token_of_letter(words(), "one two.").tolist() == [0, 0, 0, 0, 1, 1, 1, 2]


def test_joined_sentences_know_their_words_but_not_in_the_pause() -> None:
    one = Labelled(0, "one.", torch.empty(0), torch.tensor([5, 6]), torch.tensor([0, 2]))
    two = Labelled(0, "two.", torch.empty(0), torch.tensor([7]), torch.tensor([1]))
    said = join([one, two], words(), quiet=8)
    assert said.codes.tolist() == [5, 6] + [8] * PAUSE_CODES + [7]
    assert said.words.tolist() == [0, 0] + [IGNORE] * PAUSE_CODES + [1]
