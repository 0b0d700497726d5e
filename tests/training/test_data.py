"""What the users' talks are drawn from."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from voicechat.errors import UserError
from voicechat.training import users
from voicechat.training.data import DataConfig, draw, run
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


def test_a_missing_synthesiser_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def speaks(text: str, speaker: str, rng: random.Random) -> tuple[np.ndarray, int]:
        return np.ones(800), 16_000

    def is_missing(text: str, speaker: str, rng: random.Random) -> None:
        raise UserError("a user's voice needs text2wave")

    others = dict.fromkeys(users._SYNTHESISERS, speaks)
    monkeypatch.setattr(users, "_SYNTHESISERS", {**others, "festival": is_missing})
    with pytest.raises(UserError, match="needs text2wave"):
        run(DataConfig(general=0, talks=10, shard=10, tests=1), tmp_path)
    assert not any(tmp_path.iterdir())


def test_general_english_is_none_of_the_domain() -> None:
    assert draw(random.Random(0), "train", "general", 1.0).kind not in SELDOM
