"""Checks of the title that need more than words and patterns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.quantities import quantities
from walmart_pipeline.quality.rules.checks import Case, Finding, rule

YEAR = re.compile(r"(?<![\w.,$-])(?:19[5-9]\d|20[0-4]\d)(?![\w%]|[.,]\d)")
# Shorter words in capitals are mostly acronyms and sizes: USB, LED, XXL.
SHOUTED_LETTERS = 4


@rule("title.length")
def length(case: Case) -> Iterator[Finding]:
    """Outside the range of characters. Evidence: what is beyond the limit, or the whole short title."""
    title, limits = case.listing.title, case.limits
    if len(title) > limits.title_max:
        yield Finding("title", limits.title_max, len(title), values={"count": len(title)})
    elif len(title) < limits.title_min:
        yield Finding("title", 0, len(title), "short", {"count": len(title)})


@rule("title.all_caps")
def shouting(case: Case) -> Iterator[Finding]:
    """Two or more ordinary words in a row in capitals, or one in a title of capitals only.

    Acronyms, model numbers and the brand are not ordinary words.
    """
    title = case.listing.title
    known = case.acronyms | {word.group() for word in texts.PIECE.finditer(texts.folded(case.product.brand or ""))}
    run: list[re.Match[str]] = []
    for word in texts.PIECE.finditer(title):
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


def _shouted(run: list[re.Match[str]], at_least: int = 2) -> Iterator[Finding]:
    if len(run) >= at_least:
        yield Finding("title", run[0].start(), run[-1].end())


@rule("title.year")
def year(case: Case) -> Iterator[Finding]:
    """A year, unless it is in the product's own name or its record has an attribute for it (a 2026 calendar)."""
    title, product = case.listing.title, case.product
    found = list(YEAR.finditer(title))
    if not found:
        return
    own = " ".join(
        [product.product_name, *(value for name, value in product.attributes.items() if "year" in name.lower())]
    )
    measured = {quantity.start for quantity in quantities(title) if quantity.readings}
    for match in found:
        if match.start() not in measured and match.group() not in own:
            yield Finding("title", *match.span())


@rule("title.repeated_words")
def repeated_words(case: Case) -> Iterator[Finding]:
    """A key word for the third time, or two key words in a row for the second. Evidence: the last repeat."""
    title = case.listing.title
    words = [
        (texts.stem(match.group()), match)
        for match in texts.PIECE.finditer(texts.folded(title))
        if match.group().isalpha() and len(match.group()) > 2 and match.group() not in texts.STOP_WORDS
    ]
    times = Counter(stem for stem, _ in words)
    pairs: set[tuple[str, str]] = set()
    covered: set[str] = set()
    for (first, start), (second, end) in pairwise(words):
        if title[start.end() : end.start()].strip(" -"):
            continue
        if (first, second) in pairs and first != second and not {first, second} & covered:
            covered |= {first, second}
            yield Finding("title", start.start(), end.end())
        pairs.add((first, second))
    last = dict(words)
    for stem, count in times.items():
        if count > 2 and stem not in covered:
            yield Finding("title", *last[stem].span())
