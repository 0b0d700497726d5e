"""The user's turn as a state machine: every transition, and that no audio is lost or doubled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicechat.clock import FRAME, ticks
from voicechat.config import TurnsConfig
from voicechat.turns.taker import (
    TRANSITIONS,
    Cue,
    Discarded,
    Resumed,
    SoftEnd,
    Speech,
    SpeechStart,
    State,
    TakerEvent,
    TurnEnd,
    TurnTaker,
)

CONFIG = TurnsConfig(soft_end_ms=300, end_ms=600)
START, SOFT, LEAST = ticks(CONFIG.start_ms), ticks(CONFIG.soft_end_ms), ticks(CONFIG.least_ms)
ENOUGH = LEAST + START

# The shortest pattern of voice (1) and silence (0) that brings the machine into each state, each
# with a turn's worth of voice.
INTO = {
    State.QUIET: [],
    State.ONSET: [1] * (START - 1),
    State.SPEAKING: [1] * ENOUGH,
    State.LULL: [1] * ENOUGH + [0] * (SOFT - 1),
    State.ENDING: [1] * ENOUGH + [0] * SOFT,
    State.RESUMING: [1] * ENOUGH + [0] * SOFT + [1] * (START - 1),
}


def frame(number: int) -> np.ndarray:
    return np.full(FRAME, number, np.int16)


def run(taker: TurnTaker, pattern: list[int], complete: float | None = None) -> list[TakerEvent]:
    return [
        event
        for number, voice in enumerate(pattern)
        for event in taker.advance(float(voice), frame(number), complete)
    ]


def reach(state: State, cue: Cue) -> tuple[TurnTaker, int]:
    """A machine in `state` and the frame that gives it `cue`, built to make that happen."""
    config, into, voice = CONFIG, INTO[state], int(cue in (Cue.VOICE, Cue.ENOUGH_VOICE))
    if cue is Cue.VOICE and state in (State.ONSET, State.RESUMING):
        into = into[:-1]
    if cue is Cue.ENOUGH_VOICE and state in (State.QUIET, State.ENDING):
        config, into = replace(config, start_ms=20), INTO[state]
    if cue is Cue.SILENCE and state is State.LULL:
        into = into[:-1]
    if cue is Cue.TOO_SHORT:
        into = [1] * START + [0] * (SOFT - 1)
    if state is State.SPEAKING and cue in (Cue.SOFT_SILENCE, Cue.TOO_SHORT):
        config = replace(config, soft_end_ms=20)
        into = [1] * (START if cue is Cue.TOO_SHORT else ENOUGH)
    if cue is Cue.TOO_LONG:
        config = replace(config, longest_ms=(len(into) + 1) * 20)
    if cue is Cue.END_SILENCE:
        config = replace(config, end_unjudged_ms=(len(into) - ENOUGH + 1) * 20)
    taker = TurnTaker(config)
    run(taker, into)
    return taker, voice


@pytest.mark.parametrize(("state", "cue"), TRANSITIONS, ids=lambda value: value.name.lower())
def test_every_transition_of_the_table_happens(state: State, cue: Cue) -> None:
    taker, voice = reach(state, cue)
    assert taker.state is state
    events = taker.advance(float(voice), frame(0))
    after, event = TRANSITIONS[state, cue]
    assert taker.state is after
    assert [type(e) for e in events] == ([event] if event else [])


def test_a_turn_starts_after_start_ms_and_brings_its_preroll() -> None:
    taker = TurnTaker(CONFIG)
    events = run(taker, [0] * 100 + [1] * START)
    (start,) = events
    assert isinstance(start, SpeechStart)
    preroll = ticks(CONFIG.preroll_ms)
    assert start.pcm[::FRAME].tolist() == list(range(100 - preroll, 100 + START))


@pytest.mark.parametrize(
    ("complete", "end_ms"),
    [(None, 700), (1.0, 600), (0.9, 600), (0.72, 880), (0.18, 1720), (0.0, 2000)],
)
def test_patience_depends_on_how_complete_the_turn_sounds(
    complete: float | None, end_ms: int
) -> None:
    taker = TurnTaker(CONFIG)
    run(taker, [1] * ENOUGH)
    events = run(taker, [0] * (ticks(end_ms) - 1), complete)
    assert isinstance(events[-1], SoftEnd)
    assert run(taker, [0], complete) == [TurnEnd()]


def test_a_judgement_that_comes_late_ends_the_turn_at_once() -> None:
    taker = TurnTaker(CONFIG)
    run(taker, [1] * ENOUGH + [0] * ticks(1000), complete=0.1)
    assert taker.state is State.ENDING
    assert run(taker, [0], complete=0.9) == [TurnEnd()]


def test_a_click_in_the_silence_does_not_delay_the_end() -> None:
    taker = TurnTaker(CONFIG)
    silence = ticks(CONFIG.end_unjudged_ms)
    pattern = [0] * silence
    pattern[SOFT + 3] = 1
    events = run(taker, [1] * ENOUGH + pattern)
    assert events[-2:] == [SoftEnd(), TurnEnd()]


def test_falling_silent_needs_a_lower_probability_than_starting() -> None:
    taker = TurnTaker(CONFIG)
    run(taker, [1] * ENOUGH)
    taker.advance(0.4, frame(0))
    assert taker.state is State.SPEAKING
    taker.advance(0.3, frame(0))
    assert taker.state is State.LULL
    taker.advance(0.4, frame(0))
    assert taker.state is State.LULL


def test_a_discarded_sound_is_the_next_turns_preroll() -> None:
    taker = TurnTaker(CONFIG)
    events = run(taker, [1] * START + [0] * SOFT + [1] * START)
    assert isinstance(events[-1], SpeechStart)
    assert [type(e) for e in events if not isinstance(e, Speech)] == [
        SpeechStart,
        Discarded,
        SpeechStart,
    ]
    first = START + SOFT - ticks(CONFIG.preroll_ms)
    assert events[-1].pcm[0] == max(first, 0)


def test_push_to_talk_ends_a_turn_at_once() -> None:
    taker = TurnTaker(CONFIG)
    assert taker.end() == ()
    run(taker, [1] * ENOUGH)
    assert taker.end() == (TurnEnd(),)
    assert taker.state is State.QUIET
    run(taker, [1] * START)
    assert taker.end() == (Discarded(),)


def test_voiced_ticks_count_a_barge_in_from_its_onset() -> None:
    taker = TurnTaker(CONFIG)
    run(taker, [0] * 10 + [1] * 3)
    assert taker.voiced_ticks == 3
    run(taker, [1] * 10)
    assert taker.voiced_ticks == 13
    run(taker, [0] * SOFT + [1] * START)
    assert taker.voiced_ticks == 13 + START


PATTERNS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 60)), min_size=1, max_size=40).map(
    lambda runs: [voice for voice, length in runs for _ in range(length)]
)


@given(pattern=PATTERNS, complete=st.sampled_from([None, 0.0, 1.0]))
@settings(max_examples=150, deadline=None)
def test_kept_turns_hold_every_frame_once_and_in_order(
    pattern: list[int], complete: float | None
) -> None:
    taker = TurnTaker(replace(CONFIG, longest_ms=3000))
    turns: list[list[int]] = []
    for number, voice in enumerate(pattern):
        for event in taker.advance(float(voice), frame(number), complete):
            if isinstance(event, SpeechStart):
                turns.append([])
            if isinstance(event, SpeechStart | Speech | Resumed):
                turns[-1] += event.pcm[::FRAME].tolist()
            if isinstance(event, Discarded):
                turns.pop()
    for turn in turns:
        assert turn == list(range(turn[0], turn[-1] + 1))
    ends = [(turn[0], turn[-1]) for turn in turns]
    assert all(end < start for (_, end), (start, _) in zip(ends, ends[1:], strict=False))


@given(pattern=PATTERNS)
@settings(max_examples=100, deadline=None)
def test_events_come_in_the_order_of_a_turn(pattern: list[int]) -> None:
    taker = TurnTaker(CONFIG)
    after: dict[type | None, tuple[type, ...]] = {
        None: (SpeechStart,),
        SpeechStart: (Speech,),
        Speech: (Speech, SoftEnd, TurnEnd, Discarded),
        SoftEnd: (Resumed, TurnEnd),
        Resumed: (Speech,),
        TurnEnd: (SpeechStart,),
        Discarded: (SpeechStart,),
    }
    last: type | None = None
    for event in run(taker, pattern):
        assert isinstance(event, after[last]), (last, event)
        last = type(event)
