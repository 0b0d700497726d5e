"""The domain keeps its promises: how much there is, one reply to each question, splits apart."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict

import pytest

from voicechat.spelling import normalise, number
from voicechat.training.domain import (
    KINDS,
    SELDOM,
    SPLITS,
    Talk,
    phrasing,
    questions,
    reply_sentences,
    sentences,
    talk,
    taught_talk,
)
from voicechat.training.domain.arithmetic import counted
from voicechat.training.domain.item import load
from voicechat.training.domain.items import items
from voicechat.training.domain.outside import (
    _fill,
    _slots,
    _templates,
    fillings,
    replies,
    unknown_form,
)
from voicechat.training.domain.paraphrase import paraphrase
from voicechat.training.domain.phrasing import indirect
from voicechat.training.domain.talks import rest

VALUES = {number(n): n for n in range(401)}


def draws(split: str, n: int = 6000, kind: str | None = None) -> list[Talk]:
    rng = random.Random(f"{split} {kind}")
    return [talk(rng, split, kind) for _ in range(n)]


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Talk]]:
    return {split: draws(split) for split in SPLITS}


PROMISED = {
    "chat": 40, "sum": 441, "product": 121, "count": 10100, "capital": 120, "color": 40,
    "opposite": 60, "sound": 25, "spelling": 80, "fact": 300, "joke": 10,
}  # fmt: skip


@pytest.mark.parametrize("kind", PROMISED)
def test_there_are_as_many_things_to_ask_as_promised(kind: str) -> None:
    assert len(items()[kind]) >= PROMISED[kind]
    assert len({item.reply for item in items()[kind]}) >= min(PROMISED[kind], 300)


def test_twenty_stories_and_rhymes_have_five_sentences() -> None:
    told = [item.reply for kind in ("story", "rhyme") for item in items()[kind]]
    assert sum(len(sentences(text)) >= 5 for text in told) >= 20


def test_every_fact_has_its_own_forms() -> None:
    assert all(len(set(item.forms)) >= 3 for item in items()["fact"])


@pytest.mark.parametrize("kind", ["capital", "sum", "fact", "chat", "story", "spelling"])
def test_each_thing_is_asked_in_ten_ways(kind: str) -> None:
    ways = defaultdict(set)
    for _, user, reply in questions("train", kind, n=45 * len(items()[kind])):
        ways[reply].add(user)
    assert min(map(len, ways.values())) >= 10, min(ways.items(), key=lambda way: len(way[1]))


def test_nothing_said_first_has_two_replies(drawn: dict[str, list[Talk]]) -> None:
    replies = defaultdict(set)
    for split in SPLITS:
        for conversation in drawn[split]:
            replies[conversation.turns[0].user].add(conversation.turns[0].reply)
    assert {user: said for user, said in replies.items() if len(said) > 1} == {}


def test_no_form_belongs_to_two_replies() -> None:
    replies = defaultdict(set)
    for of_kind in items().values():
        for item in of_kind:
            for form in item.forms:
                replies[form].add(item.reply)
    assert {form: said for form, said in replies.items() if len(said) > 1} == {}


def test_what_is_unknown_is_never_known() -> None:
    known = {form for of_kind in items().values() for item in of_kind for form in item.forms}
    for _, _, templates in (*_templates(new=False), *_templates(new=True)):
        for template in templates:
            assert known.isdisjoint(fillings(template)), template


@pytest.mark.parametrize("split", ["phrasing", "pairs"])
def test_held_out_questions_are_never_trained(drawn: dict[str, list[Talk]], split: str) -> None:
    trained = {turn.user for t in drawn["train"] for turn in t.turns}
    assert not trained & {t.turns[-1].user for t in drawn[split]}


def test_no_trained_template_can_be_filled_to_a_new_question() -> None:
    trained = {f for _, _, some in _templates(new=False) for t in some for f in fillings(t)}
    rng = random.Random(0)
    assert trained.isdisjoint(unknown_form(rng, new=True)[1] for _ in range(3000))
    assert {unknown_form(rng, new=False)[1] for _ in range(1000)} <= trained


def test_new_small_talk_is_no_trained_form_in_a_trained_wrapper() -> None:
    def spelled_out(text: str) -> str:
        return re.sub(r"'s\b", " is", text.replace("'m ", " am ").replace("let's", "let us"))

    rng = random.Random(0)
    for item in items()["chat"]:
        trained = {
            spelled_out(wrapper.format(form))
            for wrapper in phrasing._TRAIN["bare"]
            for form in phrasing.forms_of(item.forms, "train")
        }
        for _ in range(3000 // len(items()["chat"])):
            asked = spelled_out(phrasing.ask(rng, item.forms, "phrasing", bare=True))
            assert re.sub(r"\b(um|uh) ", "", asked) not in trained


def test_equal_slots_are_filled_with_different_words() -> None:
    rng, doubled = random.Random(0), {f"{tool} or {tool}" for tool in _slots()["tool"]}
    assert doubled.isdisjoint(fillings("{tool} or {tool}"))
    assert doubled.isdisjoint(_fill(rng, "{tool} or {tool}") for _ in range(1000))


def test_held_out_wrappers_are_never_trained(drawn: dict[str, list[Talk]]) -> None:
    held = re.compile("^i want to know (what|which|how|where) | my friend$")
    own = {item.reply for item in items()["chat"]} | replies()  # their forms say "my friend" too
    turns = (turn for t in drawn["train"] if t.kind != "unclear" for turn in t.turns)
    asked = [turn.user for turn in turns if turn.reply and turn.reply not in own]
    assert not list(filter(held.search, asked))
    assert any(turn.user.endswith(" my friend") for t in drawn["phrasing"] for turn in t.turns)


def test_what_is_asked_seldom_is_drawn_by_its_trained_ways() -> None:
    rng = random.Random(0)
    drawn = [taught_talk(rng, 1.0) for _ in range(8000)]
    assert {t.kind for t in drawn} == set(SELDOM)
    things = {item.reply: item for item in items()["chat"]}
    held = {item.forms[-1] for item in things.values()}
    assert held.isdisjoint(t.turns[0].user for t in drawn)
    often = Counter(t.turns[0].reply for t in drawn)
    for more, less in (("Okay.", "Good morning!"), ("Great!", "You are welcome.")):
        assert len(things[more].forms) > len(things[less].forms)
        assert often[more] > often[less]


@pytest.mark.parametrize(
    ("form", "other"),
    [
        ("what is the largest bird", "which bird is the largest"),
        ("what is three plus four", "what is the result of three plus four"),
        ("how many legs does a spider have", "a spider has how many legs"),
        ("who invented the telephone", "who was it that invented the telephone"),
        ("where do kangaroos come from", "from where do kangaroos come"),
    ],
)
def test_a_form_is_said_in_other_words(form: str, other: str) -> None:
    assert other in {paraphrase(random.Random(seed), form) for seed in range(400)}


@pytest.mark.parametrize(
    ("form", "never"),
    [
        ("which country is the largest", "countrys"),
        ("how many days does january have", " on january"),
        ("what do you call a baby cat", "how do you call"),
        ("what is the tallest animal", "highest"),
    ],
)
def test_other_words_are_no_worse(form: str, never: str) -> None:
    assert not [o for seed in range(400) if never in (o := paraphrase(random.Random(seed), form))]


def test_what_no_rule_fits_stays_as_it_is() -> None:
    assert paraphrase(random.Random(0), "good night") == "good night"


@pytest.mark.parametrize(("kind", "share"), [("count", 1 / 10), ("larger", 1 / 100)])
def test_some_pairs_are_held_out(kind: str, share: float) -> None:
    held = sum(item.pair for item in items()[kind])
    assert held / len(items()[kind]) == pytest.approx(share, rel=0.4)


def test_held_out_counts_are_never_in_training(drawn: dict[str, list[Talk]]) -> None:
    held = {item.reply for item in items()["count"] if item.pair}
    assert not held & {turn.reply for t in drawn["train"] for turn in t.turns}


def test_a_pair_compared_is_held_out_in_both_orders() -> None:
    def pairs(held: bool) -> set[frozenset[str]]:
        forms = (item.forms[0] for item in items()["larger"] if item.pair == held)
        return {frozenset(form.split(" ", 3)[3].split(" or ")) for form in forms}

    assert pairs(True)
    assert pairs(True).isdisjoint(pairs(False))


@pytest.mark.parametrize("form", ["count to ten", "what is thirteen minus nine"])
def test_what_people_ask_first_is_never_held_out(form: str) -> None:
    asked = [item for kind in ("count", "difference") for item in items()[kind]]
    assert [item.pair for item in asked if form in item.forms] == [False]


def test_sums_are_right() -> None:
    for kind, sign in (("sum", "plus"), ("difference", "minus"), ("product", "times")):
        for item in items()[kind]:
            a, b = (VALUES[part] for part in item.forms[1].split(f" {sign} "))
            right = {"plus": a + b, "minus": a - b, "times": a * b}[sign]
            if right < 0:
                assert item.reply == "That is less than zero."
            else:
                assert normalise(item.reply) == f"{number(a)} {sign} {number(b)} is {number(right)}"


def test_sums_that_follow_use_the_last_result() -> None:
    checked = 0
    for conversation in draws("train", 2000, "follow"):
        if re.search(r" (plus|minus|times) ", conversation.turns[0].reply):
            results = [normalise(turn.reply).split(" is ") for turn in conversation.turns]
            for (_, last), (asked, _) in zip(results, results[1:], strict=False):
                assert re.split(" plus | minus | times ", asked)[0] == last
                checked += 1
    assert checked > 100


def test_the_larger_number_is_larger() -> None:
    for item in items()["larger"]:
        a, b = (VALUES[part] for part in item.forms[0].split(" ", 3)[3].split(" or "))
        winner = max(a, b) if "larger" in item.reply else min(a, b)
        assert normalise(item.reply).split(" is ")[0] == number(winner)


@pytest.mark.parametrize(("a", "b"), [(1, 100), (100, 0), (7, 12), (30, 31), (20, 9)])
def test_counting_says_every_number_once_in_short_sentences(a: int, b: int) -> None:
    step = 1 if a < b else -1
    said = [VALUES[part] for part in re.split(r"[,.] ?", counted(a, b).lower()) if part]
    assert said == list(range(a, b + step, step))
    assert max(sentence.count(",") for sentence in sentences(counted(a, b))) <= 10


def test_going_on_completes_the_interrupted_reply() -> None:
    cuts = 0
    for conversation in draws("train", 2000, "resume"):
        for turn, following in zip(conversation.turns, conversation.turns[1:], strict=False):
            if turn.heard is not None:
                assert turn.reply.startswith(turn.heard)
                whole = f"{turn.heard} {following.reply}"
                assert normalise(whole) == normalise(turn.reply)
                cuts += 1
    assert cuts > 1500


def test_the_rest_starts_with_the_next_word() -> None:
    count = "One, two, three. Four."
    assert rest(count, "One, two") == rest(count, "One, two,") == "... three. Four."


def test_unfinished_turns_and_only_they_have_no_reply(drawn: dict[str, list[Talk]]) -> None:
    for conversation in (t for split in SPLITS for t in drawn[split]):
        *before, last = conversation.turns
        assert (last.reply == "") == (conversation.kind == "unfinished"), conversation
        assert all(turn.reply for turn in before)


def test_what_is_unfinished_is_no_question_of_its_own() -> None:
    complete = {form for some in items().values() for item in some for form in item.forms}
    complete |= {t.turns[0].user for kind in KINDS for t in draws("train", 300, kind)
                 if t.turns[0].reply}  # fmt: skip
    for split in ("train", "phrasing"):
        broken = {t.turns[-1].user for t in draws(split, 3000, "unfinished")}
        assert not broken & complete


def test_what_was_told_last_is_remembered() -> None:
    for conversation in draws("train", 500, "memory"):
        *before, asked = conversation.turns
        if asked.reply.startswith("Your name is"):
            names = [t.reply for t in before if t.reply.startswith("Nice to meet you, ")]
            assert asked.reply.split()[-1] == names[-1].split()[-1]


def test_every_reply_is_made_of_listed_sentences(drawn: dict[str, list[Talk]]) -> None:
    listed = set(reply_sentences())
    for conversation in (t for split in SPLITS for t in drawn[split]):
        before_cut = conversation.turns[:1] if conversation.kind == "resume" else conversation.turns
        for turn in before_cut:
            said = {s for s in sentences(turn.reply) if not s.startswith("From ")}  # sampled
            assert said <= listed, turn


def test_replies_are_short_plain_and_in_words() -> None:
    for sentence in reply_sentences():
        assert re.fullmatch(r"([A-Z]|\.\.\. [A-Za-z])[A-Za-z,' ]*[.!?]", sentence), sentence
        assert len(sentence.split()) <= 20, sentence


def test_users_text_is_normal(drawn: dict[str, list[Talk]]) -> None:
    for conversation in (t for split in SPLITS for t in drawn[split]):
        for turn in conversation.turns:
            assert normalise(turn.user) == turn.user


def test_all_kinds_are_drawn_and_the_same_seed_draws_the_same(
    drawn: dict[str, list[Talk]],
) -> None:
    assert {t.kind for t in drawn["train"]} == set(KINDS)
    assert drawn["train"][:500] == draws("train", 500)


def test_single_questions_are_different() -> None:
    asked = questions("phrasing", n=500, seed=3)
    assert len({user for _, user, _ in asked}) == 500


def test_a_prefix_of_the_sentences_samples_the_whole() -> None:
    def sums(some: tuple[str, ...]) -> float:
        return sum(" plus " in sentence for sentence in some) / len(some)

    assert sums(reply_sentences()[:400]) == pytest.approx(sums(reply_sentences()), abs=0.05)


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        ("What's 3+4?", "what's three plus four"),
        ("12 - 5", "twelve minus five"),
        ("6x7, please!", "six times seven please"),
        ("Twenty-one or 19?", "twenty one or nineteen"),
        ("What colour is a LEMON", "what color is a lemon"),
        ("the 3rd day", "the third day"),
        ("1,200 and 3.5", "one thousand two hundred and three point five"),
    ],
)
def test_typed_text_is_spelled_as_it_is_heard(typed: str, heard: str) -> None:
    assert normalise(typed) == heard


@pytest.mark.parametrize(
    ("direct", "expected"),
    [
        ("what is the capital of italy", "what the capital of italy is"),
        ("what does a cow say", "what a cow says"),
        ("how many legs does an ant have", "how many legs an ant has"),
        ("how do you spell cat", "how you spell cat"),
        ("why do things fall", "why do things fall"),
        ("what is wool made from", "what is wool made from"),
        ("what is the baby of a swan called", "what is the baby of a swan called"),
        ("what is it that a pig says", "what is it that a pig says"),
        ("what is left when you take four from five", "what is left when you take four from five"),
        ("what is a chameleon known for", "what is a chameleon known for"),
        ("what is faster light or sound", "what is faster light or sound"),
        ("where are you from", "where are you from"),
        ("what is the meaning of life", "what the meaning of life is"),
        ("who are you", "who you are"),
    ],
)
def test_indirect_questions(direct: str, expected: str) -> None:
    assert indirect(direct) == expected


@pytest.mark.parametrize(
    ("form", "reply"),
    [
        ("is this private", "It stays in this computer."),
        ("where does my voice go", "It stays in this computer."),
        ("do you record me", "No, I don't keep anything."),
        ("what is the united states capital", "The capital of the United States is Washington."),
        ("what is cyprus's capital", "The capital of Cyprus is Nicosia."),
    ],
)
def test_a_form_has_its_reply(form: str, reply: str) -> None:
    asked = [item for of_kind in items().values() for item in of_kind if form in item.forms]
    assert [item.reply for item in asked] == [reply]


def test_templates_outside_the_domain_are_many() -> None:
    templates = [t for reply, some in load("outside").items() if reply != "slots" for t in some]
    assert len(set(templates)) == len(templates) >= 150
