"""Each voice of a checkpoint has a line, and one is the default."""

from voicechat.voices.presets import ADDED, presets


def test_known_voices_are_described_and_added_ones_are_named() -> None:
    listed = presets(["Alder", "Mine"], "Alder")
    assert [(v.name, v.default) for v in listed] == [("Alder", True), ("Mine", False)]
    assert "male" in listed[0].description and listed[1].description == ADDED
