"""What was recorded is what happened, also after a crash or on a full disk."""

from __future__ import annotations

import json
import resource
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import LONG_REPLY, Loud, Talk, config, core, mic, talk

from voicechat.conversation.core import Core
from voicechat.errors import UserError
from voicechat.events import Key, Typed
from voicechat.recording import format, reader
from voicechat.recording.reader import Recording, read
from voicechat.recording.remembered import RememberedEcho
from voicechat.recording.writer import WAVS, Recorder

LONG = mic(0.5, 1.5, 1.7, 2, 6)  # a question, an interruption
KEYS = {600: Typed("naïve?"), 640: Key.ESCAPE}


def record(folder: Path, pcm: np.ndarray = LONG) -> Talk:
    with Recorder(folder, config()) as recorder:
        return talk(pcm, [LONG_REPLY, "yes."], keys=KEYS, also=recorder)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session") / "new"
    record(folder)
    return folder


def replayed(recording: Recording) -> list[format.Line]:
    again = Core(recording.config, Loud(), RememberedEcho(recording.clean))
    return [
        format.action_line(tick.n, action)
        for tick in recording.ticks
        for action in again.advance(tick).actions
    ]


def test_a_recording_gives_back_every_tick(tmp_path: Path) -> None:
    played = record(tmp_path / "s")
    recording = read(tmp_path / "s")
    assert recording.config == config() and recording.header["versions"]["voicechat"]
    assert recording.events == [event.line() for event in played.events]
    assert len(recording.ticks) == len(played.ticks)
    for ours, theirs in zip(played.ticks, recording.ticks, strict=True):
        assert format.tick_line(ours) == format.tick_line(theirs)
        np.testing.assert_array_equal(ours.mic, theirs.mic)
        np.testing.assert_array_equal(ours.heard, theirs.heard)
        for mine, read_back in zip(ours.chunks, theirs.chunks, strict=True):
            np.testing.assert_array_equal(mine.pcm, read_back.pcm)


def test_the_core_folded_over_a_recording_orders_the_same(recorded: Path) -> None:
    recording = read(recorded)
    assert replayed(recording) == recording.actions
    assert {line["action"] for line in recording.actions} >= {"Feed", "Play", "Flush", "Truncate"}


def test_another_setting_orders_otherwise(recorded: Path) -> None:
    recording = read(recorded)
    other = core(config("turns.soft_end_ms=200"))
    actions = [
        format.action_line(tick.n, action)
        for tick in recording.ticks[:120]
        for action in other.advance(tick).actions
    ]
    assert actions != [line for line in recording.actions if line["n"] < 120]


def test_the_wavs_are_ordinary_ones(recorded: Path) -> None:
    for name, rate in WAVS.items():
        with wave.open(str(recorded / name)) as file:
            assert file.getframerate() == rate
            assert file.getnframes() == len(reader.sound(recorded / name)) > 0


@settings(max_examples=12)
@given(cuts=st.lists(st.floats(0, 1), min_size=7, max_size=7))
def test_a_crash_at_any_point_leaves_a_readable_beginning(
    recorded: Path, tmp_path_factory: pytest.TempPathFactory, cuts: list[float]
) -> None:
    """Each file is cut anywhere, as if the disk had not got to the rest; sound goes first."""
    left = tmp_path_factory.mktemp("crashed")
    names = (
        format.MIC, format.CLEAN, format.HEARD, format.REPLIES, format.ACTIONS, format.EVENTS,
        format.TICKS,
    )  # fmt: skip
    for name in (format.HEADER, format.CONFIG):
        (left / name).write_bytes((recorded / name).read_bytes())
    for name, cut in zip(names, sorted(cuts, reverse=True), strict=True):
        data = (recorded / name).read_bytes()
        (left / name).write_bytes(data[: max(44, int(cut * len(data)))])
    beginning = read(left)
    whole = read(recorded)
    assert len(beginning.ticks) <= len(whole.ticks)
    actions = replayed(beginning)
    assert actions[: len(beginning.actions)] == beginning.actions


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """A file may grow no further: to a program the same as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_the_recording_and_not_the_talk(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", config())
    with file_limit(200_000):
        played = talk(LONG, [LONG_REPLY, "yes."], also=recorder)
        recorder.close()
    assert played.kinds("device")[-1] == "reply_end"
    messages = [e.detail["message"] for e in played.events if e.event == "device"]
    assert [*messages, recorder.take_message()][0].startswith("the recording stopped: ")
    beginning = read(tmp_path / "s")
    assert 0 < len(beginning.ticks) < len(played.ticks)
    assert replayed(beginning) == beginning.actions


def test_a_session_is_never_written_over(recorded: Path) -> None:
    with pytest.raises(UserError, match="holds session.json already"):
        Recorder(recorded, config())


@pytest.mark.parametrize("name", [format.CONFIG, format.MIC, format.EVENTS])
def test_nor_is_a_file_of_the_users_own(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserError, match=f"holds {name} already"):
        Recorder(tmp_path, config())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


@pytest.mark.parametrize(
    ("header", "says"),
    [(None, "holds no recorded session"), ("{", "not the header"), ('{"format": 9}', "reads 2")],
)
def test_what_is_no_session_is_refused_in_one_line(
    tmp_path: Path, header: str | None, says: str
) -> None:
    if header:
        (tmp_path / format.HEADER).write_text(header)
    with pytest.raises(UserError, match=says):
        read(tmp_path)


@settings(max_examples=30)
@given(name=st.sampled_from([format.TICKS, format.ACTIONS, format.EVENTS]), data=st.data())
def test_damaged_lines_are_refused_or_left_out(
    recorded: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    copy = tmp_path_factory.mktemp("damaged")
    for path in recorded.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    lines = (copy / name).read_text().splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    junk = st.one_of(st.text(max_size=20), st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["n", "heard", "played", "chunks", "keys", "turn"]), inner),
    ).map(json.dumps))  # fmt: skip
    lines[at] = data.draw(junk)
    (copy / name).write_text("\n".join(lines) + "\n")
    try:
        read(copy)
    except UserError as fault:
        assert "\n" not in str(fault)
