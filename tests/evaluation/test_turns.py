"""Scenes sound when they say, and talks are scored by the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from stage import LONG_REPLY, core

from voicechat.clock import CODE, MIC_RATE
from voicechat.engine.scripted import ScriptedEngine
from voicechat.evaluation.kept import recite
from voicechat.evaluation.room import After, Part, Room, Scene
from voicechat.evaluation.scores import Score, percentiles, score
from voicechat.evaluation.turns import Played, Row, play, replay
from voicechat.recording.replay import fixed_time, no_time


def hum(seconds: float) -> np.ndarray:
    return 0.25 * np.sin(2 * np.pi * 150 * np.arange(round(seconds * MIC_RATE)) / MIC_RATE)


ASK = Part("turn", hum(1.5))


def played(*parts: Part, slow_s: float = 0.0, complete: float | None = None) -> Played:
    judge = None if complete is None else lambda pcm: complete
    engine = ScriptedEngine([LONG_REPLY, "yes."], judge)
    compute = fixed_time(slow_s) if slow_s else no_time
    return play(Scene("test", parts), core(), lambda room: engine, compute)


def scored(*parts: Part, slow_s: float = 0.0, complete: float | None = None) -> Score:
    scene = played(*parts, slow_s=slow_s, complete=complete)
    assert not scene.missed
    return score(scene.spans, scene.log.events, scene.log.ticks)


def test_a_part_sounds_where_its_span_says() -> None:
    scene = played(ASK, Part("interruption", hum(1), After.REPLY, 1.0))
    mic = np.concatenate([tick.mic for tick in scene.log.ticks])
    loud = np.flatnonzero(np.abs(mic) > 300) / MIC_RATE
    first, second = scene.spans
    assert first.on_s == pytest.approx(loud[0], abs=0.002)
    assert second.off_s == pytest.approx(loud[-1], abs=0.002)
    start_n = next(e.n for e in scene.log.events if e.event == "reply_start")
    assert second.on_s == pytest.approx(start_n / 50 + 1.0, abs=0.03)


def test_the_gap_runs_from_the_users_last_sample() -> None:
    score = scored(ASK)
    assert (score.turns, score.answered, score.onset_loss_s) == (1, 1, [0.0])
    assert score.gaps_s == [pytest.approx(0.72, abs=0.021)]
    slow = scored(ASK, slow_s=1.0)
    assert slow.gaps_s == [pytest.approx(0.32 + 1.0, abs=0.021)]  # begun at the soft end


@pytest.mark.parametrize(("complete", "taken"), [(0.0, 0), (1.0, 1)])
def test_a_pause_is_taken_over_only_by_a_reply_that_is_heard(complete: float, taken: int) -> None:
    pause = Part("pause", np.zeros(round(1.9 * MIC_RATE)))
    score = scored(Part("begin", hum(1)), pause, ASK, complete=complete)
    assert (score.pauses, score.taken_over) == (1, taken)


@pytest.mark.parametrize(("right", "taken"), [(True, 0), (False, 1)])
def test_what_a_judge_is_worth_shows_in_pauses_and_gaps(right: bool, taken: int) -> None:
    """The scene knows whether a turn is over: so a judge can be made that is right, or wrong."""
    parts = (Part("begin", hum(1)), Part("pause", np.zeros(round(1.8 * MIC_RATE))), ASK)

    def make_engine(room: Room) -> ScriptedEngine:
        return ScriptedEngine([LONG_REPLY], lambda pcm: float(room.complete == right))

    scene = play(Scene("test", parts), core(), make_engine, no_time)
    result = score(scene.spans, scene.log.events, scene.log.ticks)
    assert (result.pauses, result.taken_over) == (1, taken)
    gap_s = 0.62 if right else 2.02  # `end_ms`, or all of `end_incomplete_ms`
    assert result.gaps_s[-1:] == [pytest.approx(gap_s, abs=0.021)]


def test_a_recited_reply_is_speech_whose_words_have_a_place() -> None:
    text = "A fox ran home. It was late."
    starts, pcm = recite(text)
    assert "".join(word for _, word in starts) == text
    places = [at for at, _ in starts]
    assert places[0] == 0 and places == sorted(set(places)) and places[-1] < len(pcm)
    assert len(pcm) % CODE == 0 and pcm.dtype == np.int16


def test_an_interruption_is_scored_by_the_last_sample_that_sounded() -> None:
    scene = played(ASK, Part("interruption", hum(2), After.REPLY, 1.0))
    score = scored(ASK, Part("interruption", hum(2), After.REPLY, 1.0))
    assert (score.interruptions, score.yielded, score.turns, score.answered) == (1, 1, 2, 2)
    heard = np.concatenate([tick.heard for tick in scene.log.ticks])
    pause_n = next(e.n for e in scene.log.events if e.event == "pause")
    last = np.flatnonzero(heard[: (pause_n + 5) * CODE])[-1] / (CODE * 50)
    assert score.stops_s == [pytest.approx(last - scene.spans[1].on_s, abs=0.13)]  # a pause in it
    assert 0.3 <= score.stops_s[0] <= 0.35


@pytest.mark.parametrize(("length_s", "stopped"), [(0.2, 0), (0.5, 1)])
def test_a_sound_that_was_nothing_counts_as_stopped_and_as_resumed(
    length_s: float, stopped: int
) -> None:
    score = scored(ASK, Part("cough", hum(length_s), After.REPLY, 1.0))
    assert (score.others, score.stopped, score.cut) == (1, stopped, 0)
    assert len(score.resumed_s) == stopped and all(s < 1.0 for s in score.resumed_s)


def test_a_part_whose_moment_never_comes_is_missed() -> None:
    assert played(ASK, Part("interruption", hum(1), After.REPLY, 30.0)).missed


def test_an_echo_is_delayed_and_softer() -> None:
    room = Room(Scene("echo", (), echo=(-20.0, 100)))
    room.play(np.full(24_000, 10_000, np.int16))
    mic = np.concatenate([(room.read(), room.take_heard())[0] for _ in range(40)])
    loud = np.flatnonzero(np.abs(mic) > 100)
    assert loud[0] / MIC_RATE == pytest.approx(0.1, abs=0.005)
    assert np.abs(mic[loud[0] + 3200 :].mean()) < 10_000


def test_a_bursty_speaker_and_another_rate_lose_nothing() -> None:
    engine = ScriptedEngine([LONG_REPLY])
    for scene in (Scene("j", (ASK,), jitter=5), Scene("p", (ASK,), path_rate=8_000)):
        log = play(scene, core(), lambda room: engine, no_time).log
        ours = sum(tick.played for tick in log.ticks)
        assert ours == next(e for e in log.events if e.event == "reply_end").detail["heard_samples"]


def test_a_file_is_replayed_with_its_speaker_beside_it() -> None:
    pcm = (np.concatenate([np.zeros(8000), hum(1.5), np.zeros(80_000)]) * 32767).astype(np.int16)
    log, heard = replay(pcm, core(), ScriptedEngine(["yes."]), no_time, tail_s=0.0)
    assert len(heard) / 24_000 == len(pcm) / 16_000
    start_n = next(e.n for e in log.events if e.event == "reply_start")
    assert np.flatnonzero(heard)[0] // CODE == start_n


def test_scores_add_up_and_are_told_in_figures() -> None:
    total = Score()
    total.add(Score(turns=2, answered=1, gaps_s=[0.5]))
    total.add(Score(turns=2, answered=2, gaps_s=[0.7, 0.9]))
    figures = Row("clean", 4, 0, total).figures()
    assert figures["answered"] == 0.75 and figures["gap s"]["p50"] == 0.7
    assert percentiles([]) == {}
