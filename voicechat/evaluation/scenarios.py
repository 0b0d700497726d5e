"""Scenes of a talk, from seeds: what is said and what else sounds."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from voicechat.clock import MIC_RATE
from voicechat.evaluation.room import After, Part, Scene
from voicechat.spelling import number
from voicechat.training import domain, users

Draw = Callable[[random.Random], Scene]
# Synthesisers spell "mm hmm" letter by letter: hums are written as they read them.
BACK_CHANNELS = ("um hum", "uh huh", "hum", "yeah", "okay", "right")
_NUMBERS = {number(n) for n in range(21)}
STOPS = ("stop", "stop please", "please stop", "wait", "that's enough")


def _say(rng: random.Random, text: str, voice: users.Voice | None = None) -> np.ndarray:
    """Speech of a voice that no model was trained on, trimmed to its first and last sound."""
    pcm = users.say(text, voice or users.pick_voice(rng, "held"), rng)
    return users.trim(pcm, margin=0).astype(np.float64)


def _question(rng: random.Random, kind: str = "capital") -> str:
    return domain.talk(rng, "train", kind).turns[0].user


def _short(rng: random.Random) -> str:
    return _question(rng, rng.choice(("capital", "sum", "opposite", "sound", "color", "calendar")))


def _turn(rng: random.Random, text: str = "", **when: object) -> Part:
    text = text or _short(rng)
    return Part("turn", _say(rng, text), text=text, **when)


def _clean(rng: random.Random) -> Scene:
    return Scene("clean", (_turn(rng),))


def _about_its_last_word(rng: random.Random) -> list[str]:
    """The words of a question that is none without the last: "... plus | seven", not "... dear"."""
    while True:
        asked = domain.talk(rng, "train", rng.choice(("capital", "sum"))).turns[0]
        names = {word.strip(".").lower() for word in asked.reply.split() if word[0].isupper()}
        *first, last = asked.user.split()
        if last in names | _NUMBERS and first[-1] not in _NUMBERS:
            return [*first, last]


def _paused(pause_s: float, filler: str = "") -> Draw:
    """A turn with a silence where more must come: before its last word."""

    def draw(rng: random.Random) -> Scene:
        words = _about_its_last_word(rng)
        voice = users.pick_voice(rng, "held")
        first = " ".join([*words[:-1], *filler.split()])
        parts = (
            Part("begin", _say(rng, first, voice), text=first),
            Part("pause", np.zeros(round(pause_s * MIC_RATE))),
            Part("turn", _say(rng, words[-1], voice), text=words[-1]),
        )
        return Scene("um" if filler else f"pause {pause_s}", parts)

    return draw


def _quick(rng: random.Random) -> Scene:
    second = _turn(rng, after=After.QUIET, delay_s=0.3)
    return Scene("two quick turns", (_turn(rng), second))


def _over(kind: str, sound: Callable[[random.Random], tuple[np.ndarray, str]], at_s: float) -> Draw:
    """Something sounds so long after a long reply began."""

    def draw(rng: random.Random) -> Scene:
        pcm, text = sound(rng)
        long_one = _question(rng, "story")
        parts = (
            Part("turn", _say(rng, long_one), text=long_one),
            Part(kind.split(" ")[0], pcm, After.REPLY, at_s, text),
        )
        return Scene(kind, parts)

    return draw


def _words(choices: tuple[str, ...]) -> Callable[[random.Random], tuple[np.ndarray, str]]:
    def sound(rng: random.Random) -> tuple[np.ndarray, str]:
        text = rng.choice(choices)
        return _say(rng, text), text

    return sound


def _other_question(rng: random.Random) -> tuple[np.ndarray, str]:
    text = _short(rng)
    return _say(rng, text), text


def _choppy(rng: random.Random) -> tuple[np.ndarray, str]:
    text = _question(rng)
    voice = users.pick_voice(rng, "held")
    gap = np.zeros(round(0.2 * MIC_RATE))
    halves = (" ".join(text.split()[:2]), " ".join(text.split()[2:]))
    return np.concatenate([_say(rng, halves[0], voice), gap, _say(rng, halves[1], voice)]), text


def _aside(rng: random.Random) -> tuple[np.ndarray, str]:
    """Somebody else in the room, 20 dB softer than a user."""
    text = _question(rng, "fact")
    return 0.1 * _say(rng, text), text


def _cough(rng: random.Random) -> tuple[np.ndarray, str]:
    """One or two bursts of breath through a throat's resonances."""
    chance = np.random.default_rng(rng.randrange(1 << 30))
    burst = round(rng.uniform(0.12, 0.22) * MIC_RATE)
    noise = np.convolve(chance.normal(0, 1, burst), chance.normal(0, 1, 24), mode="same")
    noise *= np.exp(-np.arange(burst) / (0.35 * burst)) * np.minimum(1, np.arange(burst) / 80)
    gap = np.zeros(round(0.12 * MIC_RATE))
    pcm = np.concatenate([noise, gap, 0.7 * noise]) if rng.random() < 0.5 else noise
    return users.level(pcm, 0.08).astype(np.float64), ""


def _click(rng: random.Random) -> tuple[np.ndarray, str]:
    pcm = np.zeros(round(0.03 * MIC_RATE))
    pcm[:40] = 0.8 * np.exp(-np.arange(40) / 8) * np.cos(np.arange(40) * rng.uniform(0.5, 2))
    return pcm, ""


def _keyboard(rng: random.Random) -> tuple[np.ndarray, str]:
    pcm = np.zeros(2 * MIC_RATE)
    at = 0
    while at < len(pcm) - 800:
        click = _click(rng)[0] * rng.uniform(0.1, 0.4)
        pcm[at : at + len(click)] += click
        at += round(rng.uniform(0.08, 0.22) * MIC_RATE)
    return pcm, ""


def _noise(rng: random.Random) -> tuple[np.ndarray, str]:
    """Two seconds of pink noise, as a car that passes."""
    chance = np.random.default_rng(rng.randrange(1 << 30))
    spectrum = np.fft.rfft(chance.normal(0, 1, 2 * MIC_RATE))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    swell = np.hanning(2 * MIC_RATE)
    return users.level(np.fft.irfft(spectrum) * swell, 0.05).astype(np.float64), ""


def _music(rng: random.Random) -> tuple[np.ndarray, str]:
    """Two seconds of chords, five notes a second."""
    notes = []
    time_s = np.arange(MIC_RATE // 5) / MIC_RATE
    for _ in range(10):
        root = 110 * 2 ** (rng.choice((0, 3, 5, 7, 10, 12)) / 12)
        chord = sum(np.sin(2 * np.pi * root * k * time_s) / k for k in (1, 2, 2.5, 3, 4, 5))
        notes.append(chord * np.exp(-time_s / 0.15))
    return users.level(np.concatenate(notes), 0.05).astype(np.float64), ""


def _echoed(gain_db: float, delay_ms: int) -> Draw:
    def draw(rng: random.Random) -> Scene:
        text = _question(rng, "story")
        part = Part("turn", _say(rng, text), text=text)
        return Scene(f"echo {gain_db:.0f} dB", (part,), echo=(gain_db, delay_ms))

    return draw


def _over_echo(kind: str, gain_db: float) -> Draw:
    asked = _over(kind, _other_question, 2.0)
    return lambda rng: replace(asked(rng), echo=(gain_db, 80))


def _path(kind: str, **path: int) -> Draw:
    return lambda rng: Scene(kind, _clean(rng).parts, **path)


KINDS: dict[str, tuple[Draw, ...]] = {  # several ways are drawn in turn
    "clean": (_clean,),
    "pause 0.5": (_paused(0.5),),
    "pause 1.0": (_paused(1.0),),
    "pause 1.5": (_paused(1.5),),
    "um": (_paused(1.0, "um"),),
    "two quick turns": (_quick,),
    **{
        f"interruption {s}": (_over(f"interruption {s}", _other_question, s),)
        for s in (0.3, 1, 3, 6)
    },
    "interruption choppy": (_over("interruption choppy", _choppy, 2.0),),
    "interruption stop": (_over("interruption stop", _words(STOPS), 2.0),),
    "interruption over echo": (_over_echo("interruption over echo", -12.0),),
    # Beside a headset that nobody measured: the canceller has nothing to do, and must not harm.
    "interruption without echo": (_over_echo("interruption without echo", -90.0),),
    "back-channel": (_over("back-channel", _words(BACK_CHANNELS), 1.5),),
    "cough": (_over("cough", _cough, 1.5),),
    "click": (_over("click", _click, 1.5),),
    "keyboard": (_over("keyboard", _keyboard, 1.0),),
    "noise": (_over("noise", _noise, 1.0),),
    "music": (_over("music", _music, 1.0),),
    "aside": (_over("aside", _aside, 1.5),),
    **{
        f"echo {gain} dB": tuple(_echoed(gain, delay) for delay in (20, 80, 200))
        for gain in (-6, -12, -20, -30)
    },
    "8 kHz path": (_path("8 kHz path", path_rate=8_000),),
    "44.1 kHz path": (_path("44.1 kHz path", path_rate=44_100),),
    "48 kHz path": (_path("48 kHz path", path_rate=48_000),),
    "jitter": (_path("jitter", jitter=10), _path("jitter", jitter=2)),
}


def draw(kind: str, index: int, seed: int = 0) -> Scene:
    """The scene of a kind with this number; the same for the same seed."""
    ways = KINDS[kind]
    return ways[index % len(ways)](random.Random(f"{kind} {index} {seed}"))
