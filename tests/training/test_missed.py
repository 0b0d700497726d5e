"""Talks that are answered wrong are found once, and again where there are others."""

from pathlib import Path

import numpy as np
import pytest

from voicechat.training import exam, missed
from voicechat.training.bank import Clip, SpokenTalk
from voicechat.training.domain import Talk, Turn


def asked(text: str) -> SpokenTalk:
    clip = Clip(text, np.zeros(16_000, np.int16))
    return SpokenTalk(Talk("chat", (Turn(text, "Hello!"),)), (clip,), "tone")


TALKS = [asked(f"{'hello' if n % 7 else 'hm'} {n}") for n in range(2 * missed._AT_ONCE + 9)]


def knows_hello(thinker: None, scribe: None, talks: list[SpokenTalk]) -> list[bool]:
    return [talk.clips[0].text.startswith("hello") for talk in talks]


def test_what_is_answered_wrong_is_asked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exam, "answered", knows_hello)
    path = tmp_path / "missed.json"
    found = missed.missed(None, None, TALKS, path)
    assert found == [talk for talk in TALKS if talk.clips[0].text.startswith("hm")]
    monkeypatch.setattr(exam, "answered", None)  # a training that is resumed does not ask
    assert missed.missed(None, None, TALKS, path) == found


def test_of_too_many_talks_so_many_are_asked_from_all_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exam, "answered", lambda thinker, scribe, talks: [False] * len(talks))
    monkeypatch.setattr(missed, "MOST", 70)
    assert missed.missed(None, None, TALKS, tmp_path / "missed.json") == TALKS[::3]


def test_other_recordings_are_asked_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exam, "answered", knows_hello)
    path = tmp_path / "missed.json"
    missed.missed(None, None, TALKS, path)
    assert missed.missed(None, None, TALKS[:7], path) == TALKS[:1]
