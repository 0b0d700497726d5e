"""Real PortAudio streams over a virtual sound card."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from virtual_audio import VirtualCard

from voicechat.audio.devices import Devices, list_devices
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE
from voicechat.config import AudioConfig
from voicechat.errors import UserError


@pytest.fixture
def devices(card: VirtualCard) -> Iterator[Devices]:
    with Devices(AudioConfig()) as opened:
        read(opened, 0.3)  # a new stream's first 20 ms get lost in the sound server's own start
        opened.take_heard()
        yield opened


def tone(hertz: float, seconds: float, rate: int) -> np.ndarray:
    wave = np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)
    return (wave * 16_000).astype(np.int16)


def read(devices: Devices, seconds: float) -> np.ndarray:
    return np.concatenate([devices.read() for _ in range(int(seconds * MIC_RATE / FRAME))])


def sounding(pcm: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(pcm.astype(int)) > 500)
    return pcm[loud[0] : loud[-1] + 1] if len(loud) else pcm[:0]


def pitch(pcm: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * rate / len(pcm))


def test_a_tone_played_comes_out_of_the_speaker(card: VirtualCard, devices: Devices) -> None:
    ears = card.listen(SPEAKER_RATE)
    devices.play(tone(440, 1.0, SPEAKER_RATE))
    played = 0
    for _ in range(80):
        devices.read()
        played += devices.take_heard()[1]
    heard = sounding(ears.stop())
    assert played == SPEAKER_RATE
    assert len(heard) == pytest.approx(SPEAKER_RATE, abs=SPEAKER_RATE // 100)
    assert pitch(heard, SPEAKER_RATE) == pytest.approx(440, abs=2)


def test_what_is_said_arrives_without_a_gap(card: VirtualCard, devices: Devices) -> None:
    # A ramp of 1 Hz steps would hide a lost block; a chirp's phase does not.
    time_s = np.arange(MIC_RATE) / MIC_RATE
    chirp = (np.sin(2 * np.pi * (200 + 400 * time_s) * time_s) * 12_000).astype(np.int16)
    said = card.say(chirp, MIC_RATE)
    heard = read(devices, 2.0).astype(float)
    said.wait()
    spectrum = np.fft.rfft(heard, 2 * len(heard)) * np.conj(np.fft.rfft(chirp, 2 * len(heard)))
    start = int(np.argmax(np.fft.irfft(spectrum)))
    part = heard[start : start + len(chirp)]
    assert np.corrcoef(part, chirp)[0, 1] > 0.99


def test_a_flush_leaves_only_the_fade(card: VirtualCard, devices: Devices) -> None:
    ears = card.listen(SPEAKER_RATE)
    devices.play(tone(440, 3.0, SPEAKER_RATE))
    played = 0
    for tick in range(60):
        if tick == 25:
            held = devices.speaker.held
            devices.flush(360)
            held -= devices.speaker.held
        devices.read()
        played += devices.take_heard()[1]
    heard = sounding(ears.stop())
    assert devices.speaker.held == 0
    # The DAC may take a callback's worth, fade included, between two looks at what is held.
    assert 3 * SPEAKER_RATE == pytest.approx(played + held, abs=SPEAKER_RATE // 50)
    assert len(heard) == pytest.approx(played, abs=SPEAKER_RATE // 50)


def test_time_runs_at_the_microphones_pace(devices: Devices) -> None:
    devices.read()
    started = time.monotonic()
    read(devices, 1.0)
    assert time.monotonic() - started == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_a_device_that_refuses_our_rates_is_resampled(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    monkeypatch.setattr("voicechat.audio.devices.WANTED", {"input": rate, "output": rate})
    with Devices(AudioConfig()) as devices:
        assert (devices.input.rate, devices.output.rate) == (rate, rate)
        read(devices, 0.3)
        ears = card.listen(SPEAKER_RATE)
        said = card.say(tone(300, 0.8, MIC_RATE), MIC_RATE)
        devices.play(tone(440, 0.8, SPEAKER_RATE))
        heard_mic = sounding(read(devices, 1.6))
        played = devices.take_heard()[1]
        said.wait()
        heard = sounding(ears.stop())
    assert played == 0.8 * SPEAKER_RATE
    assert len(heard) == pytest.approx(0.8 * SPEAKER_RATE, rel=0.03)
    assert len(heard_mic) == pytest.approx(0.8 * MIC_RATE, rel=0.03)
    assert pitch(heard, SPEAKER_RATE) == pytest.approx(440, abs=3)
    assert pitch(heard_mic, MIC_RATE) == pytest.approx(300, abs=3)


def test_a_device_pulled_away_is_reopened_and_the_talk_goes_on(card: VirtualCard) -> None:
    with Devices(AudioConfig()) as devices:
        read(devices, 0.3)
        devices.take_message()
        devices.play(tone(440, 30, SPEAKER_RATE))
        try:
            card.stop()
            silent_from = time.monotonic()
            gap = read(devices, 1.0)
            assert time.monotonic() - silent_from == pytest.approx(1.0, abs=0.3)
            assert "gone" in devices.take_message()
            assert not gap[-MIC_RATE // 2 :].any()
        finally:
            card.start()
        back, played, messages = time.monotonic(), 0, devices.take_message()
        devices.take_heard()
        while played < 0.3 * SPEAKER_RATE:
            devices.read()
            played += devices.take_heard()[1]
            messages += devices.take_message()
            assert time.monotonic() - back < 2.3, "the rest of the reply does not go on"
        assert "back on default and default" in messages


def test_xruns_of_the_device_are_counted(devices: Devices) -> None:
    called = devices.speaker._take
    devices.speaker._take = lambda samples: time.sleep(0.15) or called(samples)
    read(devices, 1.0)
    assert devices.take_xruns() > 0


def test_a_device_that_stops_calling_back_is_reopened(devices: Devices) -> None:
    read(devices, 0.2)
    for stream in devices._streams:
        stream.stop()
    stopped = time.monotonic()
    while "back on" not in devices.take_message():
        devices.read()
        assert time.monotonic() - stopped < 2


@pytest.mark.parametrize("kind", ["input", "output"])
@pytest.mark.parametrize("name", ["no such thing", "99"])
def test_an_unknown_device_is_named_with_the_remedy(
    card: VirtualCard, kind: str, name: str
) -> None:
    with pytest.raises(UserError, match=f"--{kind} {name}: .*devices` lists them"):
        Devices(AudioConfig(**{kind: name}))


def test_a_named_device_that_is_gone_is_replaced_by_the_default(card: VirtualCard) -> None:
    with Devices(AudioConfig(input="pulse", output="pulse")) as devices:
        devices._names = {"input": "unplugged", "output": "pulse"}
        for stream in devices._streams:
            stream.stop()
        stopped, messages = time.monotonic(), ""
        while "back on" not in messages:
            devices.read()
            messages += devices.take_message()
            assert time.monotonic() - stopped < 3
        assert "back on default and default" in messages


def test_without_portaudio_one_line_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    listed = subprocess.run(
        [sys.executable, "main.py", "devices"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 2
    assert listed.stderr.startswith("voicechat: PortAudio library not found: install it, on Debian")
    assert len(listed.stderr.splitlines()) == 1


def test_devices_are_chosen_by_name_and_number(card: VirtualCard) -> None:
    names = {device.number: device.name for device in list_devices()}
    number = next(number for number, name in names.items() if name == "pulse")
    with Devices(AudioConfig(input="puls", output=str(number))) as devices:
        assert (devices.input.name, devices.output.name) == ("pulse", "pulse")
        read(devices, 0.1)
