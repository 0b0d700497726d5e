"""Who interrupts a reply may ask for anything."""

from __future__ import annotations

import random

from voicechat.training.conversations import INTERRUPTED, interrupted
from voicechat.training.domain import Talk, Turn

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
