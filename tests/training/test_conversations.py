"""Who interrupts a reply may ask for anything; what is asked seldom is drawn in its shares."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from voicechat.training.bank import SpokenTalk
from voicechat.training.conversations import INTERRUPTED, interrupted, mixed, recorded
from voicechat.training.domain import SELDOM, Talk, Turn

COUNT = Talk("count", (Turn("count to three", "One, two, three."),))
SILENT = Talk("unfinished", (Turn("count to", ""),))


def test_a_talk_is_cut_by_the_next_so_often_and_the_last_never() -> None:
    rng = random.Random(1)
    said = [interrupted([COUNT, COUNT], rng) for _ in range(400)]
    cut = [first.heard for ((first,), _) in said if first.heard is not None]
    assert abs(len(cut) / 400 - INTERRUPTED) < 0.1
    assert set(cut) == {"One", "One,", "One, two", "One, two,"}
    assert all((turn.user, turn.reply) == ("count to three", "One, two, three.")
               for talks in said for (turn,) in talks)  # fmt: skip
    assert all(last == COUNT.turns for _, last in said)


def test_what_has_no_reply_is_not_cut() -> None:
    assert interrupted([SILENT, COUNT], random.Random(1)) == [SILENT.turns, COUNT.turns]


@pytest.mark.parametrize("kinds", [(*SELDOM, "count"), ("fact", "unclear", "count")])
def test_recorded_talks_are_drawn_in_the_shares_of_the_kinds_there_are(kinds: list[str]) -> None:
    talks = [SpokenTalk(Talk(kind, ()), (), "") for kind in kinds]
    draw, rng = recorded(talks, seldom=0.6), random.Random(1)
    drawn = Counter(draw(rng).talk.kind for _ in range(4000))
    assert abs(drawn["count"] / 4000 - 0.4) < 0.03
    there = sum(SELDOM.get(kind, 0.0) for kind in kinds)
    for kind in set(kinds) - {"count"}:
        assert abs(drawn[kind] / 4000 - 0.6 * SELDOM[kind] / there) < 0.03


def test_what_is_asked_seldom_alone_is_drawn_always() -> None:
    talks = [SpokenTalk(Talk("chat", ()), (), "")]
    assert recorded(talks, seldom=0.5)(random.Random(1)) is talks[0]


def test_a_share_is_drawn_otherwise() -> None:
    usual, other = (SpokenTalk(Talk(kind, ()), (), "") for kind in ("chat", "fact"))
    draw, rng = mixed(lambda _: usual, lambda _: other, share=0.3), random.Random(1)
    assert abs(sum(draw(rng) is other for _ in range(4000)) / 4000 - 0.3) < 0.03
