"""Scenes of a talk, from seeds: who says what when, over whatever the assistant does.

A scene is a list of parts; each waits for its moment (after the part before, after the reply has
begun, after it has ended) and then sounds in the microphone. What was really said when comes out as
spans, so that the talk can be scored.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from voicechat.audio.resample import Resampler, to_int16
from voicechat.clock import FRAME, MIC_RATE, SPEAKER_RATE, TICKS_PER_S
from voicechat.events import Event, EventKind, Meter
from voicechat.recording.replay import ClockedDevices
from voicechat.training import domain, users

ROOM_RMS = 3e-4  # a quiet room, -70 dBFS
PATIENCE_S = 8.0  # how long a part waits for its moment
TAIL_S = 3.0  # of quiet end a scene: more than any turn is waited for


class After(Enum):
    """What a part waits for."""

    BEFORE = "the part before has ended"
    REPLY = "a reply has begun"
    QUIET = "the reply has ended"


@dataclass(frozen=True, eq=False)
class Part:
    """Something that sounds in the microphone.

    Attributes:
        kind: `turn`, `pause` (a silence within a turn), `interruption`, or what else it is.
        pcm: `[samples]` float32, 16 kHz.
        after: the moment that it waits for.
        delay_s: and for so long after that.
        text: what is said.
    """

    kind: str
    pcm: np.ndarray
    after: After = After.BEFORE
    delay_s: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Span:
    """When a part sounded, on the sample clock, and what it was."""

    kind: str
    on_s: float
    off_s: float
    text: str = ""


@dataclass(frozen=True, eq=False)
class Scene:
    """A kind of scene, drawn from a seed.

    Attributes:
        kind: of `KINDS`.
        parts: in order.
        echo: gain in dB and delay in ms of the way from speaker to microphone, if there is one.
        path_rate: the microphone's own rate, if it is another.
        jitter: the speaker takes sound in bursts of up to so many ticks.
    """

    kind: str
    parts: tuple[Part, ...]
    echo: tuple[float, int] | None = None
    path_rate: int = MIC_RATE
    jitter: int = 1


class Room(ClockedDevices):
    """Devices in which a scene is played.

    Attributes:
        spans: what sounded when; complete once the scene is over.
        missed: a part's moment never came.
    """

    def __init__(self, scene: Scene, seed: int = 0) -> None:
        super().__init__(self._frames())
        self._scene = scene
        self._noise = np.random.default_rng(seed)
        self._echo = _EchoPath(*scene.echo) if scene.echo else None
        self._path = [
            Resampler(a, b) for a, b in ((MIC_RATE, scene.path_rate), (scene.path_rate, MIC_RATE))
        ]
        self._rest = np.zeros(0, dtype=np.int16)
        self._n = 0
        self._replying, self._began_n, self._ended_n = False, -1, -1
        self.spans: list[Span] = []
        self.missed = False

    @property
    def complete(self) -> bool:
        """Whether the user's latest turn is over, as only the scene knows."""
        return bool(self.spans) and self.spans[-1].kind not in ("begin", "pause")

    def notice(self, meter: Meter, events: tuple[Event, ...]) -> None:
        """Is shown what a screen is shown: knows so what the assistant does."""
        for event in events:
            match event.event:
                case EventKind.TURN_END:
                    self._replying = True
                case EventKind.REPLY_START:
                    self._began_n = meter.n
                case EventKind.REPLY_END | EventKind.CUT | EventKind.ERROR | EventKind.DISCARD:
                    self._replying, self._ended_n = False, meter.n

    def take_heard(self) -> tuple[np.ndarray, int]:
        """One tick of sound, or with jitter none for a while and then all at once."""
        if self._n % self._scene.jitter:
            return np.zeros(0, dtype=np.int16), 0
        taken = [super(Room, self).take_heard() for _ in range(self._scene.jitter)]
        heard = np.concatenate([block for block, _ in taken])
        if self._echo:
            self._echo.hear(heard)
        return heard, sum(played for _, played in taken)

    def _frames(self) -> Iterator[np.ndarray]:
        yield from self._sound(np.zeros(MIC_RATE // 2))
        for part in self._scene.parts:
            began_n = self._began_n
            yield from self._wait(part, began_n)
            if self.missed:
                return
            on_s = self._n * FRAME / MIC_RATE
            off_s = on_s + len(part.pcm) / MIC_RATE
            self.spans.append(Span(part.kind, on_s, off_s, part.text))
            yield from self._sound(part.pcm)
        yield from self._end()

    def _wait(self, part: Part, began_n: int) -> Iterator[np.ndarray]:
        since, delay, idle = self._n, round(part.delay_s * TICKS_PER_S), 0
        while True:
            start = {
                After.BEFORE: since,
                After.REPLY: self._began_n if self._began_n > began_n or self._replying else -1,
                After.QUIET: self._ended_n if self._ended_n >= since - 1 else -1,
            }[part.after]
            if start >= 0 and self._n >= start + delay:
                return
            gone = part.after is After.REPLY and start >= 0 and not self._replying
            if gone or idle > (PATIENCE_S + part.delay_s) * TICKS_PER_S:
                self.missed = True
                return
            idle += not self._replying
            yield from self._sound(np.zeros(FRAME))

    def _end(self) -> Iterator[np.ndarray]:
        quiet = waited = 0
        while quiet < TAIL_S * TICKS_PER_S and waited < 40 * TICKS_PER_S:
            yield from self._sound(np.zeros(FRAME))
            quiet = 0 if self._replying else quiet + 1
            waited += 1

    def _sound(self, pcm: np.ndarray) -> Iterator[np.ndarray]:
        """Frames of this sound in the room, through the microphone's path."""
        count = -(-len(pcm) // FRAME)
        for frame in np.pad(pcm, (0, count * FRAME - len(pcm))).reshape(count, FRAME):
            mixed = frame + self._noise.normal(0, ROOM_RMS, FRAME)
            if self._echo:
                mixed = mixed + self._echo.frame(self._n)
            yield self._through(to_int16(mixed))
            self._n += 1

    def _through(self, frame: np.ndarray) -> np.ndarray:
        if self._scene.path_rate == MIC_RATE:
            return frame
        for resampler in self._path:
            frame = resampler.process(frame)
        self._rest = np.concatenate((self._rest, frame))
        lacking = max(0, FRAME - len(self._rest))  # the lag of the first frames
        frame, self._rest = self._rest[:FRAME], self._rest[FRAME:]
        return np.pad(frame, (lacking, 0))


class _EchoPath:
    """The assistant's own voice on its way to the microphone: delayed, softer, reflected."""

    def __init__(self, gain_db: float, delay_ms: int) -> None:
        self._resampler = Resampler(SPEAKER_RATE, MIC_RATE)
        self._sound, self._gone = np.zeros(0), 0  # the last second, and what was before it
        room = np.random.default_rng(5).normal(0, 1, MIC_RATE // 20)
        room *= np.exp(-np.arange(len(room)) / (MIC_RATE * 0.012)) * 0.1
        room[0] = 1.0
        self._room = room / np.sqrt(np.sum(room**2)) * 10 ** (gain_db / 20)
        self._delay = delay_ms * MIC_RATE // 1000

    def hear(self, heard: np.ndarray) -> None:
        fresh = self._resampler.process(heard).astype(np.float64) / 32768
        self._gone += max(0, len(self._sound) - MIC_RATE)
        self._sound = np.concatenate((self._sound[-MIC_RATE:], fresh))

    def frame(self, n: int) -> np.ndarray:
        stop = (n + 1) * FRAME - self._delay - self._gone
        reach = FRAME + len(self._room) - 1
        dry = self._sound[max(0, stop - reach) : max(0, stop)]
        dry = np.pad(dry, (reach - len(dry), 0))
        return np.convolve(dry, self._room, mode="valid")


# --- what is said --------------------------------------------------------------------------------

Draw = Callable[[random.Random], Scene]
# Synthesisers spell "mm hmm" letter by letter: hums are written as they read them.
BACK_CHANNELS = ("um hum", "uh huh", "hum", "yeah", "okay", "right")
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


def _paused(pause_s: float, filler: str = "") -> Draw:
    """A turn with a silence where more must come: before its last word."""

    def draw(rng: random.Random) -> Scene:
        text = _question(rng, rng.choice(("capital", "sum")))
        words = text.removesuffix(" please").removesuffix(" my friend").split()
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


def _over_echo(rng: random.Random) -> Scene:
    asked = _over("interruption over echo", _other_question, 2.0)(rng)
    return replace(asked, echo=(-12.0, 80))


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
    "interruption over echo": (_over_echo,),
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
    "jitter": (_path("jitter", jitter=10), _path("jitter", jitter=2)),
}


def draw(kind: str, index: int, seed: int = 0) -> Scene:
    """The scene of a kind with this number; the same for the same seed."""
    ways = KINDS[kind]
    return ways[index % len(ways)](random.Random(f"{kind} {index} {seed}"))
