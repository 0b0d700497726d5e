"""What the users' talks are drawn from."""

from __future__ import annotations

import random

import pytest

from voicechat.training.data import draw_of
from voicechat.training.domain import SELDOM


@pytest.mark.parametrize(("seldom", "all_are"), [(1.0, True), (0.0, False)])
def test_a_share_of_the_talks_is_of_what_is_asked_seldom(seldom: float, all_are: bool) -> None:
    draw, rng = draw_of("train", seldom), random.Random(0)
    assert ({draw(rng).kind for _ in range(300)} <= set(SELDOM)) is all_are


def test_general_english_is_none_of_the_domain() -> None:
    assert draw_of("general", 1.0)(random.Random(0)).kind not in SELDOM
