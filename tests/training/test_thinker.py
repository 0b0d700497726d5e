"""The Thinker's losses against transformers' own forward and generate."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch

from voicechat.errors import UserError
from voicechat.training import hearing, rows
from voicechat.training import thinker as thinking
from voicechat.training.domain import Turn
from voicechat.training.tokenizer import train_tokenizer


@pytest.fixture(scope="module")
def scribe(tmp_path_factory: pytest.TempPathFactory) -> rows.Scribe:
    return rows.Scribe(train_tokenizer(tmp_path_factory.mktemp("tokenizer"), talks=200))


@pytest.fixture(scope="module")
def thinker(scribe: rows.Scribe) -> thinking.Thinker:
    torch.manual_seed(0)
    network = thinking.build_thinker(scribe.tokenizer, layers=2).eval()
    for parameter in network.model.language_model.layers.parameters():
        if parameter.ndim == 2:
            parameter.data.mul_(4)  # so that attention and position matter
    return network


def test_scores_are_transformers_own_with_speech_in_two_turns(scribe, thinker) -> None:
    rng = np.random.default_rng(0)
    mels = [
        hearing.log_mel(rng.standard_normal(n).astype(np.float32) * 0.1) for n in (40_123, 9_000)
    ]
    long, short = scribe.start(), scribe.start()
    with torch.no_grad():
        heard, _ = hearing.encode(thinker.model.audio_tower, mels)
        scribe.spoken(long, Turn("", "The capital of France is Paris."), heard[0])
        scribe.typed(long, Turn("one plus one", "One plus one is two."))
        scribe.spoken(long, Turn("", "You are welcome."), heard[1])
        scribe.typed(short, Turn("hello", "Hello!"))
        answers = thinking.predict(thinker, [long, short])
        lengths = torch.tensor([mel.shape[1] for mel in mels])
        features = torch.nn.utils.rnn.pad_sequence([m.T for m in mels], batch_first=True)
        whole = thinker(
            input_ids=torch.tensor([long.ids]), attention_mask=torch.ones(1, len(long.ids)),
            input_features=features.transpose(1, 2),
            feature_attention_mask=torch.arange(features.shape[1])[None] < lengths[:, None],
        ).logits[0]  # fmt: skip
    taught = [i for i, label in enumerate(long.labels) if label != rows.IGNORE]
    expected = whole[torch.tensor(taught) - 1]
    torch.testing.assert_close(answers.logits[: len(taught)], expected, rtol=1e-4, atol=1e-4)
    assert answers.labels.tolist() == [long.ids[i] for i in taught] + scribe.ids("Hello!") + [
        scribe.end
    ]


def test_a_word_is_foreseen_below_the_layer_that_reads_it_for_the_next_reply(
    scribe, thinker
) -> None:
    cut = scribe.start()
    scribe.typed(cut, Turn("count from one to five", "One, two, three, four, five.", "One, two"))
    (foreseen,) = cut.foreseen
    language_model = thinker.model.language_model
    with torch.no_grad():
        answers = thinking.predict(thinker, [cut])
        below = language_model(input_ids=torch.tensor([cut.ids]), output_hidden_states=True)
        inner = below.hidden_states[1][0, foreseen - 1]  # below the second of two layers
        expected = thinker.lm_head(language_model.norm(inner))
    assert answers.labels[-1] == scribe.ids("... three")[-1] != cut.ids[foreseen]
    torch.testing.assert_close(answers.logits[-1], expected, rtol=1e-4, atol=1e-4)


def test_where_a_reply_goes_on_the_last_layers_attention_is_guided(scribe, thinker) -> None:
    short, row = scribe.start(), scribe.start()
    scribe.typed(short, Turn("hello", "Hello!"))
    scribe.typed(row, Turn("count from one to five", "One, two, three, four, five.", "One, two"))
    scribe.typed(row, Turn("go on", "... three, four, five."))
    [(here, there)] = row.resumed
    with torch.no_grad():
        answers = thinking.predict(thinker, [short, row])
        language_model = thinker.model.language_model
        layers = language_model(input_ids=torch.tensor([row.ids]), output_attentions=True)
    group = language_model.layers[-1].self_attn.num_key_value_groups  # heads to a pair of them
    weights = layers.attentions[-1][0, ::group, here, there]
    assert answers.looks.shape == (1, 2)
    torch.testing.assert_close(answers.looks[0], -weights.log(), rtol=1e-3, atol=1e-3)


def test_exact_is_what_greedy_generate_says(scribe, thinker) -> None:
    row = scribe.start()
    scribe.typed(row, Turn("what is the capital of france", ""))
    prompt = torch.tensor([row.ids[: row.replies[0][0]]])
    said = thinker.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=6, do_sample=False
    )[0, prompt.shape[1] :].tolist()
    right = rows.Row()
    right.add(row.ids[: row.replies[0][0]])
    right.replies.append((len(right.ids), len(right.ids) + len(said)))
    right.teach(said, ())
    wrong = deepcopy(right)
    wrong.ids[-1] = wrong.labels[-1] = (said[-1] + 1) % 2048
    assert thinking.exact(thinker, [right, wrong]) == [True, False]


def test_a_quiet_thinker_thinks_the_same(scribe, thinker) -> None:
    row = scribe.start()
    scribe.typed(row, Turn("hello", "Hello! How can I help you?"))
    ids = torch.tensor([row.ids])
    with torch.no_grad():
        before = thinker(input_ids=ids, output_hidden_states=True)
        thinking.quiet(thinker)
        after = thinker(input_ids=ids, output_hidden_states=True)
    torch.testing.assert_close(before.logits, after.logits, rtol=1e-4, atol=1e-4)
    ratio = after.hidden_states[-1].norm() / before.hidden_states[-1].norm()
    assert float(ratio) == pytest.approx(thinking.QUIET, rel=1e-3)


def test_the_embeddings_are_the_shared_table_and_stay(thinker) -> None:
    weight = thinker.get_input_embeddings().weight
    assert torch.equal(weight, hearing.embedding_table(*weight.shape))
    assert not weight.requires_grad


def test_a_long_reply_counts_more_than_a_short_one_but_not_by_its_length(scribe) -> None:
    row = scribe.start()
    scribe.typed(row, Turn("bye", "Bye."))
    short = sum(row.weights)
    scribe.typed(row, Turn("count", "One, two, three, four, five, six, seven, eight, nine, ten."))
    ratio = (sum(row.weights) - short) / short
    lengths = [end - start for start, end in row.replies]
    assert 1 < ratio < (lengths[1] / lengths[0])
    assert len(row.weights) == sum(label != rows.IGNORE for label in row.labels)


def save(network: thinking.Thinker, file: Path, **state: dict) -> None:
    """Writes what a stage's `last.pt` or, without further state, `start.pt` holds."""
    file.parent.mkdir(exist_ok=True)
    modules = {"thinker": network.state_dict()}
    torch.save({"modules": modules, **state} if state else modules, file)


def test_it_is_shipped_with_as_many_layers_as_were_trained(scribe, tmp_path: Path) -> None:
    save(thinking.build_thinker(scribe.tokenizer, 3), tmp_path / "thinker" / "last.pt", averages={})
    shipped = thinking.load_thinker(tmp_path, scribe.tokenizer)
    assert len(shipped.model.language_model.layers) == 3


def test_where_no_training_began_the_unpacked_one_is_shipped(scribe, tmp_path: Path) -> None:
    network = thinking.build_thinker(scribe.tokenizer, 1)
    save(network, tmp_path / "reading" / "start.pt")
    shipped = thinking.load_thinker(tmp_path, scribe.tokenizer)
    assert torch.equal(shipped.lm_head.weight * thinking.QUIET, network.lm_head.weight)
    save(network, tmp_path / "hearing" / "last.pt", averages={})
    with pytest.raises(UserError, match="run 'train thinker' first"):
        thinking.load_thinker(tmp_path, scribe.tokenizer)


def test_a_share_of_the_trained_thinker_is_averaged_with_what_it_went_on_from(
    scribe, tmp_path
) -> None:
    network = thinking.build_thinker(scribe.tokenizer, 1)
    name = "model.language_model.norm.weight"
    network.state_dict()[name].fill_(3.0)
    save(network, tmp_path / "thinker" / "last.pt", averages={})
    network.state_dict()[name].fill_(1.0)
    save(network, tmp_path / "reading" / "start.pt")
    mixed = thinking.load_thinker(tmp_path, scribe.tokenizer, share=0.75).state_dict()[name]
    torch.testing.assert_close(mixed, torch.full_like(mixed, 2.5 * thinking.QUIET))
    (tmp_path / "reading" / "start.pt").unlink()
    with pytest.raises(UserError, match="went on from nothing"):
        thinking.load_thinker(tmp_path, scribe.tokenizer, share=0.75)
