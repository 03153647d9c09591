from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.text import analysis, english, hash_slots, tokenizer
from walmart_pipeline.text.analysis import CROWD, ECHO_WORDS, cut, cuts

# Words and signs of which sentences are made, and what makes texts hard to cut.
PARTS = [
    *"The kettle's jug holds 1.7 L and 1,500 W for stainless-steel pots e.g. 12 in. of approx. dresses".split(),
    *("Ends. ends! (ends.) “Ends.” \n \n\n \x01 \x02 a\x02b \x00 ş İ é 😀 _ - — … 24/7 and/or ﬁ ß ǅ ² XL").split(" "),
    "　",
    "\u2028",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=60).map(" ".join) | st.text(max_size=80)


def sentences(text: str) -> list[int]:
    """How many words each sentence has, read word by word."""
    found = [0]
    for line in tokenizer.folded(text).split("\n"):
        for piece in line.split():
            found[-1] += len(tokenizer.WORD.findall(piece))
            if tokenizer.ends_sentence(piece):
                found.append(0)
        found.append(0)
    return [length for length in found if length]


def test_all_that_is_asked_of_a_text_is_told_at_once() -> None:
    told = cut("Boils 1.7 liters. Keeps\nwarm: the stainless-steel kettles, 2 of them!")
    assert told.words == 11
    assert told.different == 11
    assert told.sentences == [3, 1, 7]
    assert told.syllables == 15
    assert isinstance(told.syllables, int)
    assert told.shape == english.shape("boils 1.7 liters keeps warm the stainless-steel kettles 2 of them".split())
    assert told.stems == [analysis.stem_code(stem) for stem in "boil liter keep warm stainless steel kettle".split()]
    assert [bool(hashed) for hashed in told.hashes] == [True, False, *[True] * 6, False, True, True]


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_texts_are_cut_in_company_as_they_are_alone(several: list[str]) -> None:
    for text, told in zip(several, cuts(several), strict=True):
        # These two only mark borders inside.
        plain = text.replace("\1", "\n") if "\1" in text.split() else text
        words = tokenizer.words(text)
        assert told.words == len(words) == len(told.hashes) == len(told.shape)
        assert told.different == len(set(words))
        assert told.shape == english.shape(words)
        assert told.unlikely == sum(odds >= english.UNLIKELY_ODDS for odds in english.odds(told.shape))
        assert told.syllables == sum(map(tokenizer.syllables, words))
        assert told.stems == analysis.stem_codes(text)
        assert told.sentences == sentences(plain)
        assert told.hashes.tolist() == cut(text).hashes.tolist()


def test_words_in_disorder_are_counted() -> None:
    assert cut("the of and a to").unlikely > 2
    assert cut("The kettle of the house stands on a shelf.").unlikely == 0


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.sampled_from("oak elm ash fir yew".split()), max_size=40), max_size=5))
def test_an_echo_and_a_crowd_are_found_in_their_own_text_alone(several: list[list[str]]) -> None:
    for words, told in zip(several, cuts([" ".join(words) for words in several]), strict=True):
        windows = Counter(tuple(words[start : start + ECHO_WORDS]) for start in range(len(words) - ECHO_WORDS + 1))
        assert told.echoes == any(count > 1 for count in windows.values())
        assert told.crowded == any(count > CROWD for count in Counter(words).values())


def test_a_code_tells_a_stem_of_figures_from_a_word() -> None:
    assert [analysis.is_figure(code) for code in analysis.stem_codes("steel 24 pockets x2 300")] == [
        False,
        True,
        False,
        False,
        True,
    ]


# Few slots for many values: what shares a slot without being equal is compared.
VALUES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=200)


@settings(max_examples=200, deadline=None)
@given(VALUES, VALUES, st.integers(0, 3))
def test_equal_values_are_found_as_by_comparing_all(values: list[int], known: list[int], bits: int) -> None:
    kept, hash_slots.SLOT_BITS = hash_slots.SLOT_BITS, bits + 1
    try:
        again = hash_slots.again(np.array(values, dtype=np.uint64))
        among = hash_slots.among(np.array(values, dtype=np.uint64), np.array(known, dtype=np.uint64))
        crowded = hash_slots.crowded(np.array(values, dtype=np.uint64), 3)
    finally:
        hash_slots.SLOT_BITS = kept
    once = [value for value, repeated in zip(values, again, strict=True) if not repeated]
    assert sorted(once) == sorted(set(values))
    assert among.tolist() == [value in known for value in values]
    assert crowded.tolist() == [values.count(value) > 3 for value in values]
