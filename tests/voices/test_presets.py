"""Each voice of a checkpoint has a line, and one is the default."""

import pytest

from voicechat.errors import UserError
from voicechat.voices.presets import ADDED, choose, presets

NAMES = ["Alder", "Mine"]


def test_known_voices_are_described_and_added_ones_are_named() -> None:
    listed = presets(NAMES, "")
    assert [(voice.name, voice.default) for voice in listed] == [("Alder", True), ("Mine", False)]
    assert "male" in listed[0].description and listed[1].description == ADDED


@pytest.mark.parametrize(("asked", "meant"), [("", "Alder"), ("mine", "Mine"), ("Mine", "Mine")])
def test_a_voice_is_meant_whatever_its_case(asked: str, meant: str) -> None:
    assert choose(NAMES, asked) == meant


def test_an_unknown_voice_names_the_known_ones() -> None:
    with pytest.raises(UserError, match="'Ethan'.*Alder, Mine"):
        choose(NAMES, "Ethan")
