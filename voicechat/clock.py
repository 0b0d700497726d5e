"""Rates and sizes, each derived from another; a division that is not exact fails at import.

One tick is 20 ms; it is the only thing that moves time.

    microphone  16 kHz   tick = frame = 320 samples   mel hop 160   block of hearing 2 s
    speaker     24 kHz   tick = code  = 480 samples   mel hop 240   DiT block 12 codes = 240 ms

Source: Qwen2.5-Omni technical report, sections 2.2 (audio encoder) and 2.4 (codec, DiT).
"""


def exactly(numerator: int, denominator: int) -> int:
    """Divides without a rest.

    Raises:
        AssertionError: if something would be left over.
    """
    quotient, rest = divmod(numerator, denominator)
    assert rest == 0, f"{numerator} / {denominator} leaves {rest}"
    return quotient


MIC_RATE = 16_000
SPEAKER_RATE = 24_000
TICK_MS = 20
TICKS_PER_S = exactly(1000, TICK_MS)
FRAME = exactly(MIC_RATE, TICKS_PER_S)  # microphone samples a tick
CODE = exactly(SPEAKER_RATE, TICKS_PER_S)  # speaker samples a tick, and a Talker code

MIC_HOP = exactly(MIC_RATE, 100)  # the audio encoder's mel: 10 ms
HEARING_BLOCK = 2 * MIC_RATE  # samples that attend to each other in the audio encoder
HEARING_BLOCK_FRAMES = exactly(HEARING_BLOCK, MIC_HOP)
TOKENS_PER_BLOCK = exactly(HEARING_BLOCK_FRAMES, 4)  # two halvings: 25 tokens a second

SPEAKER_HOP = exactly(CODE, 2)  # token2wav's mel: two frames a code
CODES_PER_DIT_BLOCK = 12
DIT_BLOCK = CODES_PER_DIT_BLOCK * CODE


def ticks(ms: int) -> int:
    """Milliseconds as whole ticks, rounded up: a time limit is never shorter than asked for."""
    return -(-ms // TICK_MS)


def mic_samples(ms: int) -> int:
    """Milliseconds as 16 kHz samples."""
    return exactly(ms * MIC_RATE, 1000)


def speaker_samples(ms: int) -> int:
    """Milliseconds as 24 kHz samples."""
    return exactly(ms * SPEAKER_RATE, 1000)
