"""`python main.py doctor`: is this machine fit for a talk, and what would make it fitter?"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from voicechat.cli.options import add_model_arguments, settings
from voicechat.config import Config, ModelConfig, TurnsConfig
from voicechat.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from voicechat.audio.devices import Devices

HELP = "check microphone, echo, detector and the model's speed; say what to change"
SAMPLES = Path(__file__).parents[1] / "assets" / "samples"
QUIET_S, SPEECH_S = 2.0, 4.0
SLOW_S = 0.7  # to the first sound, after the turn's end
LEAST_VOICED_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `doctor`."""
    add_model_arguments(parser)
    parser.add_argument("--input", metavar="DEVICE", help="microphone: a name or a number")
    parser.add_argument("--output", metavar="DEVICE", help="speaker: a name or a number")
    parser.add_argument("--no-model", action="store_true", help="do not try the model's speed")


def run(args: argparse.Namespace) -> int:
    """Measures, tells, and keeps what `--echo auto` needs."""
    config = settings(args)
    try:
        advice = check_sound(config)
    except UserError as fault:  # the model can be tried all the same
        advice = [str(fault)]
    if not args.no_model:
        advice += check_model(config.model)
    _say("advice", advice[0] if advice else "nothing to change")
    for line in advice[1:]:
        _say("", line)
    return 0


def check_sound(config: Config) -> list[str]:
    """Measures devices, levels, detector and echo; gives advice.

    Raises:
        UserError: without devices.
    """
    from voicechat.audio.devices import Devices

    with Devices(config.audio) as devices:
        for name, opened in (("microphone", devices.input), ("speaker", devices.output)):
            latency_ms = 1000 * opened.latency_s
            _say(name, f"{opened.name}, {opened.rate} Hz, {latency_ms:.0f} ms of latency")
        return _check_voice(devices, config.turns) + _check_echo(devices)


def check_model(config: ModelConfig) -> list[str]:
    """Asks the model a recorded question and takes the time; gives advice."""
    from voicechat.audio.wav import read_wav
    from voicechat.cli.wiring import make_engine
    from voicechat.clock import SPEAKER_RATE

    engine, _ = make_engine(config)
    question = read_wav(_sample())
    for turn in (1, 2):  # the first one warms up
        engine.feed(turn, question)
        started = time.perf_counter()
        first_s, samples = 0.0, 0
        for chunk in engine.reply(turn):
            first_s = first_s or (time.perf_counter() - started if len(chunk.pcm) else 0.0)
            samples += len(chunk.pcm)
        total_s = time.perf_counter() - started
    sounded_s = samples / SPEAKER_RATE
    factor = total_s / max(sounded_s, 0.02)
    _say("model", f"first sound after {first_s:.2f} s, {factor:.2f} s of work a second of speech")
    advice = []
    if factor > 0.9:
        advice.append("the model is slower than speech here: take a smaller one (--model pocket)")
    elif first_s > SLOW_S:
        advice.append("answers begin late: close other programs, or take a smaller model")
    return advice


def _check_voice(devices: Devices, config: TurnsConfig) -> list[str]:
    from voicechat.audio.checkup import listen, measure_level

    print(f"Be quiet for {QUIET_S:.0f} seconds ...", flush=True)
    quiet = listen(devices, QUIET_S)
    print(f"Now talk for {SPEECH_S:.0f} seconds ...", flush=True)
    speaking = listen(devices, SPEECH_S)
    level = measure_level(quiet, speaking)
    _say("level", f"quiet {level.noise_db:.0f} dBFS, voice {level.speech_db:.0f} dBFS")
    false_s, voiced_s = _voiced_s(quiet, config), _voiced_s(speaking, config)
    _say("detector", f"{config.detector}: speech in {voiced_s:.1f} s of {SPEECH_S:.0f}")
    advice = [level.advice()]
    if false_s > LEAST_VOICED_S:
        advice.append("your room's noise is taken for speech: try --set turns.detector=silero")
    elif voiced_s < LEAST_VOICED_S and not advice[0]:
        advice.append("no speech was found: if you did talk, try --set turns.threshold=0.3")
    return [line for line in advice if line]


def _voiced_s(pcm: np.ndarray, config: TurnsConfig) -> float:
    from voicechat.clock import FRAME, TICKS_PER_S
    from voicechat.turns.detector import make_detector

    detector = make_detector(config)
    frames = pcm.reshape(-1, FRAME)
    return sum(detector.probability(f) >= config.threshold for f in frames) / TICKS_PER_S


def _check_echo(devices: Devices) -> list[str]:
    from voicechat.audio import calibration
    from voicechat.audio.checkup import measure_echo
    from voicechat.audio.wav import read_wav
    from voicechat.clock import SPEAKER_RATE

    print("Be quiet again: you will hear a rising tone and a sentence ...", flush=True)
    speech = read_wav(_sample(), SPEAKER_RATE)
    path = measure_echo(devices, speech, devices.input.name, devices.output.name)
    advice = []
    if path.delay_ms is None:
        _say("echo", "none heard: a headset, or the speaker is off")
    else:
        removed = "too soft to try the canceller on"
        if path.erle_db is not None:
            removed = f"the canceller removes {path.erle_db:.0f} dB"
        _say("echo", f"{path.delay_ms:.0f} ms late, {path.loss_db:.0f} dB softer; {removed}")
        _say("", f"--echo auto will use: {path.remedy()}")
    if path.remedy() == "gate":
        advice.append(
            "the echo cannot be cancelled: use a headset, or interrupt louder than the reply"
        )
    try:
        calibration.save(path, calibration.default_path())
    except UserError as fault:  # what was measured has been told all the same
        advice.append(str(fault))
    return advice


def _sample() -> Path:
    return sorted(SAMPLES.glob("*.wav"))[-1]


def _say(what: str, text: str) -> None:
    print(f"{what:<11} {text}", flush=True)
