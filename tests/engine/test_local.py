"""The whole engine against `generate`: the same words and the same codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.engine import tiny
from tests.engine.oracle import generate
from voicechat.config import ModelConfig, merge
from voicechat.engine import context
from voicechat.engine.checkpoint import Checkpoint, load
from voicechat.engine.local import LocalEngine
from voicechat.errors import UserError
from voicechat.events import Heard, ReplyChunk

REPLY = 26 + 2  # positions that a reply may take by the limits of conftest.py


def say(engine: LocalEngine, turn: int, pcm: np.ndarray, piece: int = 3200) -> None:
    """Speaks a turn in pieces."""
    for part in np.split(pcm, range(piece, len(pcm), piece)):
        engine.feed(turn, part)


def answer(engine: LocalEngine, turn: int, certain: bool = True) -> list[ReplyChunk]:
    """Takes a whole reply."""
    return list(engine.reply(turn, certain))


def text(chunks: Iterable[ReplyChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


def agrees(engine: LocalEngine, clips: Iterable[np.ndarray] = (), **sampling: object) -> None:
    """The newest reply is what `generate` makes of the same prompt."""
    truth = generate(
        engine.checkpoint, engine.last.prompt_ids, engine.voice.name, list(clips), **sampling
    )
    assert engine.last.text_ids == truth.text_ids
    assert engine.last.codes == truth.codes


@pytest.fixture
def engine(checkpoint: Checkpoint, config: ModelConfig) -> LocalEngine:
    return LocalEngine(checkpoint, config)


# --- one turn ----------------------------------------------------------------------------------


@pytest.mark.parametrize("voice", tiny.VOICES)
@pytest.mark.parametrize("piece", [320, 20_800, 10**6])
def test_a_spoken_turn(checkpoint, config, speech, voice, piece):
    engine = LocalEngine(checkpoint, replace(config, voice=voice))
    say(engine, 1, speech(2.7), piece)
    answer(engine, 1)
    agrees(engine, [speech(2.7)])


def test_the_voices_differ(checkpoint, config):
    codes = []
    for voice in tiny.VOICES:
        engine = LocalEngine(checkpoint, replace(config, voice=voice))
        engine.type(1, "How are you?")
        answer(engine, 1)
        codes.append(engine.last.codes)
    assert codes[0] != codes[1]


def test_a_typed_turn(engine):
    engine.type(1, "What is the capital of France?")
    answer(engine, 1)
    agrees(engine)


@pytest.mark.parametrize("heard_as_typed", [False, True])
def test_two_typed_lines_of_a_turn_are_apart(checkpoint, config, heard_as_typed):
    settings = replace(checkpoint.settings, typed_as_heard=heard_as_typed)
    engine = LocalEngine(replace(checkpoint, settings=settings), config)
    engine.type(1, "hello")
    engine.type(1, "what is the capital")
    answer(engine, 1)
    assert "user\nhello what is the" in engine._chat.tokenizer.decode(engine.last.prompt_ids)
    agrees(engine)


def test_speech_with_text_beside_it(engine, speech):
    say(engine, 1, speech(1.1))
    engine.type(1, "and this")
    answer(engine, 1)
    agrees(engine, [speech(1.1)])


@pytest.mark.parametrize("count", [1, 4])
def test_a_reply_of_few_tokens(engine, ended, config, count):
    engine.type(1, "How are you?")
    answer(engine, 1)
    ids = engine.last.text_ids
    count = next(n for n in range(count, len(ids)) if ids.index(ids[n]) == n)
    engine = LocalEngine(ended(text=ids[count]), config)
    engine.type(1, "How are you?")
    answer(engine, 1)
    assert len(engine.last.text_ids) == count
    agrees(engine)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_speech_that_ends_by_itself(engine, ended, config, count):
    engine.type(1, "How are you?")
    answer(engine, 1)
    codes = engine.last.codes
    count = next(n for n in range(count, len(codes)) if codes.index(codes[n]) == n)
    engine = LocalEngine(ended(code=codes[count]), config)
    engine.type(1, "How are you?")
    chunks = answer(engine, 1)
    assert len(engine.last.codes) == count
    assert sum(len(chunk.pcm) for chunk in chunks) == 480 * count
    agrees(engine)


def test_the_limits_are_those_of_generate(checkpoint, config):
    limits = {"thinker": {"max_new_tokens": 2}, "talker": {"max_new_tokens": 1}}
    limited = replace(checkpoint, settings=merge(checkpoint.settings, limits, "limits"))
    engine = LocalEngine(limited, config)
    engine.type(1, "How are you?")
    answer(engine, 1)
    assert (len(engine.last.text_ids), len(engine.last.codes)) == (2, 1)
    agrees(engine)


def test_sampling_draws_what_generate_draws(checkpoint, config):
    """The Thinker greedy, so that the Talker's draws are the only ones of both."""
    greedy = merge(checkpoint.settings, {"thinker": {"do_sample": False}}, "greedy")
    engine = LocalEngine(replace(checkpoint, settings=greedy), replace(config, greedy=False))
    engine.type(1, "How are you?")
    answer(engine, 1)
    torch.manual_seed(engine.options.seed + 1)
    agrees(engine, talker_do_sample=True)
    sampled = engine.last.codes
    answer(engine, 1)
    assert engine.last.codes == sampled
    greedily = LocalEngine(checkpoint, config)
    greedily.type(1, "How are you?")
    answer(greedily, 1)
    assert greedily.last.codes != sampled


# --- many turns --------------------------------------------------------------------------------


def test_a_talk_of_many_turns(engine, speech):
    clips = [speech(1.2, seed) for seed in range(3)]
    say(engine, 1, clips[0])
    answer(engine, 1)
    engine.type(2, "And then?")
    answer(engine, 2)
    agrees(engine, clips[:1])
    say(engine, 3, clips[1])
    answer(engine, 3)
    agrees(engine, clips[:2])
    say(engine, 4, clips[2])
    answer(engine, 4)
    agrees(engine, clips)


def test_only_what_is_new_is_read(engine, monkeypatch):
    read = []
    original = engine._thinker.read
    monkeypatch.setattr(
        engine._thinker, "read", lambda ids, *rest: read.append(len(ids)) or original(ids, *rest)
    )
    for turn in range(1, 5):
        engine.type(turn, "one two three")
        answer(engine, turn)
    new = len(engine._chat.tokenizer("one two three").input_ids) + 12  # the ChatML around it
    longest = new + engine.checkpoint.settings.thinker.max_new_tokens  # a reply spelt otherwise
    assert max(read[1:]) <= longest < len(engine.last.prompt_ids)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_next_turn_sees_only_what_was_heard(engine, share):
    engine.type(1, "Once upon a time")
    said = text(answer(engine, 1))
    heard = said[: int(share * len(said))]
    engine.truncate(1, Heard(samples=0, text=heard))
    engine.type(2, "And then?")
    answer(engine, 2)
    history = engine._chat.tokenizer.decode(engine.last.prompt_ids)
    assert f"<|im_start|>assistant\n{heard}<|im_end|>" in history
    agrees(engine)


def test_a_discarded_turn_never_was(engine, speech):
    engine.type(1, "How are you?")
    answer(engine, 1)
    say(engine, 2, speech(2.3))
    engine.discard(2)
    engine.type(3, "Go on.")
    answer(engine, 3)
    assert tiny.token("<|AUDIO|>") not in engine.last.prompt_ids
    agrees(engine)


# --- speculation, interruption -----------------------------------------------------------------


@pytest.mark.parametrize("taken", [0, 1, 2, 10, None], ids=str)
def test_a_user_who_goes_on_takes_the_answer_back(engine, speech, taken):
    pcm = speech(4.6)
    say(engine, 1, pcm[:35_000])
    chunks = engine.reply(1, certain=False)
    list(chunks) if taken is None else [next(chunks) for _ in range(taken)]
    say(engine, 1, pcm[35_000:])
    assert list(chunks) == []
    answer(engine, 1)
    agrees(engine, [pcm])


@pytest.mark.parametrize("steps", [0, 1, 3, 15, 27])
def test_after_a_cancel_the_caches_are_usable(engine, steps):
    engine.type(1, "How are you?")
    chunks = engine.reply(1)
    said = text(next(chunks) for _ in range(steps))
    chunks.close()
    engine.truncate(1, Heard(samples=0, text=said[:2]))
    engine.type(2, "What?")
    answer(engine, 2)
    agrees(engine)


def test_the_talker_starts_after_one_token_of_the_thinker(engine, monkeypatch):
    thought = []
    think = engine._thinker.decoder.extend
    engine.type(1, "How are you?")
    chunks = engine.reply(1)
    next(chunks)  # the prompt is read
    monkeypatch.setattr(
        engine._thinker.decoder, "extend", lambda *args: thought.append(1) or think(*args)
    )
    next(chunks)
    assert len(thought) == 1


def test_a_cancel_takes_effect_within_one_step(engine, monkeypatch):
    engine.type(1, "How are you?")
    steps = []
    original = engine._talker.read
    monkeypatch.setattr(engine._talker, "read", lambda *args: steps.append(1) or original(*args))
    chunks = engine.reply(1)
    next(chunks)
    for number in range(1, 10):
        before = len(steps)
        next(chunks)
        assert len(steps) - before <= 2, number  # the first step reads the prompt before


def test_a_new_turn_is_heard_while_the_old_reply_goes_on(engine, speech):
    pcm = speech(2.4)
    engine.type(1, "How are you?")
    chunks = engine.reply(1)
    first = [next(chunks) for _ in range(5)]
    say(engine, 2, pcm)
    said = text(first) + text(chunks)
    assert engine.last.text == said
    agrees(engine)
    answer(engine, 2)
    agrees(engine, [pcm])


def test_a_cough_beside_a_reply_does_not_end_it(engine, speech):
    engine.type(1, "How are you?")
    chunks = engine.reply(1)
    next(chunks)
    say(engine, 2, speech(0.3))
    engine.discard(2)
    assert sum(len(chunk.pcm) for chunk in chunks) == 480 * len(engine.last.codes) > 0
    agrees(engine)


# --- chunks ------------------------------------------------------------------------------------


def test_chunks_are_the_reply_in_order(engine):
    engine.type(1, "How are you?")
    chunks = answer(engine, 1)
    sound = [chunk for chunk in chunks if len(chunk.pcm)]
    assert text(chunks) == engine.last.text
    assert [chunk.final for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert len(sound) > 1, "sound must come before the reply is whole"
    assert all(len(c.pcm) == 480 * (c.to_code - c.from_code) for c in sound)
    ends = [0, *(chunk.to_code for chunk in sound)]
    assert [chunk.from_code for chunk in sound] == ends[:-1]
    assert ends[-1] == len(engine.last.codes) - engine.last.dropped


def test_codes_without_a_sound_are_dropped_and_counted(engine, monkeypatch):
    monkeypatch.setattr(engine._token2wav.dit, "codes", 30)
    engine.type(1, "How are you?")
    chunks = answer(engine, 1)
    known = [code for code in engine.last.codes if code < 30]
    assert engine.last.dropped == len(engine.last.codes) - len(known) > 0
    assert sum(len(chunk.pcm) for chunk in chunks) == 480 * len(known)


def test_a_text_only_reply_has_the_words_and_no_sound(engine, checkpoint, config):
    engine.type(1, "How are you?")
    spoken = text(answer(engine, 1))
    silent = LocalEngine(checkpoint, replace(config, text_only=True))
    silent.type(1, "How are you?")
    chunks = answer(silent, 1)
    assert text(chunks) == spoken and not any(len(chunk.pcm) for chunk in chunks)


# --- judging turns -----------------------------------------------------------------------------


@pytest.fixture
def judge(engine, ended, config) -> LocalEngine:
    """An engine whose first token to "How are you?" is the closing one: an unfinished turn."""
    engine.type(1, "How are you?")
    answer(engine, 1)
    checkpoint = ended(text=engine.last.text_ids[0])
    settings = replace(checkpoint.settings, unfinished_share=0.5)
    judge = LocalEngine(replace(checkpoint, settings=settings), config)
    judge.type(1, "How are you?")
    return judge


def test_an_unfinished_turn_is_answered_with_nothing(judge):
    chunks = answer(judge, 1, certain=False)
    assert text(chunks) == "" and chunks[-1].final and not any(len(c.pcm) for c in chunks)
    assert 0.0 < chunks[0].complete < 1.0
    judge.type(1, "I mean,")
    answer(judge, 1, certain=False)
    assert judge._chat.tokenizer.decode(judge.last.prompt_ids).count("assistant") == 1


def test_how_seldom_unfinished_turns_were_in_training_is_reckoned_with(judge, config):
    as_trained = answer(judge, 1, certain=False)[0].complete
    settings = replace(judge.checkpoint.settings, unfinished_share=0.1)
    rarely = LocalEngine(replace(judge.checkpoint, settings=settings), config)
    rarely.type(1, "How are you?")
    complete = answer(rarely, 1, certain=False)[0].complete
    odds = [(1 - p) / p for p in (as_trained, complete)]
    assert odds[1] == pytest.approx(9 * odds[0], rel=1e-3)


def test_a_finished_turn_is_always_answered(judge):
    assert text(answer(judge, 1, certain=True))


def test_who_cannot_judge_does_not(engine):
    engine.type(1, "How are you?")
    assert all(chunk.complete is None for chunk in answer(engine, 1, certain=False))


# --- the end of memory -------------------------------------------------------------------------


def test_the_oldest_turns_leave_and_the_system_prompt_stays(checkpoint, config):
    told: list[str] = []
    engine = LocalEngine(checkpoint, replace(config, context_tokens=90 + REPLY), told.append)
    for turn in range(1, 6):
        engine.type(turn, f"one two three {turn}")
        answer(engine, turn)
        assert len(engine.last.prompt_ids) <= 90
    history = engine._chat.tokenizer.decode(engine.last.prompt_ids)
    assert "You are Tiny." in history and "three 5" in history and "three 1" not in history
    assert told and "90" in told[0]
    agrees(engine)


def test_one_turn_longer_than_memory_is_refused(checkpoint, config):
    engine = LocalEngine(checkpoint, replace(config, context_tokens=80))
    engine.type(1, "one two three " * 40)
    with pytest.raises(UserError, match=f"{80 - REPLY} tokens"):
        answer(engine, 1)


def test_a_talk_at_its_limit_has_room_for_a_reply(config, monkeypatch):
    """A cache that had to grow for it would lose its captured steps."""
    prepare = LocalEngine._prepare
    monkeypatch.setattr(LocalEngine, "_prepare", lambda engine, capacity: prepare(engine, 512))
    engine = LocalEngine(load(config), replace(config, context_tokens=512))
    for turn in (1, 2):
        engine.type(turn, "one two three " * 39)
        answer(engine, turn)
    assert len(engine.last.prompt_ids) < 300, "both turns would fit, but not with the reply"
    for part in (engine._thinker, engine._talker):
        assert part.decoder.capacity == part.decoder.cache.capacity


def test_a_gpu_that_holds_no_talk_at_all_is_said_and_survived(engine, monkeypatch):
    def full(prompt):
        raise torch.cuda.OutOfMemoryError("full")

    engine.type(1, "How are you?")
    with monkeypatch.context() as patched, pytest.raises(UserError, match="--model"):
        patched.setattr(engine._memory, "read", full)
        answer(engine, 1)
    engine.type(1, "one two three " * 100)
    answer(engine, 1)
    agrees(engine)


def test_a_model_too_large_to_be_warmed_up_names_the_way_out(engine, monkeypatch):
    def full(prompt):
        raise torch.cuda.OutOfMemoryError("full")

    monkeypatch.setattr(engine._memory, "read", full)
    with pytest.raises(UserError, match="--model"):
        engine.warm_up()


def test_a_full_gpu_shrinks_the_talk_and_it_goes_on(engine, checkpoint, config, monkeypatch):
    told: list[str] = []
    engine = LocalEngine(checkpoint, config, told.append)
    for turn in range(1, 5):
        engine.type(turn, f"one two three {turn}")
        answer(engine, turn)
    long = len(engine.last.prompt_ids)
    monkeypatch.setattr(context, "_LEAST", 20)
    faults = iter([torch.cuda.OutOfMemoryError("full")])
    read = engine._memory.read

    def full_once(prompt):
        if fault := next(faults, None):
            raise fault
        return read(prompt)

    monkeypatch.setattr(engine._memory, "read", full_once)
    engine.type(5, "one two three 5")
    answer(engine, 5)
    assert len(engine.last.prompt_ids) < long and "out of GPU memory" in told[0]
    agrees(engine)


def test_a_gpu_that_fills_while_answering_is_said_and_survived(engine, monkeypatch):
    engine.type(1, "How are you?")
    answer(engine, 1)
    engine.type(2, "And you?")
    chunks = engine.reply(2)
    next(chunks)

    def full(*args):
        raise torch.cuda.OutOfMemoryError("full")

    with monkeypatch.context() as patched, pytest.raises(UserError, match="ask again"):
        patched.setattr(engine._talker, "read", full)
        list(chunks)
    engine.type(3, "And now?")
    answer(engine, 3)
    agrees(engine)


def test_warming_up_changes_nothing(engine, checkpoint, config):
    engine.warm_up()
    engine.type(1, "How are you?")
    answer(engine, 1)
    agrees(engine)


def test_a_rehearsal_leaves_no_trace(engine, speech):
    engine.rehearse()
    assert engine.last.codes == []
    say(engine, 1, speech(2.7))
    answer(engine, 1)
    agrees(engine, [speech(2.7)])


def test_an_unknown_voice_names_the_known_ones(checkpoint, config):
    with pytest.raises(UserError, match="Wren, Alder"):
        LocalEngine(checkpoint, replace(config, voice="Nobody"))
