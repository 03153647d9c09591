"""The vocabulary itself, and the measure that is made of claims."""

from __future__ import annotations

import pytest
import yaml

from walmart_pipeline.judge.claims import Claim, support
from walmart_pipeline.judge.claims.vocabulary import FILE, KINDS, longest, vocabulary
from walmart_pipeline.text.word_search import search_text

CONTENT = yaml.safe_load(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_that_is_put_in_relation_is_a_word(kind: str) -> None:
    section = CONTENT[kind]
    named = [*section["ordinary"], *section.get("passive", ()), *section["wider"]]
    named += [word for words in section["wider"].values() for word in words]
    named += [word for group in section.get("instead", ()) for word in group]
    named += [word for pair in section.get("short_for", {}).items() for word in pair]
    assert [word for word in named if word not in section["words"]] == []


def test_no_spelling_stands_twice_in_a_kind() -> None:
    for kind in KINDS:
        forms = [form for word, others in CONTENT[kind]["words"].items() for form in (word, *others)]
        assert sorted({form for form in forms if forms.count(form) > 1}) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Stainless-Steel and steel", ["Stainless-Steel", "steel"]),
        ("a blue-cheese dip", []),
        ("covered, tanned, hundreds", []),
        ("Black & Decker", ["Black & Decker"]),
        ("café-blue", ["blue"]),
    ],
)
def test_whole_words_are_found_the_longest_at_each_place(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end, _ in longest(vocabulary().search.find(search_text(text)))] == found


def claim(verdict: str) -> Claim:
    return Claim("number", 0, 1, verdict)  # type: ignore[arg-type]


def test_the_measure_is_the_share_supported_and_a_contradiction_weighs_more() -> None:
    assert support([]) is None
    assert support([claim("supported")] * 3) == 100
    one_left_out = support([claim("supported")] * 3 + [claim("unsupported")])
    one_wrong = support([claim("supported")] * 3 + [claim("contradicted")])
    assert one_left_out == 75
    assert one_wrong == 50
