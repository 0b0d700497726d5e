"""Settings are strict: what fits is taken, what does not is named in one line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from voicechat.config import Config, ModelSettings, build, dump, load, merge
from voicechat.errors import UserError

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
section = st.sampled_from(["audio", "turns", "barge_in", "model", "turn"])


def test_what_is_dumped_loads_again(tmp_path: Path) -> None:
    config = load(None, ["turns.end_ms=512", "audio.input=USB", "barge_in.enabled=false"])
    (tmp_path / "c.yaml").write_text(dump(config))
    assert load(tmp_path / "c.yaml", []) == config != Config()


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("turns.end=1", "end_ms"),
        ("turn.end_ms=1", "turns"),
        ("turns.end_ms=soon", "int"),
        ("turns.end_ms=true", "int"),
        ("barge_in.duck_gain=loud", "float"),
        ("model.device=gpu", "cuda"),
        ("model.settings.thinker.topk=1", "top_k"),
        ("turns=1", "keys and values"),
        ("turns.end_ms", "section.key=value"),
        ("turns.end_ms=[", "cannot be read"),
        ("turns.webrtcvad_mode=7", "turns: webrtcvad_mode is 7; it is 0 to 3"),
        ("turns.preroll_ms=-500", "preroll_ms is -500; it is 0 to"),
        ("turns.threshold=.nan", "threshold is nan; it is 0 to 1"),
        ("turns.complete_at=0", "complete_at is 0.0"),
        ("barge_in.ramp_ms=0", "ramp_ms is 0; it is 1 to"),
        ("barge_in.duck_gain=2", "duck_gain is 2.0; it is 0 to 1"),
        ("barge_in.distance_db=-1", "distance_db is -1.0; it is at least 0"),
        ("audio.cushion_ms=0", "cushion_ms is 0; it is 20 to 1000"),
        ("audio.cushion_max_ms=1500", "cushion_max_ms is 1500"),
        ("audio.watchdog_ms=0", "watchdog_ms is 0"),
        ("model.seed=18446744073709551616", "seed is 18446744073709551616"),
        ("model.context_tokens=0", "context_tokens is 0; it is at least 1"),
        ("model.settings.unfinished_share=1", "settings: unfinished_share is 1.0"),
        ("model.settings.talker.temperature=0", "talker: temperature is 0.0"),
        ("model.settings.talker.repetition_penalty=0", "repetition_penalty is 0.0"),
        ("model.settings.talker.top_k=-1", "top_k is -1; it is at least 0"),
        ("model.settings.talker.top_p=1.5", "top_p is 1.5; it is 0 to 1"),
        ("model.settings.thinker.max_new_tokens=0", "max_new_tokens is 0"),
        ("model.settings.token2wav.num_steps=1", "num_steps is 1; it is 2 to"),
        ("model.settings.token2wav.blocks_ahead=-1", "blocks_ahead is -1"),
        ("model.settings.token2wav.most_blocks=0", "most_blocks is 0; it is at least 1"),
        ("model.settings.token2wav.vocoder_context_frames=7", "7; it is even"),
    ],
)
def test_a_fault_is_one_line_that_names_what_would_fit(override: str, named: str) -> None:
    with pytest.raises(UserError) as fault:
        load(None, [override])
    assert named in str(fault.value) and "\n" not in str(fault.value)


@pytest.mark.parametrize("text", ["[1, 2", "- a\n- b", "\x00", "turns: {end_ms: x}", "a: b"])
def test_a_broken_file_is_one_line_that_names_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(UserError, match="bad.yaml") as fault:
        load(tmp_path / "bad.yaml", [])
    assert "\n" not in str(fault.value)


@given(st.dictionaries(section, plain))
def test_any_mapping_is_taken_or_refused_never_a_crash(data: dict) -> None:
    try:
        config = build(Config, data, "fuzz")
    except UserError:
        return
    assert yaml.safe_load(dump(config)) is not None


def test_a_checkpoints_settings_lie_under_the_users() -> None:
    brought = merge(ModelSettings(), {"token2wav": {"solver": "euler", "num_steps": 4}}, "m")
    asked = load(None, ["model.settings.token2wav.num_steps=6"]).model.settings
    both = merge(brought, asked, "--set").token2wav
    assert (both.solver, both.num_steps) == ("euler", 6)
