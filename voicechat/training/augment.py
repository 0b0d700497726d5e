"""What happens to a user's speech on its way to the encoder: room, noise, line, level, silence.

Pure numpy on `[samples]` float32 at 16 kHz. Every draw comes from the generator that is passed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from scipy.signal import fftconvolve, lfilter

from voicechat.clock import HEARING_BLOCK, MIC_RATE
from voicechat.training.checks import check

NOISES = ("white", "pink", "brown", "hum", "clicks", "tones", "babble")


@dataclass(frozen=True)
class Augmentation:
    """Ranges and chances. SNRs in dB against the speech, times in ms, levels in dB."""

    warp: float = 0.10  # tempo and pitch together, as a faster or slower tape
    tract: float = 0.08  # all frequencies together, and not the tempo (see `hearing.log_mel`)
    block_edge: float = 0.5  # how often speech that ends just behind one is sought
    pause: float = 0.10
    pause_ms: tuple[int, int] = (200, 1500)
    room: float = 0.35
    telephone: float = 0.10
    microphone: float = 0.60
    echo: float = 0.15
    noise: float = 0.75
    snr_db: tuple[float, float] = (5.0, 40.0)
    echo_db: tuple[float, float] = (14.0, 35.0)
    microphone_db: float = 10.0  # how far its response may rise or fall at any octave
    level_db: tuple[float, float] = (-18.0, 6.0)
    lead_ms: tuple[int, int] = (0, 500)
    trail_ms: tuple[int, int] = (100, 900)
    floor_db: tuple[float, float] = (-90.0, -55.0)  # a microphone's own noise, full scale

    def __post_init__(self) -> None:
        check(self, "warp tract block_edge pause room telephone microphone echo noise")


def augment(
    speech: np.ndarray, others: list[np.ndarray], a: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Speech as a microphone might catch it.

    Args:
        speech: `[samples]`, trimmed.
        others: other people's speech, for the babble behind it and the echo under it.
        a: ranges and chances.
        rng: the only source of chance.

    Returns:
        `[lead + samples * warp + pause + trail]` float32 within [-1, 1].
    """
    warp, lead = _timing(len(speech), a, rng)
    x = soxr.resample(speech, MIC_RATE, MIC_RATE * warp, "LQ")
    power = float(np.mean(x**2))
    if rng.random() < a.pause:
        x = _pause(x, _ms(rng, a.pause_ms))
    x = np.pad(x, (lead, _ms(rng, a.trail_ms)))
    if rng.random() < a.room:
        x = _room(x, rng)
    if rng.random() < a.echo:
        x = _add(x, _loop(others[rng.integers(len(others))], len(x), rng), power, a.echo_db, rng)
    if rng.random() < a.noise:
        x = _add(x, noise(str(rng.choice(NOISES)), len(x), others, rng), power, a.snr_db, rng)
    if rng.random() < a.telephone:
        x = _telephone(x)
    if rng.random() < a.microphone:
        x = _microphone(x, a.microphone_db, rng)
    x = x * 10 ** (rng.uniform(*a.level_db) / 20)
    x = x + rng.standard_normal(len(x), np.float32) * 10 ** (rng.uniform(*a.floor_db) / 20)
    return np.clip(x, -1, 1).astype(np.float32)


def at_snr(speech: np.ndarray, padded: np.ndarray, noisy: np.ndarray, snr_db: float) -> np.ndarray:
    """Adds noise to speech.

    Args:
        speech: trimmed speech, whose power counts.
        padded: `[samples]`, the same with the silence around it.
        noisy: `[samples]`.
        snr_db: the ratio of their powers.
    """
    return _mix(padded, noisy, float(np.mean(speech**2)), snr_db)


def noise(
    kind: str, samples: int, others: list[np.ndarray], rng: np.random.Generator, bank: int = 0
) -> np.ndarray:
    """`[samples]` of one of the `NOISES`, at any level; training has those of bank 0."""
    if kind == "babble":
        talkers = rng.choice(len(others), min(len(others), int(rng.integers(2, 7))), replace=False)
        return np.sum([_loop(others[i], samples, rng) for i in talkers], axis=0)
    return _loop(_bank(kind, bank), samples, rng)


@cache
def _bank(kind: str, number: int, seconds: int = 60) -> np.ndarray:
    seed = NOISES.index(kind) + number * len(NOISES)
    rng, n = np.random.default_rng(seed), seconds * MIC_RATE
    t = np.arange(n) / MIC_RATE
    if kind in ("white", "pink", "brown"):
        slope = {"white": 0.0, "pink": 0.5, "brown": 1.0}[kind]
        spectrum = np.fft.rfft(rng.standard_normal(n))
        return np.fft.irfft(spectrum / np.maximum(np.arange(n // 2 + 1), 20 * seconds) ** slope, n)
    if kind == "hum":
        parts = [np.sin(2 * np.pi * 50 * k * t) / k ** rng.uniform(0.3, 1.5) for k in range(1, 16)]
        return np.sum(parts, axis=0) + 0.05 * rng.standard_normal(n)
    out = np.zeros(n + MIC_RATE * 2)
    for start in np.cumsum(rng.exponential(0.15 if kind == "clicks" else 0.3, seconds * 3)):
        if (at := int(start * MIC_RATE)) < n:
            event = _click(rng) if kind == "clicks" else _tone(rng)
            out[at : at + len(event)] += event
    return out[:n] + 1e-3 * rng.standard_normal(n)


def _click(rng: np.random.Generator) -> np.ndarray:
    n = int(rng.uniform(0.003, 0.03) * MIC_RATE)
    return rng.standard_normal(n) * np.exp(-np.arange(n) / n * 5) * rng.uniform(0.2, 1)


def _tone(rng: np.random.Generator) -> np.ndarray:
    n = int(rng.uniform(0.2, 1.5) * MIC_RATE)
    t, pitch = np.arange(n) / MIC_RATE, 110 * 2 ** (rng.integers(0, 36) / 12)
    wave = np.sum([np.sin(2 * np.pi * pitch * k * t) / k**1.3 for k in range(1, 6)], axis=0)
    return wave * np.exp(-3 * t) * rng.uniform(0.3, 1)


def _timing(samples: int, a: Augmentation, rng: np.random.Generator) -> tuple[float, int]:
    """A factor on the length and the silence before, in samples.

    Words across the edge of two blocks of the encoder are heard worst: of the tokens in the last
    0.2 s of a block a third is lost, of all others one in eleven. So now and then it is the one of
    four drawn that leaves the last block the least speech.
    """
    drawn = [
        (rng.uniform(1 - a.warp, 1 + a.warp), _ms(rng, a.lead_ms))
        for _ in range(4 if rng.random() < a.block_edge else 1)
    ]
    return min(drawn, key=lambda one: (one[1] + samples * one[0]) % HEARING_BLOCK)


def _pause(x: np.ndarray, samples: int) -> np.ndarray:
    """Silence where it is quietest for 60 ms, not near the ends: the speaker thinks of a word."""
    frame = MIC_RATE // 50
    power = np.square(x[: len(x) // frame * frame]).reshape(-1, frame).mean(axis=1)
    quiet = np.convolve(power, np.ones(3), "valid")
    edge = len(quiet) // 5
    inner = quiet[edge : len(quiet) - edge]
    if not len(inner):
        return x
    at = (edge + int(np.argmin(inner)) + 1) * frame + frame // 2
    return np.concatenate([x[:at], np.zeros(samples, x.dtype), x[at:]])


def _room(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A direct path and a tail of decaying noise (Polack's model), RT60 of 0.1 to 0.6 s."""
    rt60 = rng.uniform(0.1, 0.6)
    n = int(min(rt60, 0.35) * MIC_RATE)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / (rt60 * MIC_RATE))
    tail = lfilter([1.0], [1.0, -rng.uniform(0.0, 0.7)], tail)  # walls swallow the highs
    tail[: int(rng.uniform(0.002, 0.02) * MIC_RATE)] = 0
    response = tail * (10 ** (-rng.uniform(0, 15) / 20) / np.sqrt(np.sum(tail**2)))
    response[0] = 1.0
    return fftconvolve(x, response)[: len(x)]


def _telephone(x: np.ndarray) -> np.ndarray:
    narrow = soxr.resample(x, MIC_RATE, 8_000, "LQ")
    narrow = narrow - lfilter([0.1], [1, -0.9], narrow)  # no lows
    y = soxr.resample(narrow, 8_000, MIC_RATE, "LQ")[: len(x)]
    return np.pad(y, (0, len(x) - len(y)))


def _microphone(x: np.ndarray, most_db: float, rng: np.random.Generator) -> np.ndarray:
    """A frequency response as no two microphones share it, smooth over the octaves from 60 Hz."""
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(x), 1 / MIC_RATE) / 60, 1))
    gains_db = np.interp(octaves, np.arange(8), rng.uniform(-most_db, most_db, 8))
    return np.fft.irfft(np.fft.rfft(x) * 10 ** (gains_db / 20), len(x))


def _add(
    x, noisy, power: float, range_db: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    return _mix(x, noisy, power, rng.uniform(*range_db))


def _mix(x: np.ndarray, noisy: np.ndarray, power: float, snr_db: float) -> np.ndarray:
    gain = np.sqrt(power / (np.mean(noisy**2) + 1e-12)) * 10 ** (-snr_db / 20)
    return (x + gain * noisy).astype(np.float32)


def _loop(source: np.ndarray, samples: int, rng: np.random.Generator) -> np.ndarray:
    start = int(rng.integers(len(source)))
    return np.take(source, np.arange(start, start + samples), mode="wrap")


def _ms(rng: np.random.Generator, range_ms: tuple[int, int]) -> int:
    return int(rng.uniform(*range_ms) * MIC_RATE / 1000)
