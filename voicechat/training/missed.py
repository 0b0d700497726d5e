"""Recorded talks that the Thinker answers wrong: they have more to teach than the others.

Hard examples drawn more often (Shrivastava et al. 2016, "Training Region-based Object Detectors
with Online Hard Example Mining"), but found once, before the first step, so that what a step draws
still depends on its number alone. Two cores ask 750 a minute.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from voicechat.training import exam, together
from voicechat.training import thinker as thinking
from voicechat.training.bank import SpokenTalk
from voicechat.training.files import whole
from voicechat.training.rows import Scribe

MOST = 30_000  # that are asked, evenly picked
_AT_ONCE = 100  # talks whose vectors are held


def missed(
    thinker: thinking.Thinker, scribe: Scribe, talks: Sequence[SpokenTalk], path: Path
) -> list[SpokenTalk]:
    """The talks that are answered wrong without any noise, in their order.

    Several processes share the asking.

    Args:
        thinker: the one that is trained, or the average of its weights.
        scribe: writes the talks as the Thinker reads them.
        talks: that it has learned from.
        path: where they are listed (JSON), so that a training that is resumed draws the same.
    """
    listed = json.loads(path.read_text()) if path.exists() else {}
    if listed.get("talks") != len(talks):  # none yet, or of other recordings
        rank, each = together.join(), -(-len(talks) // MOST)
        mine = range(rank * each, len(talks), together.processes() * each)
        listed = {
            "talks": len(talks),
            "missed": sorted(together.gather(_missed(thinker, scribe, talks, mine))),
        }
        if rank == 0:
            with whole(path) as part:
                part.write_text(json.dumps(listed))
    return [talks[i] for i in listed["missed"]]


@torch.no_grad()
def _missed(
    thinker: thinking.Thinker, scribe: Scribe, talks: Sequence[SpokenTalk], asked: range
) -> list[int]:
    found = []
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE]
        answers = exam.answered(thinker, scribe, [talks[i] for i in some])
        found += [i for i, right in zip(some, answers, strict=True) if not right]
    return found
