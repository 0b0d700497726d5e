"""How well speech is detected and the assistant's own voice removed, on synthetic speech.

    python -m voicechat.evaluation.sound

Speech is by voices that no training has heard. A frame is truly speech if its clean recording is
louder than 5 % of the loudest frame. Figures of time are processor time: the machine may be busy.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import chain

import numpy as np
import soxr

from voicechat.audio.echo import make_echo
from voicechat.audio.levels import dbfs
from voicechat.clock import CODE, FRAME, MIC_RATE, SPEAKER_RATE, TICK_MS, TICKS_PER_S
from voicechat.config import TurnsConfig
from voicechat.training.users import pick_voice, say
from voicechat.turns.detector import Detector, make_detector
from voicechat.turns.taker import SpeechStart, TurnTaker

DETECTORS = ("webrtcvad", "silero", "both")
TEXTS = (
    "what is the capital of france",
    "what is three plus four",
    "tell me a story about a fox",
    "count from one to ten please",
    "hello how are you today",
    "my name is peter and i live in london",
)
UTTERANCES = 24
PAUSE = np.zeros(MIC_RATE)
NOISE_S = 20
ROOM_RMS = 10.0  # int16 steps: -70 dBFS
NO_ECHO = 90  # dB: beside a headset
ECHOES = tuple((mode, loss) for mode in ("headset", "aec", "gate") for loss in (6, 12, 20, NO_ECHO))
ECHO_MS = 80
RUNS = 8  # interruptions a row
ALONE = 6 * MIC_RATE  # samples of the assistant alone before the user begins


def speech(rng: random.Random, count: int) -> tuple[np.ndarray, list[int]]:
    """Utterances between pauses.

    Returns:
        `[samples]` in int16 steps, 16 kHz, and the first truly voiced frame of each utterance.
    """
    said = [say(rng.choice(TEXTS), pick_voice(rng, "held"), rng) * 32768 for _ in range(count)]
    pcm = np.concatenate([part for one in said for part in (PAUSE, one)] + [PAUSE])
    truth, at, onsets = voiced(pcm), 0, []
    for one in said:
        at += len(PAUSE)
        onsets.append(at // FRAME + int(np.argmax(truth[at // FRAME :])))
        at += len(one)
    return pcm, onsets


def white(samples: int) -> np.ndarray:
    """Noise of RMS 1."""
    return np.random.default_rng(2).standard_normal(samples)


def pink(samples: int) -> np.ndarray:
    """Noise of RMS 1, 3 dB softer each octave."""
    spectrum = np.fft.rfft(white(samples))
    pcm = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), samples)
    return pcm / pcm.std()


def clicks(samples: int) -> np.ndarray:
    """A keyboard: 8 bursts a second, in int16 steps."""
    random_ = np.random.default_rng(1)
    pcm = np.zeros(samples)
    for start in random_.integers(0, samples - 200, 8 * samples // MIC_RATE):
        pcm[start : start + 200] += random_.normal(0, 9000, 200) * np.exp(-np.arange(200) / 30)
    return pcm


def music(samples: int) -> np.ndarray:
    """Chords of plucked strings, two a second, in int16 steps."""
    time_s = np.arange(samples) / MIC_RATE
    beat = time_s % 0.5
    roots = 220 * 2 ** (np.array([0, 5, 7, 3])[(time_s // 0.5).astype(int) % 4] / 12)
    chord = sum(np.sin(2 * np.pi * roots * k * beat) / k for k in (1, 1.25, 1.5, 2, 3, 4))
    return 5000 * chord * np.exp(-4 * beat)


def frames(pcm: np.ndarray) -> np.ndarray:
    """`[frames, 320]` int16 of `[samples]` in int16 steps."""
    whole = pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME)
    return np.clip(np.rint(whole), -32768, 32767).astype(np.int16)


def voiced(pcm: np.ndarray) -> np.ndarray:
    """`[frames]` bool: which frames of a clean recording hold speech."""
    level = np.sqrt(np.square(frames(pcm), dtype=float).mean(axis=1))
    return level > 0.05 * level.max()


def judge(detector: Detector, pcm: np.ndarray) -> np.ndarray:
    """`[frames]` probabilities."""
    return np.array([detector.probability(frame) for frame in frames(pcm)])


def starts(probabilities: np.ndarray) -> list[int]:
    """The frames at which a turn taker lets a turn start."""
    taker, silence = TurnTaker(TurnsConfig()), np.zeros(FRAME, np.int16)
    return [
        n
        for n, probability in enumerate(probabilities)
        for event in taker.advance(probability, silence)
        if isinstance(event, SpeechStart)
    ]


def detector_rows() -> Iterator[tuple[str, ...]]:
    """One row a detector: cost, recall and false alarms, false activity, onset."""
    clean, onsets = speech(random.Random(0), UTTERANCES)
    truth = voiced(clean)
    away = np.convolve(truth, np.ones(2 * TICKS_PER_S // 5), "same") == 0  # 200 ms from any speech
    rms = np.sqrt(np.mean(np.square(clean[: len(truth) * FRAME].reshape(-1, FRAME)[truth])))
    noises = (ROOM_RMS * white(len(clean)), *(
        rms * 10 ** (-snr / 20) * noise(len(clean))
        for noise, snr in ((white, 10), (pink, 5), (white, 0))
    ))  # fmt: skip
    for name in DETECTORS:
        config = TurnsConfig(detector=name)
        began = time.process_time()
        found = [judge(make_detector(config), clean + noise) >= 0.5 for noise in noises]
        cost = (time.process_time() - began) / (len(noises) * len(truth))
        alone = [
            judge(make_detector(config), noise) >= 0.5
            for noise in (
                clicks(NOISE_S * MIC_RATE),
                music(NOISE_S * MIC_RATE),
                rms * pink(NOISE_S * MIC_RATE),
            )
        ]
        yield (
            name,
            f"{1e6 * cost:.0f}",
            *(f"{f[truth].mean():.2f}/{f[away].mean():.2f}" for f in found),
            "/".join(f"{f.mean():.2f}" for f in alone),
            _onset(starts(found[0].astype(float)), onsets),
        )


def _onset(found: list[int], true: list[int]) -> str:
    late = [min((s - n for s in found if 0 <= s - n < TICKS_PER_S), default=None) for n in true]
    caught = [TICK_MS * (ticks + 1) for ticks in late if ticks is not None]
    return f"{len(caught)}/{len(true)}, {np.median(caught):.0f} ms"


def echo_of(played: np.ndarray, delay_ms: int, loss_db: float) -> np.ndarray:
    """What the microphone of a small room hears of it.

    Args:
        played: `[samples]` in int16 steps, 24 kHz.
        delay_ms: until the first of it arrives.
        loss_db: how much softer.

    Returns:
        `[samples]` in int16 steps, 16 kHz, with the room's own noise.
    """
    random_ = np.random.default_rng(3)
    decay = np.exp(-np.arange(MIC_RATE // 5) / (0.04 * MIC_RATE))
    room = 0.15 * random_.standard_normal(len(decay)) * decay
    room[0] = 1
    direct = soxr.resample(played.astype(float), SPEAKER_RATE, MIC_RATE)
    echo = np.convolve(direct, room)[: len(direct)]
    echo *= np.sqrt(np.mean(direct**2) / np.mean(echo**2)) * 10 ** (-loss_db / 20)
    delayed = np.concatenate((np.zeros(delay_ms * MIC_RATE // 1000), echo))[: len(echo)]
    return delayed + ROOM_RMS * random_.standard_normal(len(delayed))


def echo_rows() -> Iterator[tuple[str, ...]]:
    """One row a remedy and level of echo: removed, false starts, interruptions found."""
    for mode, loss_db in ECHOES:
        rng = random.Random(loss_db)
        removed, false, caught, cost = [], 0, [], 0.0
        for _ in range(RUNS):
            played = _far_end(rng)
            echo = echo_of(played, ECHO_MS, loss_db)
            user = say(rng.choice(TEXTS), pick_voice(rng, "held"), rng) * 32768
            mic = echo.copy()
            mic[ALONE : ALONE + len(user)] += user
            began = time.process_time()
            out = _processed(mode, mic, played)
            cost += (time.process_time() - began) / (len(out) // FRAME)
            steady = slice(ALONE // 2, ALONE)
            removed.append(dbfs(frames(echo[steady]).ravel()) - dbfs(out[steady]))
            started = starts(judge(make_detector(TurnsConfig()), out))
            onset = ALONE // FRAME + int(np.argmax(voiced(user)))
            false += any(n < onset for n in started)
            caught += [n - onset for n in started if 0 <= n - onset < TICKS_PER_S][:1]
        late = f"{TICK_MS * (np.median(caught) + 1):.0f} ms" if caught else "-"
        yield (
            mode,
            f"-{loss_db}",
            f"{np.median(removed):.0f}",
            f"{false}/{RUNS}",
            f"{len(caught)}/{RUNS}, {late}",
            f"{1e6 * cost / RUNS:.0f}",
        )


def _far_end(rng: random.Random) -> np.ndarray:
    """Ten seconds and more of the assistant: `[samples]` int16, 24 kHz."""
    voice = pick_voice(rng, "held")
    said = np.concatenate([say(text, voice, rng) for text in rng.sample(TEXTS, len(TEXTS))])
    pcm = 32768 * soxr.resample(said, MIC_RATE, SPEAKER_RATE)
    return np.clip(pcm, -32768, 32767).astype(np.int16)[: 10 * SPEAKER_RATE]


def _processed(mode: str, mic: np.ndarray, played: np.ndarray) -> np.ndarray:
    echo = make_echo(mode)
    pairs = zip(frames(mic), np.split(played, range(CODE, len(played), CODE)), strict=False)
    return np.concatenate([echo.process(frame, heard) for frame, heard in pairs])


def main() -> None:
    """Prints both tables."""
    print("recall/false alarms, by frames of 20 ms")
    conditions = ("clean", "white 10 dB", "pink 5 dB", "white 0 dB", "clicks/music/pink")
    _print(("detector", "us a frame", *conditions, "turns found, onset"), detector_rows())
    print(f"\necho of {RUNS} replies, {ECHO_MS} ms late")
    measured = ("removed, dB", "self-interrupted", "interruptions found, onset", "us a tick")
    _print(("remedy", "echo, dB", *measured), echo_rows())


def _print(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> None:
    widths = [max(len(cell), 10) + 2 for cell in head]
    for row in chain((head,), rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("".join(cells).rstrip(), flush=True)


if __name__ == "__main__":
    main()
