"""Checks of how a text is written where a rule is exact; what is a matter of degree is left to a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.judge.rules.language import shown
from walmart_pipeline.text import english, sentences, tokenizer

# Key features that are cut one after another out of running text: of 1,215 other texts, 241 good ones and 974 records'
# own, none has two such seams.
SEAMS = 2
# Consecutive words without a function word or a mark between them. Titles may be piles of key words, sentences may not:
# none of 241 good descriptions has 12 in a row, 201 of 704 sellers' have.
PILE_WORDS = 12
PILE = re.compile(rf"[{english.OTHER}{english.UNPRONOUNCEABLE}]{{{PILE_WORDS},}}")
# Words that never end a phrase, and those that never begin one.
ENDS_OPEN = re.compile(r"(?:[,;:(&/–-]|(?<![\w-])(?:a|an|the|of|and|or|but|your|our|its|their|than|with))\s*$")
BEGINS_LATE = re.compile(r"\s*(?:[,.;:)]|(?:and|or|but|also|not too|not only|which|because|as well)\b)", re.IGNORECASE)


@rule("writing.word_soup")
def word_soup(case: Case) -> Iterator[Finding]:
    """Key features that are consecutive pieces of one running text, cut in the middle of its sentences."""
    text = f" {' '.join(case.description_stats.words)} "
    features = [(index, " ".join(stats.words)) for index, stats in enumerate(case.feature_stats) if stats.words]
    seams = [
        first
        for (first, before), (_, after) in pairwise(features)
        if f" {before} {after} " in text and not _ends_sentence(case.listing.key_features[first])
    ]
    if len(seams) >= SEAMS:
        feature = case.listing.key_features[seams[0]]
        yield Finding(f"key_features[{seams[0]}]", 0, len(feature))


def _ends_sentence(feature: str) -> bool:
    return feature.rstrip().endswith((".", "!", "?"))


@rule("writing.fragment")
def fragment(case: Case) -> Iterator[Finding]:
    """A key feature that breaks off, or that is the end of a sentence: "Not too short", "Wide double-zip opening,"."""
    for index, feature in enumerate(case.listing.key_features):
        if feature.strip() and (ENDS_OPEN.search(feature) or BEGINS_LATE.match(feature)):
            yield Finding(f"key_features[{index}]", 0, len(feature))


@rule("writing.keyword_pile")
def keyword_pile(case: Case) -> Iterator[Finding]:
    """A row of words in the description without an article, a preposition, a verb or a mark among them."""
    if not PILE.search(case.description_stats.classes):
        return
    text = case.listing.description
    for start, end in sentences.spans(text):
        words = list(tokenizer.WORD.finditer(tokenizer.normalized(text[start:end])))
        if len(words) < PILE_WORDS:
            continue
        form = english.word_classes(word.group() for word in words)
        for run in PILE.finditer(form):
            piece = words[run.start() : run.end()]
            first, last = start + piece[0].start(), start + piece[-1].end()
            if _longest_without_marks(text[first:last]) >= PILE_WORDS:
                yield Finding("description", first, first + shown(text[first:last]))
                return


def _longest_without_marks(text: str) -> int:
    return max(len(tokenizer.WORD.findall(part)) for part in re.split(r"[,;:.()/|•–-]\s|\s[-–(]", text))
