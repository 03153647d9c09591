from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.text import english, tokenizer
from walmart_pipeline.text.analysis import analyze

# Words and signs of which sentences are made, and what makes texts hard to divide.
PARTS = [
    *"The kettle's jug holds 1.7 L and 1,500 W for stainless-steel pots e.g. 12 in. of approx. dresses".split(),
    *("Ends. ends! (ends.) “Ends.” \n \n\n \x01 a\x02b \x00 ş İ é 😀 _ - — … 24/7 and/or ﬁ ß ǅ ² XL").split(" "),
    "　",
    "\u2028",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=60).map(" ".join) | st.text(max_size=80)


def test_words_stems_classes_syllables_and_sentences_of_a_text_are_counted() -> None:
    stats = analyze("Boils 1.7 liters. Keeps\nwarm: the stainless-steel kettles, 2 of them!")
    assert stats.words == "boils 1.7 liters keeps warm the stainless-steel kettles 2 of them".split()
    assert stats.sentences == [3, 1, 7]
    assert stats.syllables == 15
    assert stats.classes == english.word_classes(stats.words)
    assert stats.stems == "boil liter keep warm stainless steel kettle".split()


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_piece_by_piece_a_text_has_the_words_that_it_has_as_a_whole(text: str) -> None:
    stats = analyze(text)
    words = tokenizer.words(text)
    assert stats.words == words
    assert stats.classes == english.word_classes(words)
    assert stats.syllables == sum(map(tokenizer.syllables, words))
    assert stats.stems == tokenizer.key_stems(text)
    assert sum(stats.sentences) == len(words)
