"""`python main.py bench window`: what its windows cost token2wav, so that they can be chosen."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from voicechat.cli.options import add_model_arguments, settings

HELP = "measure the error of token2wav's windows against the pass over a whole reply"
QUESTION = Path(__file__).parents[1] / "assets" / "samples" / "5_story.wav"
CODES = 250  # 5 s of reply are enough: further away nothing is seen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench window`."""
    add_model_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Lets the model answer, renders the codes by every window; ends with one line of JSON."""
    config = settings(args).model
    from voicechat.audio.wav import read_wav
    from voicechat.cli.wiring import inform
    from voicechat.engine.checkpoint import load
    from voicechat.engine.local import LocalEngine
    from voicechat.evaluation.window import mel_errors, settled_mel, wave_snrs

    checkpoint = load(config, inform)
    engine = LocalEngine(checkpoint, config, inform)
    engine.feed(1, read_wav(QUESTION))
    for _ in engine.reply(1):
        pass
    codes = engine.last.codes[:CODES]
    mels, waves = {}, {}
    for ahead, mean, worst in mel_errors(checkpoint, engine.voice, codes):
        mels[ahead] = {"mean": mean, "max": worst}
        print(
            f"{ahead} DiT blocks ahead: log-mel error {mean:.4f} in the mean, {worst:.3f} at most"
        )
    for context, snr_db in wave_snrs(checkpoint, settled_mel(checkpoint, engine.voice, codes)):
        waves[context] = snr_db
        print(f"{context} frames of context for BigVGAN: {snr_db:.1f} dB")
    figures = {"codes": len(codes), "mel_error": mels, "snr_db": waves}
    print(json.dumps({"bench": "window", "model": checkpoint.where.name, **figures}))
    return 0
