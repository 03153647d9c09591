"""The measures of a listing beside its violations: coverage, readability, search.

Belongs here: one function a dimension, each 0–100, None where there is nothing to measure.
Does not: weights and penalties (the policy profile), or the score (judge.py).
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding import Figures, figures
from walmart_pipeline.quality.quantities import quantities
from walmart_pipeline.quality.rules import Case

# US adults read at grade 7 to 8 on average (Plain Language Action and Information Network); grade 18 is a doctorate.
PLAIN_GRADE, HARDEST_GRADE = 8.0, 18.0
# A value of many words counts as told when most of them are there: "Stainless Steel and BPA-free Plastic".
TOLD_SHARE = 0.6
# Identifiers stand on the page, not in the text.
IDENTIFIER = re.compile(r"\d{8,14}|[A-Z0-9]+(?:-[A-Z0-9]+)+|https?://\S+")
NOTHING_TO_TELL = frozenset(
    {"no", "none", "n/a", "na", "false", "0", "does not apply", "not applicable", "unknown", ""}
)
YES = frozenset({"yes", "true", "y"})
# Of 772 real descriptions with 60 key words or more, 95 % keep their most frequent one below 10.3 % of them; in a short
# text a word that comes five times is no stuffing whatever its share.
STUFFED_SHARE = 0.10
STUFFED_TIMES = 5
VOWELS = re.compile(r"[aeiouy]+")


def coverage(case: Case) -> float | None:
    """Share of the record's attributes whose value the text tells. None: no attribute that a text could tell."""
    told = [(name, value) for name, value in case.product.attributes.items() if _tellable(value)]
    if not told:
        return None
    words = frozenset(case.title_stems).union(case.description_stems, *case.feature_stems)
    stated = figures(quantity for _, quantity in case.stated)
    return 100 * sum(_tells(name, value, words, stated) for name, value in told) / len(told)


def _tellable(value: str) -> bool:
    return value.strip().lower() not in NOTHING_TO_TELL and IDENTIFIER.fullmatch(value.strip()) is None


def _tells(name: str, value: str, words: frozenset[str], stated: Figures) -> bool:
    if value.strip().lower() in YES:
        return _most(texts.key_stems(name), words)
    numbers = quantities(value)
    if any(stated.judge(quantity) != "supported" for quantity in numbers):
        return False
    for quantity in reversed(numbers):
        value = value[: quantity.start] + " " + value[quantity.end :]
    rest = texts.key_stems(value)
    return _most(rest, words) if rest else bool(numbers)


def _most(wanted: list[str], words: frozenset[str]) -> bool:
    return bool(wanted) and sum(word in words for word in wanted) >= TOLD_SHARE * len(wanted)


@lru_cache(maxsize=1 << 16)
def syllables(word: str) -> int:
    """Groups of vowels of a lower-case word, without a silent final e; at least 1."""
    count = len(VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)


def readability(case: Case) -> float | None:
    """Flesch–Kincaid grade of the description, mapped to 0–100; None without words.

    Grade = 0.39 words a sentence + 11.8 syllables a word − 15.59 (Kincaid et al. 1975, Navy Research Branch 8-75).
    100 up to grade 8, which most shoppers read with ease, and evenly down to 0 at grade 18.
    """
    words = case.description_words
    if not words:
        return None
    sentences = texts.sentence_count(case.listing.description)
    grade = 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    return min(100.0, max(0.0, 100 * (HARDEST_GRADE - grade) / (HARDEST_GRADE - PLAIN_GRADE)))


def search(case: Case) -> float | None:
    """How much of the brand (a quarter), the name's key words (half) and the category's words (a quarter) the text has.

    Title and description count. A part that the record lacks is left out; None when it lacks all.
    Less what stuffing costs: see `_stuffing`.
    """
    product = case.product
    words = {*case.title_stems, *case.description_stems}
    parts = [
        (weight, wanted)
        for weight, wanted in (
            (1, {*texts.key_stems(product.brand or "")}),
            (2, {word for word in texts.key_stems(product.product_name) if not word.isdigit()}),
            (1, {*texts.key_stems(product.category[-1])} if product.category else set()),
        )
        if wanted
    ]
    if not parts:
        return None
    found = sum(weight * len(wanted & words) / len(wanted) for weight, wanted in parts)
    return max(0.0, 100 * found / sum(weight for weight, _ in parts) - _stuffing(case.description_stems))


def _stuffing(words: list[str]) -> float:
    """10 points for each per cent of the description's key words that its most frequent word holds above the limit."""
    if not words:
        return 0.0
    times = max(Counter(words).values())
    share = times / len(words)
    return 1000 * (share - STUFFED_SHARE) if share > STUFFED_SHARE and times > STUFFED_TIMES else 0.0
