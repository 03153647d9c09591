from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.judge.policy.schema import Phrase
from walmart_pipeline.judge.rules.phrase_search import PhraseSearch
from walmart_pipeline.text import tokenizer

SEARCH = PhraseSearch(
    [
        ("promotion", Phrase(phrase="best seller")),
        ("promotion", Phrase(phrase="best sellers")),
        ("promotion", Phrase(phrase="#1 rated")),
        ("promotion", Phrase(phrase="great deal", not_before=("of", "more"))),
        ("retailer", Phrase(phrase="target", ordinary=True)),
        ("retailer", Phrase(phrase="best buy", proper=True)),
        ("retailer", Phrase(phrase="kohl's")),
        ("other", Phrase(phrase="best seller")),
    ]
)


def found(text: str) -> list[tuple[str, str]]:
    return [(tag, text[start:end]) for tag, start, end in SEARCH.find(text, tokenizer.normalized(text))]


def test_a_phrase_is_found_whole_in_any_case_and_over_any_gap() -> None:
    for text in ("Best seller", "a best-seller.", "BEST  SELLER", "best\nseller", "best - seller best \t seller"):
        assert {words.lower().split()[0][:4] for _, words in found(text.replace("\t", " "))} == {"best"}
    assert found("bestseller best sellery unbest seller") == []


def test_the_span_is_that_of_the_words_as_they_are_written() -> None:
    text = "Now:  our   BEST   SELLERS,  at KOHL’S"
    assert found(text) == [("promotion", "BEST   SELLERS"), ("retailer", "KOHL’S")]


def test_no_phrase_reaches_over_the_end_of_a_paragraph_or_a_dash() -> None:
    assert found("It is the best\n\nSeller of tea.") == []
    assert found("Good, better, best - seller: Brewster") == []


def test_the_longest_phrase_at_a_place_is_told_once_for_each_rule() -> None:
    assert found("best sellers") == [("promotion", "best sellers")]
    assert found("best seller") == [("promotion", "best seller"), ("other", "best seller")]


def test_words_beside_a_phrase_give_it_another_meaning() -> None:
    assert found("a great deal of space, a great deal more") == []
    assert found("a great deal offline") == [("promotion", "great deal")]


def test_an_everyday_word_counts_only_as_a_shops_name() -> None:
    for honest in (
        "Target stubborn stains.",
        "Hit the target.",
        "Dart Target Set",
        "18 in Target",
        "best buy date on the lid",
    ):
        assert found(honest) == []
    for named in ("Find it at Target.", "Only at Target stores", "They say Target sells it.", "cheaper than best buy"):
        assert len(found(named)) == 1


def test_a_sign_may_begin_a_phrase() -> None:
    assert found("the #1 rated kettle") == [("promotion", "#1 rated")]


def test_no_phrases_find_nothing() -> None:
    assert PhraseSearch([]).find("best seller", "best seller") == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["best", "seller", " ", "-", "\n", "  ", "é", "İ", "😀", "\0", "at Target", ".", "x"])))
def test_in_any_text_a_span_holds_its_phrase(parts: list[str]) -> None:
    text = "".join(parts)
    for _, start, end in SEARCH.find(text, tokenizer.normalized(text)):
        words = tokenizer.normalized(text[start:end]).replace("-", " ").split()
        assert words in (["best", "seller"], ["target"])
        assert start == 0 or not text[start - 1].isalnum()
        assert end == len(text) or not text[end].isalnum()
