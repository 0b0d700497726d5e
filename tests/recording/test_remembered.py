"""An engine that says again what it said, and only what it said last."""

import numpy as np

from voicechat.clock import FRAME
from voicechat.events import Reply, ReplyChunk, Tick
from voicechat.recording.format import action_line
from voicechat.recording.remembered import RememberedEngine

MIC = np.zeros(FRAME, dtype=np.int16)


def test_an_answer_that_was_taken_back_is_not_said_before_the_later_one() -> None:
    asked = {0: Reply(1, certain=False), 10: Reply(1, certain=False), 20: Reply(2)}
    made = {5: "The cap", 11: "The capital", 12: " is Paris.", 25: "Yes."}
    turns = {5: 1, 11: 1, 12: 1, 25: 2}
    ticks = [
        Tick(n, MIC, MIC[:0], chunks=(ReplyChunk(turns[n], text),) if (text := made.get(n)) else ())
        for n in range(30)
    ]
    engine = RememberedEngine(ticks, [action_line(n, reply) for n, reply in asked.items()])
    said = ["".join(chunk.text for chunk in engine.reply(turn)) for turn in (1, 2)]
    assert said == ["The capital is Paris.", "Yes."]
