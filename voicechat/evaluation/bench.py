"""The engine beside `generate`: the same weights, the same input, in one run.

Each case is measured three ways: transformers' `generate`; the engine with the ODE that `generate`
uses; the engine as it ships. Sampling is greedy, so all three say the same codes, and that is
checked.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from voicechat.clock import FRAME, SPEAKER_RATE
from voicechat.config import ModelConfig, Token2WavSettings
from voicechat.engine.checkpoint import Checkpoint
from voicechat.engine.local import LocalEngine
from voicechat.engine.threads import ALL
from voicechat.evaluation.memory import PeakMemory
from voicechat.evaluation.offline import Span, generate

GENERATE, SAME_ODE, SHIPPED = "generate", "engine, same ODE", "engine, as shipped"
CODE_STAGES = ("talker", "dit", "bigvgan")
RELEASED_ODE = Token2WavSettings()  # what `generate` does unless told otherwise
SHORT_CODES, LONG_CODES = 100, 500
CODES_A_TOKEN = 16  # about three tokens of text a second of speech
TURNS = (2, 10, 20)
REPEATED = 5  # answers to a measured turn


@dataclass(frozen=True)
class Run:
    """One reply, measured. Times count from the end of the question.

    Attributes:
        name: who made it.
        case: which reply.
        first_sound_s: when the first samples came.
        total_s: when the last ones came.
        speech_s: how long the reply sounds.
        cpu_s: of all threads until the last samples came; unlike the other times it does not
            depend on what else the machine does.
        peak_bytes: of memory while it was made.
        text_tokens: how many the Thinker said.
        codes: that the Talker said.
        spans: which stage worked from when to when; before 0 while the question was heard.
        sounds: when each piece of sound came, and how long it is.
    """

    name: str
    case: str
    first_sound_s: float
    total_s: float
    speech_s: float
    cpu_s: float
    peak_bytes: int
    text_tokens: int
    codes: list[int] = field(repr=False)
    spans: list[Span] = field(repr=False)
    sounds: list[tuple[float, float]] = field(repr=False)

    @property
    def real_time_factor(self) -> float:
        """Below 1, a reply is made faster than it plays."""
        return self.total_s / self.speech_s

    @property
    def stages_s(self) -> dict[str, float]:
        """Seconds of work after the end of the question, by stage."""
        seconds: dict[str, float] = {}
        for stage, start, end in self.spans:
            seconds[stage] = seconds.get(stage, 0.0) + max(0.0, end - max(0.0, start))
        return {stage: spent for stage, spent in seconds.items() if spent}

    @property
    def step_ms(self) -> dict[str, float]:
        """Milliseconds a token of the Thinker, and a code (20 ms of speech) of all the others."""
        steps = {"thinker": self.text_tokens} | dict.fromkeys(CODE_STAGES, len(self.codes))
        spent = self.stages_s
        return {stage: 1000 * spent[stage] / n for stage, n in steps.items() if stage in spent}

    def summary(self) -> dict[str, object]:
        """What goes into the JSON line."""
        return {
            "name": self.name,
            "case": self.case,
            "first_sound_s": self.first_sound_s,
            "total_s": self.total_s,
            "speech_s": self.speech_s,
            "cpu_s": self.cpu_s,
            "real_time_factor": self.real_time_factor,
            "stages_s": self.stages_s,
            "step_ms": self.step_ms,
            "peak_bytes": self.peak_bytes,
        }


class Bench:
    """Measures one checkpoint.

    Args:
        checkpoint: with real or random weights.
        config: how it was loaded and is asked to speak; always greedy and aloud.
        report: is given each run as it is done.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: ModelConfig,
        report: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self.checkpoint, self._report = checkpoint, report
        self._config = replace(config, greedy=True, text_only=False)
        self.runs: list[Run] = []

    def reply(self, case: str, question: np.ndarray, codes: int) -> None:
        """Measures one reply, of at most so many codes, in all three ways."""
        limited = self._limited(codes)
        for name, checkpoint in ((SAME_ODE, _released(limited)), (SHIPPED, limited)):
            engine = self._engine(checkpoint)
            self._done(_answer(engine, 1, question, name, case))
        self._done(self._generate(engine, [question], case))

    def talk(self, question: np.ndarray, turns: tuple[int, ...] = TURNS) -> None:
        """Measures turns of one talk: the same question over and over, the median of some."""
        engine = self._engine(self._limited(SHORT_CODES))
        for turn in range(1, max(turns) + 1):
            case = f"turn {turn}"
            runs = [_answer(engine, turn, question, SHIPPED, case)]
            if turn in turns:
                while len(runs) < REPEATED:
                    engine.discard(turn)
                    runs.append(_answer(engine, turn, question, SHIPPED, case))
                self._done(sorted(runs, key=lambda run: run.first_sound_s)[REPEATED // 2])
                self._done(self._generate(engine, [question] * turn, case))

    def same_codes(self) -> dict[str, bool]:
        """By case: whether everybody said the same."""
        said: dict[str, list[list[int]]] = {}
        for run in self.runs:
            said.setdefault(run.case, []).append(run.codes)
        return {case: all(codes == all_[0] for codes in all_) for case, all_ in said.items()}

    def ratios(self) -> dict[str, float]:
        """What the engine gains over `generate`, and what a long talk costs it."""
        by = {(run.case, run.name): run for run in self.runs}
        gained: dict[str, float] = {}
        for (case, name), run in by.items():
            if name != GENERATE:
                offline = by[case, GENERATE]
                sooner = offline.first_sound_s / run.first_sound_s
                gained[f"{case}, {name}: first sound sooner by"] = sooner
                gained[f"{case}, {name}: total to generate's"] = run.total_s / offline.total_s
        late, early = (by.get((f"turn {turn}", SHIPPED)) for turn in (TURNS[-1], TURNS[0]))
        if late and early:
            gained["last turn's first sound to turn 2's"] = late.first_sound_s / early.first_sound_s
        return gained

    def _done(self, run: Run) -> None:
        self.runs.append(run)
        self._report(run)

    def _limited(self, codes: int) -> Checkpoint:
        settings = self.checkpoint.settings
        thinker = replace(settings.thinker, max_new_tokens=2 + codes // CODES_A_TOKEN)
        talker = replace(settings.talker, max_new_tokens=codes)
        settings = replace(settings, thinker=thinker, talker=talker)
        return replace(self.checkpoint, settings=settings)

    def _engine(self, checkpoint: Checkpoint) -> LocalEngine:
        engine = LocalEngine(checkpoint, self._config)
        engine.warm_up()
        return engine

    def _generate(self, engine: LocalEngine, questions: list[np.ndarray], case: str) -> Run:
        """Puts the prompt of the engine's last reply through `generate`."""
        prompt = engine.last.prompt_ids
        with PeakMemory(self.checkpoint.device) as peak:
            began, cpu = time.perf_counter(), time.process_time()
            made = generate(engine.checkpoint, prompt, questions, engine.voice.name)
            total_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        speech_s = len(made.wave) / SPEAKER_RATE
        return Run(
            GENERATE,
            case,
            first_sound_s=total_s,  # there is no sound before the end
            total_s=total_s,
            speech_s=speech_s,
            cpu_s=cpu_s,
            spans=[(stage, start - began, end - began) for stage, start, end in made.spans],
            text_tokens=len(made.text_ids),
            codes=made.codes,
            sounds=[(total_s, speech_s)],
            peak_bytes=peak.bytes,
        )


def machine(checkpoint: Checkpoint) -> str:
    """What it runs on, in words."""
    if checkpoint.device.type == "cuda":
        where = torch.cuda.get_device_name(checkpoint.device)
    else:
        where = f"{platform.machine()}, {os.cpu_count()} cores, {ALL} threads"
    return f"{where}, torch {torch.__version__}"


def _released(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint with the released ODE."""
    keys = ("solver", "num_steps", "guidance_scale", "sway_coefficient")
    released = {key: getattr(RELEASED_ODE, key) for key in keys}
    token2wav = replace(checkpoint.settings.token2wav, **released)
    return replace(checkpoint, settings=replace(checkpoint.settings, token2wav=token2wav))


def _answer(engine: LocalEngine, turn: int, question: np.ndarray, name: str, case: str) -> Run:
    for start in range(0, len(question), FRAME):
        engine.feed(turn, question[start : start + FRAME])
    sounds: list[tuple[float, float]] = []
    with PeakMemory(engine.checkpoint.device) as peak:
        began, cpu = time.perf_counter(), time.process_time()
        for chunk in engine.reply(turn):
            if len(chunk.pcm):
                came = time.perf_counter() - began
                sounds.append((came, len(chunk.pcm) / SPEAKER_RATE))
        cpu_s = time.process_time() - cpu
    assert sounds, f"{case}: the reply has no sound"
    return Run(
        name,
        case,
        first_sound_s=sounds[0][0],
        total_s=sounds[-1][0],
        speech_s=sum(seconds for _, seconds in sounds),
        cpu_s=cpu_s,
        spans=[(stage, start - began, end - began) for stage, start, end in engine.last.spans],
        text_tokens=len(engine.last.text_ids),
        codes=engine.last.codes,
        sounds=sounds,
        peak_bytes=peak.bytes,
    )
