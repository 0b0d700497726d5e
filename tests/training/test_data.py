"""What the users' talks are drawn from."""

from __future__ import annotations

import random

import pytest

from voicechat.training.data import draw
from voicechat.training.domain import SELDOM


@pytest.mark.parametrize(
    ("group", "seldom", "all_are"),
    [("train", 1.0, True), ("train", 0.0, False), ("held", 1, False)],
)
def test_a_share_of_what_is_trained_is_asked_seldom(
    group: str, seldom: float, all_are: bool
) -> None:
    rng = random.Random(0)
    kinds = {draw(rng, group, "train", seldom).kind for _ in range(300)}
    assert (kinds <= set(SELDOM)) is all_are


def test_general_english_is_none_of_the_domain() -> None:
    assert draw(random.Random(0), "train", "general", 1.0).kind not in SELDOM
