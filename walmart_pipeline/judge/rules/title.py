"""Checks of the title that need more than words and patterns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.quantities import quantities
from walmart_pipeline.text.word_search import has_phrase

YEAR = re.compile(r"(?<![\w.,$-])(?:19[5-9]\d|20[0-4]\d)(?![\w%]|[.,]\d)")
NAMED_YEAR = re.compile(r"\b[^\W\d_]{3,} \d{4}$")
# Words count as adjacent with this between them: Summer of 1984.
BETWEEN_WORDS = re.compile(r"[\s-]+(?:(?:of|the|and|for|in|a)\s+)*", re.IGNORECASE)
# Shorter words in capitals are mostly acronyms and sizes: USB, LED, XXL.
SHOUTED_LETTERS = 4
CAPITALS = re.compile(r"[^\W\d_a-zß-öø-ÿ]{4}")


@rule("title.length")
def length(case: Case) -> Iterator[Finding]:
    """Outside the range of characters. Evidence: what is beyond the limit, or the whole short title."""
    title, limits = case.listing.title, case.limits
    if len(title) > limits.title_max:
        yield Finding("title", limits.title_max, len(title), "long", {"count": len(title)})
    elif len(title) < limits.title_min:
        missing = None if case.title_stats.classes else "missing"
        yield Finding("title", 0, len(title), missing, {"count": len(title)})


@rule("title.all_caps")
def shouting(case: Case) -> Iterator[Finding]:
    """Two or more ordinary words in a row in capitals, or one in a title of capitals only.

    Acronyms, model numbers and the brand are not ordinary words.
    """
    title = case.listing.title
    if CAPITALS.search(title) is None:
        return
    known = case.acronyms | _brand_in_capitals(case)
    run: list[re.Match[str]] = []
    for word in tokenizer.PIECE.finditer(title):
        text = word.group()
        if text.isupper() and text.isalpha() and text.lower() not in known:
            # A short word in capitals neither makes nor breaks a run.
            if len(text) >= SHOUTED_LETTERS:
                run.append(word)
            continue
        if text.isalpha() and text.lower() not in known:
            yield from _shouted(run)
            run = []
    yield from _shouted(run, at_least=1 if title.isupper() else 2)


def _is_key_word(word: str) -> bool:
    """Whether a word counts as repeated; of figures only a year in a name does."""
    return len(word) > 2 and word not in tokenizer.STOP_WORDS and (word.isalpha() or YEAR.fullmatch(word) is not None)


def _without_brand(title: str, brand: str) -> str:
    """The normalized title with the brand blank, which may hold a word of the product: Bramblewick Tea Co."""
    normalized, own = tokenizer.normalized(title), tokenizer.normalized(brand).strip()
    return normalized.replace(own, " " * len(own), 1) if own and " " in own else normalized


def _brand_in_capitals(case: Case) -> set[str]:
    """Words of the brand that the record capitalizes: IBTOM CASTLE."""
    brand, name = case.product.brand or "", case.product.product_name
    own = set(tokenizer.PIECE.findall(tokenizer.normalized(brand)))
    written = tokenizer.PIECE.findall(brand if name.isupper() else f"{brand} {name}")
    return {word.lower() for word in written if word.isupper() and word.lower() in own}


def _shouted(run: list[re.Match[str]], at_least: int = 2) -> Iterator[Finding]:
    if len(run) >= at_least:
        yield Finding("title", run[0].start(), run[-1].end())


@rule("title.year")
def year(case: Case) -> Iterator[Finding]:
    """A year, unless it is in the product's name, a year attribute, or a name in the record (Windows Server 2019)."""
    title, product = case.listing.title, case.product
    found = list(YEAR.finditer(title))
    if not found:
        return
    own = " ".join(
        [
            product.product_name,
            *(value for name, value in product.attributes.items() if "year" in tokenizer.name_words(name)),
        ]
    )
    record = tokenizer.normalized("\n".join([product.description, *product.features, *product.attributes.values()]))
    measured = {quantity.start for quantity in quantities(title) if quantity.readings}
    for match in found:
        if match.start() in measured or has_phrase(own, match.group()):
            continue
        named = NAMED_YEAR.search(tokenizer.normalized(title[: match.end()]))
        if named is None or not has_phrase(record, named.group()):
            yield Finding("title", *match.span())


@rule("title.repeated_words")
def repeated_words(case: Case) -> Iterator[Finding]:
    """A key word used a third time, or two consecutive ones a second time. Evidence: the last repeat."""
    if len(set(case.title_stats.stems)) == len(case.title_stats.stems):
        return
    title = case.listing.title
    words = [
        (tokenizer.stem(match.group()), match)
        for match in tokenizer.PIECE.finditer(_without_brand(title, case.product.brand or ""))
        if _is_key_word(match.group())
    ]
    times = Counter(stem for stem, _ in words if stem.isalpha())
    pairs: set[tuple[str, str]] = set()
    covered: set[str] = set()
    for (first, start), (second, end) in pairwise(words):
        if BETWEEN_WORDS.fullmatch(title, start.end(), end.start()) is None:
            continue
        if (first, second) in pairs and first != second and not {first, second} & covered:
            covered |= {first, second}
            yield Finding("title", start.start(), end.end())
        pairs.add((first, second))
    last = dict(words)
    for stem, count in times.items():
        if count > 2 and stem not in covered:
            yield Finding("title", *last[stem].span())
