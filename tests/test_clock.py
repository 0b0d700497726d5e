"""Sizes follow from each other, as the released checkpoints count them."""

import pytest

from voicechat import clock


def test_sizes_are_those_of_qwen2_5_omni() -> None:
    assert (clock.FRAME, clock.CODE, clock.DIT_BLOCK) == (320, 480, 5760)
    assert (clock.HEARING_BLOCK_FRAMES, clock.TOKENS_PER_BLOCK) == (200, 50)


def test_a_time_limit_is_never_shortened() -> None:
    assert [clock.ticks(ms) for ms in (0, 1, 20, 21, 300)] == [0, 1, 1, 2, 15]


def test_a_division_with_a_rest_is_refused() -> None:
    with pytest.raises(AssertionError, match="leaves"):
        clock.exactly(1000, 3)
