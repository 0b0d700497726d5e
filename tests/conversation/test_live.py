"""The program itself, as a user runs it, on a real sound card (a virtual one of pulseaudio).

Nothing is faked below the microphone: PortAudio's streams, Silero, the threads, the recorder. The
engine is the scripted one, or pocket where it is bundled.
"""

from __future__ import annotations

import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from virtual_audio import VirtualCard

from voicechat.audio.wav import read_wav
from voicechat.clock import CODE, MIC_RATE, SPEAKER_RATE
from voicechat.engine.scripted import speak
from voicechat.recording.reader import read, sound

ROOT = Path(__file__).parents[2]
QUESTION = read_wav(ROOT / "tests" / "data" / "question.wav")
POCKET = ROOT / "voicechat" / "assets" / "pocket" / "config.json"
FIRST_REPLY = "This is a voice of tones."  # of `--model scripted`
FADE = 360
TAKEN = 2 * CODE  # what the device may take between the cutting of a tick and the flush
SLOW_S = 60.0  # a machine may be busy


class Program:
    """`main.py --plain` while it runs."""

    def __init__(self, card: VirtualCard, *flags: str) -> None:
        command = [sys.executable, str(ROOT / "main.py"), "--plain", *flags]
        self._process = subprocess.Popen(
            command, env=card.env, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str) -> float:
        """The time of the next line that matches, in seconds of the session (0 without one)."""
        until = time.monotonic() + SLOW_S
        while time.monotonic() < until:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                assert self._process.poll() is None, "\n".join(self.said)
                continue
            self.said.append(line)
            if re.search(pattern, line):
                at = re.match(r" *([\d.]+) s", line)
                return float(at[1]) if at else 0.0
        raise AssertionError(f"no line with {pattern!r}:\n" + "\n".join(self.said))

    def leave(self) -> int:
        """Ctrl-C, twice."""
        for _ in range(2):
            self._process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        return self._process.wait(20)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))


@contextmanager
def running(card: VirtualCard, *flags: str) -> Iterator[Program]:
    program = Program(card, *flags)
    try:
        program.wait_for("listens")
        yield program
    finally:
        program.kill()


def say(card: VirtualCard, pcm: np.ndarray = QUESTION) -> None:
    card.say(pcm, MIC_RATE)


def likeness(sound: np.ndarray, wanted: np.ndarray) -> float:
    """The correlation of `wanted` with the place of `sound` that is most like it, 0 to 1."""
    sound, wanted = sound.astype(np.float64), wanted.astype(np.float64)
    size = 1 << (len(sound) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size))
    best = int(np.argmax(np.fft.irfft(spectrum, size)[: len(sound)]))
    place = np.pad(sound, (0, len(wanted)))[best : best + len(wanted)]
    return float(place @ wanted / np.sqrt((place @ place) * (wanted @ wanted) + 1e-9))


def test_a_question_is_answered_interrupted_recorded_and_replayed(
    card: VirtualCard, tmp_path: Path
) -> None:
    session = tmp_path / "session"
    with running(
        card, "--model", "scripted", "--echo", "headset", "--record", str(session)
    ) as program:
        heard = card.listen(SPEAKER_RATE)
        say(card)
        program.wait_for("turn 1  reply end")
        answer = heard.stop()
        say(card)
        program.wait_for("turn 2  reply start")
        say(card)
        program.wait_for("turn 2  pause")
        program.wait_for("turn 2  cut  heard: It says")
        program.wait_for("turn 3  reply end")
        assert program.leave() == 0
    assert likeness(answer, speak(FIRST_REPLY)[1]) > 0.9
    recording = read(session)
    (pause,) = (event["n"] for event in recording.events if event["event"] == "pause")
    after = sum(tick.played for tick in recording.ticks[pause + 1 : pause + 30])
    assert after <= FADE + TAKEN
    replay = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "replay", str(session)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert replay.returncode == 0 and "the same" in replay.stdout, replay.stdout + replay.stderr


def test_the_assistants_own_voice_does_not_interrupt_it(card: VirtualCard) -> None:
    with (
        card.echo(delay_ms=80),
        running(card, "--model", "scripted", "--echo", "aec") as program,
    ):
        say(card)
        program.wait_for("turn 1  reply end")
        assert not [line for line in program.said if "pause" in line or "cut" in line]


def test_the_talk_goes_on_when_the_sound_card_was_pulled_out(card: VirtualCard) -> None:
    with running(card, "--model", "scripted", "--echo", "headset") as program:
        card.stop()
        program.wait_for("device")
        card.start()
        program.wait_for("device  back on")
        say(card)
        program.wait_for("turn 1  reply end")


@pytest.mark.skipif(not POCKET.exists(), reason="pocket is not bundled yet")
def test_a_spoken_question_reaches_pocket_and_its_answer_the_speaker(
    card: VirtualCard, tmp_path: Path
) -> None:
    """Whether it is the right one, `ask` tests: there the sound is the same each time."""
    session = tmp_path / "session"
    flags = ("--model", "pocket", "--echo", "headset", "--greedy", "--record", str(session))
    with running(card, *flags) as program:
        heard = card.listen(SPEAKER_RATE)
        say(card)
        program.wait_for("turn 1  turn end")
        program.wait_for("turn 1  reply start")
        program.wait_for("turn 1  reply end")
        answer = heard.stop()
        assert program.leave() == 0
    recording = read(session)
    (end,) = (event for event in recording.events if event["event"] == "reply_end")
    assert likeness(sound(session / "mic.wav"), QUESTION) > 0.9
    assert len(end["text"].split()) >= 2
    chunks = [chunk.pcm for tick in recording.ticks for chunk in tick.chunks]
    loudest = max(chunks, key=lambda pcm: float(np.abs(pcm.astype(float)).sum()))
    assert np.sum(np.abs(answer) > 500) > SPEAKER_RATE // 4
    assert likeness(answer, loudest) > 0.9  # one chunk: a busy machine may leave gaps between them
