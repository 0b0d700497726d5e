"""Flags that several commands share."""

from __future__ import annotations

import pytest

from voicechat.cli import main


@pytest.mark.parametrize("flags", [["quality", "--limit"], ["turns", "--count"]])
@pytest.mark.parametrize("value", ["0", "-3", "few"])
def test_a_count_is_at_least_one(
    flags: list[str], value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bench", flags[0], f"{flags[1]}={value}"])
    assert flags[1] in capsys.readouterr().err.splitlines()[-1]
