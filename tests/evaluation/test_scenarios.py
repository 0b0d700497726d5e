"""Scenes say what they are meant to say."""

from __future__ import annotations

import random

import pytest

from voicechat.evaluation import scenarios
from voicechat.training.domain.items import items

QUESTIONS = {form for of_kind in items().values() for item in of_kind for form in item.forms}


@pytest.mark.parametrize("seed", range(3))
def test_a_user_pauses_where_the_question_is_not_yet_one(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenarios, "_say", lambda rng, text, voice=None: text)
    for number in range(20):
        draw = scenarios.KINDS["pause 1.0"][0]
        begin, pause, turn = draw(random.Random(20 * seed + number)).parts
        assert len(pause.pcm) == scenarios.MIC_RATE
        assert begin.text not in QUESTIONS
        assert " " not in turn.text and turn.text not in ("please", "dear", "together", "is")
