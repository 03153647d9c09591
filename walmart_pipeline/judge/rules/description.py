"""Checks of the description that need more than words and patterns."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.text import tokenizer

# Eight consecutive words do not repeat by chance in a text of some hundred words.
REPEATED_WORDS = 8
# Long product names and tables of sizes repeat too: half of the words must not be the name's, and at most one a figure.
OWN_WORDS, FIGURES = 4, 1
# Evidence for a text that is too long: the characters after the limit.
SHOWN_CHARS = 80


@rule("description.length")
def length(case: Case) -> Iterator[Finding]:
    """Too few words or too many characters."""
    description, limits = case.listing.description, case.limits
    words = len(case.description_stats.words)
    if words < limits.description_min_words:
        yield Finding("description", variant=None if words else "missing", values={"count": words})
    if len(description) > limits.description_max_chars:
        start = limits.description_max_chars
        end = min(len(description), start + SHOWN_CHARS)
        yield Finding("description", start, end, "long", {"count": len(description)})


@rule("description.repeated_text")
def repeated_text(case: Case) -> Iterator[Finding]:
    """Eight or more consecutive words that are repeated, except the product's name and tables of sizes."""
    # Eight words in a row are six triples.
    if case.repeated_triples < REPEATED_WORDS - 2:
        return
    windows = _windows(case.description_stats.words)
    if len(set(windows)) == len(windows):
        return
    name = set(tokenizer.words(case.product.product_name))
    found = list(tokenizer.WORD.finditer(tokenizer.normalized(case.listing.description)))
    words, spans = [match.group() for match in found], [match.span() for match in found]
    seen: dict[tuple[str, ...], int] = {}
    index = 0
    while index < len(windows):
        window = windows[index]
        earlier = seen.setdefault(window, index)
        if earlier == index or _is_name_or_table(window, name):
            index += 1
            continue
        size = REPEATED_WORDS
        while index + size < len(words) and words[earlier + size] == words[index + size]:
            size += 1
        yield Finding("description", spans[index][0], spans[index + size - 1][1])
        index += size


def _windows(words: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*(words[offset:] for offset in range(REPEATED_WORDS)), strict=False))


def _is_name_or_table(window: tuple[str, ...], name: set[str]) -> bool:
    own = sum(len(word) > 1 and word not in name for word in window)
    return own < OWN_WORDS or sum(word[0].isdigit() for word in window) > FIGURES
