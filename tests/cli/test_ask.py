"""`ask` on a tiny checkpoint: what is written, what is logged, and what is refused."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.engine import tiny
from voicechat.cli import main
from voicechat.clock import CODE
from voicechat.engine.finder import POCKET

DATA = Path(__file__).parents[1] / "data"
QUESTION = str(DATA / "question.wav")
MAIN = Path(__file__).parents[2] / "main.py"
SHORT = [
    *("--greedy", "--set", "model.settings.thinker.max_new_tokens=4"),
    *("--set", "model.settings.talker.max_new_tokens=40"),
    *("--set", "model.settings.token2wav.num_steps=2"),
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.save(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def events(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.skipif(not (POCKET / "config.json").exists(), reason="pocket is not bundled yet")
def test_pocket_answers_the_question_that_comes_with_it(
    inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", QUESTION, "--out", "reply.wav", "--model", "pocket", "--greedy"]) == 0
    assert "The capital of France is Paris." in capsys.readouterr().out


@pytest.mark.skipif(not (POCKET / "config.json").exists(), reason="pocket is not bundled yet")
def test_a_pipe_gets_no_bars_and_no_warnings() -> None:
    question = ["--text", "hello", "--text-only", "--model", "pocket"]
    done = subprocess.run(
        [sys.executable, MAIN, "ask", *question], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"loading pocket .*\n\(text after .* s\)\n", done.stderr), done.stderr


def test_one_question_gives_words_a_wav_and_a_log(
    checkpoint: str, inside: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--out", "reply.wav", "--events", "e.jsonl", "--model", checkpoint, *SHORT]
    assert main(["ask", QUESTION, *flags]) == 0
    log = events(inside / "e.jsonl")
    assert [line["event"] for line in log[:1] + log[-1:]] == ["turn_end", "done"]
    times = [line["t_s"] for line in log]
    assert times == sorted(times) and times[0] == 0.0
    done, audio = log[-1], [line for line in log if line["event"] == "audio"]
    said = "".join(line["text"] for line in log if line["event"] == "text")
    assert said == done["text"] and done["text"] in capsys.readouterr().out
    edges = [0, *(line["to_code"] for line in audio)]
    assert [line["from_code"] for line in audio] == edges[:-1]
    assert edges[-1] == len(done["codes"]) - done["dropped"]
    samples, rate = soundfile.read(inside / "reply.wav", dtype="int16")
    assert rate == 24_000 and len(samples) == sum(line["samples"] for line in audio)
    assert len(samples) == CODE * edges[-1]
    assert {"prompt_ids", "text_ids", "stages_s"} <= done.keys()


def test_several_questions_are_one_talk_with_a_folder_of_answers(
    checkpoint: str, inside: Path
) -> None:
    wavs = [str(DATA / name) for name in ("greeting.wav", "colour.wav")]
    flags = ["--out", "answers", "--events", "e.jsonl", "--model", checkpoint, *SHORT]
    assert main(["ask", *wavs, *flags]) == 0
    names = sorted(path.name for path in (inside / "answers").iterdir())
    assert names == ["01-greeting.wav", "02-colour.wav"]
    first, second = (line for line in events(inside / "e.jsonl") if line["event"] == "done")
    told = len(first["prompt_ids"]) + len(first["text_ids"])
    assert (first["turn"], second["turn"]) == (1, 2)
    assert second["prompt_ids"][: len(first["prompt_ids"])] == first["prompt_ids"]
    assert len(second["prompt_ids"]) > told


def test_a_typed_question_needs_no_wav(checkpoint: str, inside: Path) -> None:
    flags = ["--text-only", "--events", "e.jsonl", "--out", "none.wav", "--model", checkpoint]
    assert main(["ask", "--text", "hello", *flags, *SHORT]) == 0
    done = events(inside / "e.jsonl")[-1]
    assert done["codes"] == [] and done["text"]
    assert not (inside / "none.wav").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to ask"),
        (["missing.wav"], "missing.wav: no such file"),
        (["nan.wav"], "no numbers"),
        (["--text", "hi", "--image", "missing.png"], "missing.png: no such file"),
        (["--text", "hi", "--out", "no/where.wav"], "no folder"),
        (["--text", "hi", "--out", "empty"], "is a folder"),
        (["--text", "hi", "--model", "empty"], "is no checkpoint"),
        (["--text", "hi", "--model", "scripted"], "name a model"),
        ([QUESTION, QUESTION, "--out", "answers", "--model", "empty"], "is no checkpoint"),
        ([QUESTION, QUESTION, "--out", "nan.wav"], "no folder"),
        (["--text", "hi", "--image", "nan.txt"], "not a kind of file"),
        (["--text", "hi", "--voice", "Nobody"], "unknown voice 'Nobody'"),
        (["--text", "hi", "--set", "model.sed=1"], "unknown key 'sed'"),
    ],
)
def test_a_fault_of_the_user_is_one_line_and_leaves_no_file(
    checkpoint: str,
    inside: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    soundfile.write(inside / "nan.wav", np.full(99, np.nan), 16_000, subtype="FLOAT")
    (inside / "nan.txt").write_text("no picture")
    (inside / "empty").mkdir()
    before = sorted(inside.iterdir())
    model = [] if "--model" in arguments else ["--model", checkpoint]
    outs = [] if "--out" in arguments else ["--out", "reply.wav"]
    assert main(["ask", *arguments, *model, *outs, "--events", "e.jsonl"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert said in lines[-1] and lines[-1].startswith("voicechat: ")
    assert sorted(inside.iterdir()) == before


@pytest.mark.parametrize("kind", ["log", "link"])
def test_a_fault_of_the_user_takes_no_older_log_away(
    checkpoint: str, inside: Path, kind: str
) -> None:
    (inside / "older.jsonl").write_text("older\n")
    if kind == "link":
        (inside / "e.jsonl").symlink_to("older.jsonl")
    else:
        (inside / "e.jsonl").write_text("older\n")
    (inside / "notes.txt").write_text("no picture")
    flags = ["--text", "hi", "--events", "e.jsonl"]
    assert main(["ask", *flags, "--model", "missing"]) == 2
    assert (inside / "e.jsonl").read_text() == "older\n", "no model, no talk to be logged"
    assert main(["ask", *flags, "--model", checkpoint, "--image", "notes.txt"]) == 2
    assert (inside / "e.jsonl").is_symlink() == (kind == "link") and (inside / "e.jsonl").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_an_answer_goes_through_a_pipe(checkpoint: str, inside: Path) -> None:
    os.mkfifo(inside / "pipe")
    with ThreadPoolExecutor(1) as reader:
        read = reader.submit((inside / "pipe").read_bytes)
        assert main(["ask", "--text", "hello", "--out", "pipe", "--model", checkpoint, *SHORT]) == 0
        samples, rate = soundfile.read(io.BytesIO(read.result(60)))
    assert rate == 24_000 and len(samples) and (inside / "pipe").is_fifo()
