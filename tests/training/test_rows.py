"""Rows are the prompts of the released chat template, and teach the replies and nothing else."""

import random
from pathlib import Path

import pytest
import torch

from voicechat.training import rows
from voicechat.training.domain import Turn
from voicechat.training.rows import IGNORE, Row, Scribe
from voicechat.training.tokenizer import train_tokenizer

COUNT = Turn("count to four", "One, two, three, four.")


@pytest.fixture(scope="module")
def scribe(tmp_path_factory: pytest.TempPathFactory) -> Scribe:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    return Scribe(train_tokenizer(folder, talks=200))


def text(scribe: Scribe, ids: list[int]) -> str:
    return scribe.tokenizer.decode(ids, skip_special_tokens=False)


def taught(scribe: Scribe, row: Row) -> str:
    assert all(label in (IGNORE, token) for label, token in zip(row.labels, row.ids, strict=True))
    return text(scribe, [label for label in row.labels if label != IGNORE])


def test_a_row_is_the_prompt_and_teaches_the_reply(scribe: Scribe) -> None:
    row = scribe.start()
    scribe.typed(row, COUNT)
    scribe.spoken(row, Turn("thank you", "You are welcome."), torch.zeros(2, 8))
    assert text(scribe, row.ids) == (
        "<|im_start|>system\nYou are Pocket, a small voice assistant.<|im_end|>\n"
        "<|im_start|>user\ncount to four<|im_end|>\n"
        "<|im_start|>assistant\nOne, two, three, four.<|im_end|>\n"
        "<|im_start|>user\n<|audio_bos|><|AUDIO|><|AUDIO|><|audio_eos|><|im_end|>\n"
        "<|im_start|>assistant\nYou are welcome.<|im_end|>\n"
    )
    assert taught(scribe, row) == "One, two, three, four.<|im_end|>You are welcome.<|im_end|>"
    spoken = [token for token, vector in zip(row.ids, row.spoken, strict=True) if vector]
    assert spoken == [scribe.audio] * 2
    begin, end = row.replies[-1]
    assert text(scribe, row.ids[begin:end]) == "You are welcome.<|im_end|>"


def test_a_cut_reply_teaches_what_was_heard_and_behind_its_end_what_was_not(
    scribe: Scribe,
) -> None:
    row = scribe.start()
    scribe.typed(row, Turn(COUNT.user, COUNT.reply, heard="One, two"))
    assert text(scribe, row.ids).endswith("assistant\nOne, two<|im_end|>\n")
    learned = [label for label in row.labels if label != IGNORE]
    heard = scribe.ids("One, two")
    assert learned[:-1] == heard
    assert learned[-1] == row.labels[-1] == scribe.ids(COUNT.reply)[len(heard) + 1] != row.ids[-1]
    assert len(row.weights) == len(learned)
    assert not row.replies


@pytest.mark.parametrize(
    ("begins", "reply"), [("", "One, two. Three."), ("...", "... two, three. No.")]
)
def test_where_a_reply_is_decided_counts_most(scribe: Scribe, begins: str, reply: str) -> None:
    row = scribe.start()
    if begins:
        scribe.typed(row, Turn(COUNT.user, COUNT.reply, "One"))
    before = len(row.weights)
    scribe.typed(row, Turn(COUNT.user, reply))
    full = [scribe.tokenizer.id_to_token(label) for label in row.labels if label != IGNORE]
    full, weights = full[before:], row.weights[before:]
    decisive = [t for t, weight in zip(full, weights, strict=True) if weight >= 1]
    dots = len(scribe.ids(begins))
    assert decisive == [*full[: dots + 2], ".", ".", "<|im_end|>"]
    goes_on = [t for t, weight in zip(full, weights, strict=True) if weight == rows.GOING_ON]
    assert goes_on == full[dots : dots + 1] * (dots > 0)
    opens = [t for t, weight in zip(full, weights, strict=True) if weight == rows.OPENING]
    assert opens == full[dots + (dots > 0) : dots + 2]
    others = {weight for weight in weights if weight < 1}
    assert others <= {len(full) ** -0.5}


def test_a_drill_teaches_what_stood_before_it(scribe: Scribe) -> None:
    row = scribe.start()
    scribe.drill(row, random.Random(0))
    assert not row.foreseen
    learned = [label for label in row.labels if label != IGNORE]
    start = len(row.ids) - row.labels[::-1].index(learned[-1]) - len(learned)
    before = row.ids[: start - len(scribe.ids("<|im_end|>\n<|im_start|>assistant\n"))]
    assert before[-len(learned) + 1 :] == learned[:-1] and learned[-1] == scribe.end


def test_a_drill_that_is_cut_teaches_to_go_on_where_it_broke_off(scribe: Scribe) -> None:
    row = scribe.start()
    scribe.drill(row, random.Random(1))
    [foreseen] = row.foreseen
    dots, start = scribe.ids("..."), len(scribe.ids("<|im_start|>user\n"))
    begin = len(scribe.start().ids) + start
    drawn = row.ids[begin : row.ids.index(scribe.end, begin)]
    behind = [label for label in row.labels[foreseen + 1 :] if label != IGNORE]
    assert behind[: len(dots)] == dots and behind[-1] == scribe.end
    rest = behind[len(dots) : -1]
    assert 0 < len(rest) < len(drawn) and drawn[-len(rest) :] == rest
    assert row.labels[foreseen] == rest[0]
    [(here, there)] = row.resumed
    assert row.labels[here + 1] == rest[0] and row.ids[here] == dots[-1]
    assert row.ids[there] == scribe.end and there == foreseen - 1
    heard = [label for label in row.labels[:foreseen] if label != IGNORE]
    assert heard + rest == drawn


def test_an_unfinished_turn_teaches_to_say_nothing(scribe: Scribe) -> None:
    row = scribe.start()
    scribe.typed(row, Turn("what is the capital of", ""))
    assert taught(scribe, row) == "<|im_end|>"


def test_without_its_blanks_doubles_and_errors_a_spelled_turn_is_the_typed_one(
    scribe: Scribe,
) -> None:
    spelled, typed = scribe.start(), scribe.start()
    scribe.spelled(spelled, COUNT, random.Random(3), errors=0.0)
    scribe.typed(typed, COUNT)
    marks = {scribe.audio, scribe.audio_bos, scribe.audio_eos}
    merged = [
        token for i, token in enumerate(spelled.ids)
        if token not in marks and (i == 0 or token != spelled.ids[i - 1])
    ]  # fmt: skip
    assert merged == typed.ids
    assert scribe.audio in spelled.ids and not any(spelled.spoken)


def test_errors_never_write_a_special_token(scribe: Scribe) -> None:
    row = scribe.start()
    scribe.spelled(row, Turn("one two three " * 100, "Yes."), random.Random(0), errors=1.0)
    inner = row.ids[row.ids.index(scribe.audio_bos) + 1 : row.ids.index(scribe.audio_eos)]
    assert all(token == scribe.audio or token >= scribe.specials for token in inner)


@pytest.mark.parametrize("seed", range(30))
def test_nothing_follows_an_unfinished_turn_or_precedes_a_leaning_one(seed: int) -> None:
    talks = rows.draw_talks(random.Random(seed), 4)
    last = talks[-1].kind
    assert sum(len(talk.turns) for talk in talks) >= 4 or last == "unfinished"
    assert all(talk.kind != "unfinished" for talk in talks[:-1])
    assert sum(talk.kind in ("tell", "memory") for talk in talks) <= 1
    lonely = ("repeat", "resume", "memory")
    assert all(len(talk.turns) > 1 for talk in talks[1:] if talk.kind in lonely)
