"""Which words were heard: against voices whose word times are known exactly."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicechat.conversation.alignment import heard_text, pace, weight
from voicechat.engine.scripted import speak

TALE = "A fox ran home. It was late, and dark, and it rained. The end of a long day had come."


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "still being made"])
def test_a_scripted_voice_is_followed_to_the_word(whole: bool) -> None:
    starts, pcm = speak(TALE)
    learnt = pace(TALE, pcm)
    errors = []
    for said, (at, _) in enumerate(starts[1:], start=1):
        made = pcm if whole else pcm[: at + 24_000]
        kept = heard_text(TALE, made, at, len(made) == len(pcm), learnt)
        errors.append(abs(len(kept.split()) - said))
    assert np.median(errors) == 0 and max(errors) <= 1


def test_all_of_it_is_heard_at_its_end_and_nothing_at_its_beginning() -> None:
    _, pcm = speak(TALE)
    assert heard_text(TALE, pcm, len(pcm), whole=True) == TALE
    assert heard_text(TALE, pcm, 0, whole=True) == ""
    assert heard_text(TALE, pcm[:0], 0, whole=False) == ""
    assert heard_text("", pcm, 100, whole=True) == ""


def test_three_dots_take_no_time() -> None:
    starts, pcm = speak(TALE)
    at = starts[3][0]
    plain, dotted = (heard_text(text, pcm, at, whole=True) for text in (TALE, f"... {TALE}"))
    assert plain and dotted == f"... {plain}"


@given(
    text=st.text("abc .,?é\n", max_size=60),
    samples=st.integers(0, 60_000),
    made=st.integers(0, 60_000),
    whole=st.booleans(),
)
def test_what_is_kept_is_a_prefix_that_grows(
    text: str, samples: int, made: int, whole: bool
) -> None:
    pcm = speak("abc, abc abc. abc")[1][:made]
    kept = heard_text(text, pcm, min(samples, len(pcm)), whole)
    more = heard_text(text, pcm, len(pcm), whole)
    assert text.startswith(kept) and more.startswith(kept)
    assert kept in ("", text) or not kept.endswith(" ")


@pytest.mark.parametrize(
    ("word", "phones"), [("the", 2), ("tunnels", 6), ("C,", 2), ("made", 3), ("night", 4)]
)
def test_letters_weigh_about_as_much_as_they_sound(word: str, phones: int) -> None:
    assert weight(word) == phones


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_a_human_like_voice_is_followed_to_the_word_in_the_median() -> None:
    from voicechat.evaluation.kept import errors

    words = np.abs(errors(12))
    assert np.median(words) == 0 and np.percentile(words, 95) <= 2
