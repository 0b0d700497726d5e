"""Adds a preset voice from recordings: speaker fine-tuning of all that speaks.

The third of the Talker's published stages. What was recorded is tuned (see `tuned`) and
brought together with codes that are known (`parallel`). Talker and DiT learn these under a voice
token and a preset vector that nobody has used yet, and BigVGAN the sound, in a copy of the
checkpoint. So that the other voices stay as they are, each is as frequent in the batches as the new
one: as the teacher reads, or as it spoke before the training began (see `speaking.rehearse`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voicechat.engine.finder import POCKET
from voicechat.errors import UserError
from voicechat.evaluation.intelligibility import pitch
from voicechat.evaluation.similarity import SpeakerEncoder
from voicechat.training import dit as flow
from voicechat.training import export, vocoder
from voicechat.training.checks import check
from voicechat.training.codec import silence_code
from voicechat.training.domain import reply_sentences
from voicechat.training.dpo import sampled
from voicechat.training.listen import speak, through_token2wav
from voicechat.training.loop import Schedule, Trainer
from voicechat.training.parallel import parallel
from voicechat.training.replies import Replies, Said, random_prompt, text_table
from voicechat.training.rows import Scribe
from voicechat.training.speaking import Speaking, load, rehearse, save
from voicechat.training.speech import Utterance, balanced, load_folder, seconds
from voicechat.training.talker import HIDDEN_NOISE, layout, next_code_loss
from voicechat.training.teacher import VOICES, teachers
from voicechat.training.tuned import tuned

LEAST_S = 20.0
LONGEST_CODES = 700
PIECE_FRAMES = 40
TRIED = 8  # recorded sentences that are said before and after
Pieces = tuple[torch.Tensor, torch.Tensor]  # mel and wave
# The replies' prompt and the replies, crops and whether code and voice are hidden, BigVGAN's pieces
Drawn = tuple[torch.Tensor, list[Said], flow.Crops, bool, Pieces]


@dataclass(frozen=True)
class VoiceConfig:
    """Settings of the stage `voice`.

    Attributes:
        name: What the new voice is called.
        data: Folder of its recordings, NAME.wav and NAME.txt.
        checkpoint: The model that gets the voice; empty for the bundled one.
        out: The copy with the voice; empty for `voice-NAME/checkpoint` in the folder of the work.
        steps: Training steps.
        lr: Largest learning rate.
        warmup: Steps to reach it.
        positions: The Talker's positions a step.
        crops: The DiT's crops a step.
        drop: Share of steps in which the DiT learns without code and voice, for guidance.
        guidance: As in the stage `dit`.
        pieces: BigVGAN's crops a step.
        rehearsed: Sentences of the domain, or all, converted for the new voice, and said by each
            other one to remember itself.
        checkpoint_every: Steps between checkpoints.
        seed: Of everything drawn.
    """

    name: str = ""
    data: str = ""
    checkpoint: str = ""
    out: str = ""
    steps: int = 1000
    lr: float = 3e-4
    warmup: int = 20
    positions: int = 2000
    crops: int = 8
    drop: float = 0.08
    guidance: float = 1.0
    pieces: int = 12
    rehearsed: int = 400
    checkpoint_every: int = 100
    seed: int = 13

    def __post_init__(self) -> None:
        check(self, "drop", positions=1, crops=1, pieces=1, rehearsed=1, checkpoint_every=1)


def run(config: VoiceConfig, workdir: Path) -> None:
    """The stage `voice`: needs a checkpoint with its codec, and recordings."""
    if not config.name or not config.data:
        raise UserError("write: train voice --name NAME --data FOLDER (of wav + txt pairs)")
    speaking = load(Path(config.checkpoint).expanduser() if config.checkpoint else POCKET)
    if config.name in speaking.voices:
        raise UserError(f"there is a voice {config.name!r} already; choose another name")
    new = speaking.free()
    recorded = load_folder(Path(config.data).expanduser(), new)
    if seconds(recorded) < LEAST_S:
        raise UserError(f"{config.data} holds {seconds(recorded):.0f} s of speech; record more")
    sung = tuned(recorded)
    preset = export.preset(new, speaking.tokenizer, sung)
    texts = [u.text for u in recorded[:TRIED]]
    before = say(speaking, preset, new, texts)
    train(config, workdir, speaking, sung, nearest(speaking, preset["ref_mel"]))
    after = say(speaking, preset, new, texts)
    out = Path(config.out).expanduser() if config.out else folder(config, workdir) / "checkpoint"
    save(speaking, {**speaking.voices, config.name: preset}, out)
    said = {"recorded": [u.pcm.astype(np.float32) for u in recorded], "before": before,
            "after": after}  # fmt: skip
    print(json.dumps({"pitch_hz": tones(said), "similarity": similarities(said)}))
    print(f"talk with it: voicechat --model {out} --voice {config.name}")


def folder(config: VoiceConfig, workdir: Path) -> Path:
    """Where the stage keeps its work on this voice."""
    return workdir / f"voice-{config.name}"


def nearest(speaking: Speaking, reference: torch.Tensor) -> str:
    """The preset most like a reference mel [1, 100, 83], of those that the teacher reads too."""
    apart = {
        name: float((preset["ref_mel"].mean((0, 1)) - reference.mean((0, 1))).norm())
        for name, preset in speaking.voices.items()
        if name in VOICES
    }
    return min(apart, key=apart.__getitem__)


@torch.no_grad()
def begin(speaking: Speaking, new: int, like: str) -> None:
    """Lets Talker and DiT take what names a new voice for what names a preset.

    A strange token says nothing to the Talker, nor a strange condition to the DiT, and ten minutes
    do not teach them to speak from nothing.
    """
    presets, table = speaking.voices, text_table()
    take_for(
        speaking.model.talker.thinker_to_talker_proj.weight,
        table[speaking.token(new)],
        table[presets[like]["bos_token"]],
        table[[preset["bos_token"] for preset in presets.values()]],
    )
    take_for(
        speaking.dit.input_embed.proj.weight[:, -flow.COND_SIZE :],
        flow.conditions()[new],
        presets[like]["cond"][0],
        torch.cat([preset["cond"] for preset in presets.values()]),
    )


def take_for(
    weight: torch.Tensor, strange: torch.Tensor, known: torch.Tensor, kept: torch.Tensor
) -> None:
    """Changes a projection [out, in] so that it makes of one vector what it makes of another.

    Args:
        weight: Changed in place.
        strange: The vector [in] to be taken for `known`.
        known: A vector [in].
        kept: Vectors [some, in] that are projected exactly as before.
    """
    basis = torch.linalg.qr(kept.T).Q
    own = strange - basis @ (basis.T @ strange)
    weight += torch.outer(weight @ (known - strange), own / own.dot(strange))


def train(
    config: VoiceConfig,
    workdir: Path,
    speaking: Speaking,
    recorded: Sequence[Utterance],
    like: str,
) -> dict[str, float]:
    """Teaches Talker, DiT and BigVGAN the recordings; returns the last losses."""
    texts = sampled(reply_sentences(), config.rehearsed, config.seed)
    new = parallel(speaking.codec, recorded, teachers()[like], texts)
    torch.manual_seed(config.seed)
    rehearsed, sounds = rehearse(speaking, texts)
    begin(speaking, recorded[0].voice, like)
    sounding = balanced([*recorded, *sounds])
    talker, quiet = speaking.model.talker, silence_code(speaking.codec)
    replies = Replies(new.paced + new.converted + rehearsed, speaking.tokenizer, quiet)
    scribe, of_voice = Scribe(speaking.tokenizer), flow.by_voice(new.converted + rehearsed)
    modules = {"talker": talker, "dit": speaking.dit, "bigvgan": speaking.bigvgan}
    optimizer = torch.optim.AdamW(
        [p for m in modules.values() for p in m.parameters()], betas=(0.9, 0.98), weight_decay=0.0
    )
    trainer = Trainer(folder(config, workdir).name, workdir, modules, optimizer,
                      Schedule(config.steps, config.lr, config.warmup), config.seed, bf16=True,
                      checkpoint_every=config.checkpoint_every)  # fmt: skip

    def draw(number: int, rng: random.Random) -> Drawn:
        prompt = random_prompt(scribe, rng)
        said = replies.batch(config.positions, len(prompt), 0.2, LONGEST_CODES, rng)
        crops = flow.draw(of_voice, config.crops, 96, quiet, rng)
        dropped = rng.random() < config.drop
        pieces = vocoder.draw(sounding, config.pieces, PIECE_FRAMES, rng)
        return prompt, said, crops, dropped, pieces

    def step(drawn: Drawn) -> dict[str, torch.Tensor]:
        prompt, batch, crops, dropped, pieces = drawn
        laid = [
            layout(talker, speaking.tokenizer, said, prompt, 0.1, HIDDEN_NOISE) for said in batch
        ]
        coded = next_code_loss(talker, *zip(*laid, strict=True))
        flowed = flow.flow_loss(speaking.dit, crops, dropped, config.guidance)
        with torch.autocast(trainer.device.type, enabled=False):  # spectra need all of float32
            mel, wave = (piece.to(trainer.device) for piece in pieces)
            sounded = vocoder.losses(speaking.bigvgan(vocoder.roughly(mel)), wave)["loss"]
        return {"loss": coded["loss"] + flowed + sounded, "talker": coded["loss"], "dit": flowed,
                "bigvgan": sounded}  # fmt: skip

    last = trainer.run(draw, step)
    speaking.model.eval().to("cpu")
    return last


def say(
    speaking: Speaking, preset: dict[str, Any], new: int, texts: Sequence[str]
) -> list[np.ndarray]:
    """Texts as the model says them in the new voice, [samples] each; what is too short is left."""
    references = [torch.zeros_like(preset["ref_mel"][0])] * new + [preset["ref_mel"][0]]
    render = through_token2wav(speaking.dit, speaking.bigvgan, references)
    spoken = speak(speaking.model.talker, speaking.tokenizer, texts, new)
    return [render(s.codes, new) for s in spoken if len(s.codes) > 20]


def tones(said: dict[str, list[np.ndarray]]) -> dict[str, float]:
    """Median pitch in Hz of each set of recordings; 0 of none."""
    return {k: float(np.median([pitch(pcm) for pcm in pcms] or 0)) for k, pcms in said.items()}


def similarities(said: dict[str, list[np.ndarray]]) -> dict[str, float] | str:
    """Cosine of each set of recordings to the voice that was recorded, by a speaker encoder."""
    try:
        encoder = SpeakerEncoder()
    except UserError as fault:
        return f"n/a: {fault}"
    voice = encoder.voice(said["recorded"])
    return {k: encoder.similarity(pcms, voice) for k, pcms in said.items() if pcms}
