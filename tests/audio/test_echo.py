"""Echo: the assistant's own voice is taken out, and the user's is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from voicechat.audio.calibration import EchoPath, choose_echo, find_echo, load, save, sweep
from voicechat.audio.echo import Canceller, Echo, Gate, Half, Headset, make_echo
from voicechat.audio.levels import dbfs
from voicechat.audio.wav import read_wav
from voicechat.clock import CODE, FRAME, MIC_RATE, SPEAKER_RATE
from voicechat.errors import UserError
from voicechat.evaluation import sound
from voicechat.turns.detector import Silero

DATA = Path(__file__).parents[1] / "data"
SILENT = np.zeros(0, dtype=np.int16)


def far_end() -> np.ndarray:
    """What the assistant says: `[samples]` int16, 24 kHz, about 5 s."""
    words = [read_wav(DATA / name, SPEAKER_RATE) for name in ("day.wav", "sum.wav")]
    return np.concatenate(words)


def echo_of(played: np.ndarray, delay_ms: int, loss_db: float) -> np.ndarray:
    """What a microphone hears of it in a small room: `[samples]` int16, 16 kHz."""
    return np.rint(sound.echo_of(played, delay_ms, loss_db)).astype(np.int16)


def blocks_of(played: np.ndarray, ticks: int, late: float) -> list[np.ndarray]:
    """What the DAC took in each tick; with probability `late` a block comes with the next one."""
    random = np.random.default_rng(5)
    ends = CODE * np.arange(1, ticks + 1) - CODE * (random.random(ticks) < late)
    return np.split(played, np.maximum.accumulate(ends))[:ticks]


def process(echo: Echo, mic: np.ndarray, heard: list[np.ndarray]) -> np.ndarray:
    frames = mic[: len(heard) * FRAME].reshape(-1, FRAME)
    return np.concatenate([echo.process(*pair) for pair in zip(frames, heard, strict=True)])


@pytest.mark.parametrize(
    ("delay_ms", "loss_db", "late"),
    [(20, 6, 0), (80, 12, 0.5), (200, 20, 0), (400, 12, 0.5)],
)
def test_the_canceller_removes_the_echo(delay_ms: int, loss_db: float, late: float) -> None:
    played = far_end()
    mic = echo_of(played, delay_ms, loss_db)
    out = process(Canceller(), mic, blocks_of(played, len(mic) // FRAME, late))
    later = slice(2 * MIC_RATE, len(out))
    assert dbfs(mic[later]) - dbfs(out[later]) > 15


@pytest.mark.parametrize("make", [Canceller, Gate, Half])
def test_the_user_is_heard_as_is_while_the_assistant_is_silent(make: type[Echo]) -> None:
    user = read_wav(DATA / "question.wav")
    out = process(make(), user, [np.zeros(CODE, np.int16)] * (len(user) // FRAME))
    assert abs(dbfs(out) - dbfs(user)) < 1


def voiced(pcm: np.ndarray) -> np.ndarray:
    silero = Silero()
    frames = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    return np.array([silero.probability(frame) > 0.5 for frame in frames])


def test_with_the_canceller_only_the_user_is_taken_for_speech() -> None:
    played = far_end()
    echo, user = echo_of(played, 80, 12), read_wav(DATA / "question.wav")
    start = 5 * MIC_RATE // 2
    mic = echo.copy()
    mic[start : start + len(user)] += user
    out = process(Canceller(), mic, blocks_of(played, len(mic) // FRAME, 0))
    before, during = slice(0, start // FRAME), slice(start // FRAME, (start + len(user)) // FRAME)
    assert voiced(mic)[before].mean() > 0.3, "without it, the assistant interrupts itself"
    assert not voiced(out)[before].any()
    alone = voiced(user)
    assert voiced(out)[during][: len(alone)][alone].mean() > 0.8


@pytest.mark.parametrize("noise_rms", [0, 10, 100])
@pytest.mark.parametrize("begins_s", [2.0, 3.5])
def test_who_interrupts_is_whole_behind_the_canceller_where_no_echo_comes(
    begins_s: float, noise_rms: float
) -> None:
    played, user = far_end(), read_wav(DATA / "question.wav")
    begin, end = round(begins_s * MIC_RATE), round((begins_s + 0.4) * MIC_RATE)
    samples = len(played) * MIC_RATE // SPEAKER_RATE
    mic = np.rint(noise_rms * np.random.default_rng(0).standard_normal(samples)).astype(np.int16)
    mic[begin:end] += user[np.flatnonzero(np.abs(user) > 1000)[0] :][: end - begin]
    out = process(Canceller(), mic, blocks_of(played, len(mic) // FRAME, 0))
    np.testing.assert_array_equal(out[begin:end], mic[begin:end])


def test_an_echo_that_comes_late_is_removed_all_the_same() -> None:
    played = np.concatenate([far_end()] * 3)
    mic = echo_of(played, 80, 12)
    begin = len(mic) // 3
    mic[:begin] = 0
    out = process(Canceller(), mic, blocks_of(played, len(mic) // FRAME, 0))
    later = slice(begin + MIC_RATE, len(out))
    assert dbfs(mic[later]) - dbfs(out[later]) > 15


def test_the_canceller_is_repeatable() -> None:
    played = far_end()[:SPEAKER_RATE]
    mic = echo_of(played, 80, 12)
    heard = blocks_of(played, len(mic) // FRAME, 0.3)
    first, second = (process(Canceller(), mic, heard) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("loss_db", [6, 20, 30])
def test_the_gate_learns_the_loss_and_opens_for_a_user_as_loud_as_the_echo(loss_db: float) -> None:
    played = far_end()
    mic, user = echo_of(played, 80, loss_db), read_wav(DATA / "question.wav")
    heard = blocks_of(played, len(mic) // FRAME, 0)
    assert not sound.starts(voiced(process(Gate(), mic, heard)).astype(float))
    gain = 10 ** ((dbfs(mic) + 3 - dbfs(user)) / 20)
    start = 5 * MIC_RATE // 2
    mic[start : start + len(user)] += np.rint(gain * user).astype(np.int16)
    (first, *_) = sound.starts(voiced(process(Gate(), mic, heard)).astype(float))
    assert first >= start // FRAME


def test_half_duplex_is_deaf_until_the_echo_has_gone() -> None:
    half, loud = Half(), np.full(FRAME, 9000, np.int16)
    assert half.process(loud, SILENT).any()
    assert not half.process(loud, np.full(CODE, 9000, np.int16)).any()
    deaf = [not half.process(loud, SILENT).any() for _ in range(30)]
    assert deaf == [True] * 19 + [False] * 11, "400 ms, less the tick that began it"


@pytest.mark.parametrize("mode", ["headset", "aec", "gate", "half"])
def test_each_mode_keeps_the_shape(mode: str) -> None:
    echo = make_echo(mode)
    for samples in (0, 480, 960, 123):
        out = echo.process(np.ones(FRAME, np.int16), np.ones(samples, np.int16))
        assert (out.shape, out.dtype) == ((FRAME,), np.int16)


@pytest.mark.parametrize(("delay_ms", "loss_db"), [(20, 6), (150, 20), (420, 35)])
def test_the_sweep_finds_delay_and_loss(delay_ms: int, loss_db: float) -> None:
    played = np.concatenate((sweep(), np.zeros(SPEAKER_RATE, np.int16)))
    found = find_echo(echo_of(played, delay_ms, loss_db), sweep())
    assert found is not None
    assert found[0] == pytest.approx(delay_ms, abs=2)
    assert found[1] == pytest.approx(loss_db, abs=4)


def test_noise_is_no_echo() -> None:
    noise = (3000 * np.random.default_rng(0).standard_normal(2 * MIC_RATE)).astype(np.int16)
    assert find_echo(noise, sweep()) is None
    assert find_echo(np.zeros_like(noise), sweep()) is None


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        (EchoPath("mic", "out"), "aec"),
        (EchoPath("mic", "out", 60, 65, 3), "aec"),
        (EchoPath("mic", "out", 60, 40, None), "aec"),  # too soft to measure
        (EchoPath("mic", "out", 60, 12, 30), "aec"),
        (EchoPath("mic", "out", 600, 12, 30), "gate"),
        (EchoPath("mic", "out", 60, 12, 5), "gate"),
    ],
)
def test_auto_decides_by_what_was_measured(tmp_path: Path, path: EchoPath, mode: str) -> None:
    file = tmp_path / "echo.json"
    save(EchoPath("mic", "out", 1, 1, 1), file)
    save(EchoPath("other", "out", 60, 12, 5), file)
    save(path, file)
    assert len(load(file)) == 2, "an older measurement is replaced"
    assert choose_echo("auto", "mic", "out", file) == mode
    assert choose_echo("auto", "unknown", "out", file) == "aec"
    assert choose_echo("half", "mic", "out", file) == "half"


def test_a_broken_measurement_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "echo.json"
    for text in ("{", '[{"inputt": 1}]', "3"):
        file.write_text(text)
        with pytest.raises(UserError, match="echo.json.*doctor"):
            choose_echo("auto", "mic", "out", file)


def test_a_measurement_that_cannot_be_kept_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="echo.json: cannot be written") as fault:
        save(EchoPath("mic", "out"), tmp_path / "file" / "echo.json")
    assert "\n" not in str(fault.value)


def test_a_headset_changes_nothing() -> None:
    frame = np.arange(FRAME, dtype=np.int16)
    assert Headset().process(frame, SILENT) is frame
