"""Suggests how a text could be mended without a model: leave out what breaks a rule, or take the template writer's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from walmart_pipeline.core.records import Listing, Product, QualityReport, Violation
from walmart_pipeline.generation.template.writer import TooFewFactsError, compose
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.text import sentences

# A sentence that is left out may uncover another violation, such as a text that is now too short.
ROUNDS = 3
_SPACES = re.compile(r"[ \t]{2,}")
_LOOSE_MARKS = re.compile(r"\s+([,.;:!?])|^[\s,;:–—-]+|[\s,;:–—-]+$")


class Repair(NamedTuple):
    """A text that could replace a case's own, with its report. name: what it does, for a button."""

    name: str
    listing: Listing
    report: QualityReport


def suggestions(product: Product, listing: Listing, report: QualityReport, judge: Judge) -> list[Repair]:
    """Return the repairs that would be publishable, the one that changes least first."""
    found = []
    if shortened := _shortened(product, listing, report, judge):
        found.append(Repair("Leave out what breaks the rules", *shortened))
    try:
        template = compose(product, judge.policy.limits, judge.acceptable)
    except TooFewFactsError:
        template = None
    if template and template != listing:
        found.append(Repair("Take the template writer’s text", template, judge.report(product, template)))
    return [repair for repair in found if repair.report.publishable]


def _shortened(
    product: Product, listing: Listing, report: QualityReport, judge: Judge
) -> tuple[Listing, QualityReport] | None:
    """The listing without what breaks a blocking rule; None if nothing can be left out."""
    mended, found = listing, report
    for _ in range(ROUNDS):
        blocking = [each for each in found.violations if each.severity == "blocking"]
        shorter = without(mended, blocking)
        if not blocking or shorter == mended:
            break
        mended, found = shorter, judge.report(product, shorter)
    return None if mended == listing else (mended, found)


def without(listing: Listing, violations: list[Violation]) -> Listing:
    """The listing without the words, sentences, features and keywords in which these violations are."""
    title, description = listing.title, listing.description
    dropped: dict[str, set[int]] = {"key_features": set(), "seo_keywords": set()}
    for violation in violations:
        words, (field, _, index) = violation.evidence, violation.field.partition("[")
        if field in dropped and index:
            dropped[field].add(int(index.rstrip("]")))
        elif field == "title" and words and words != title:
            title = _SPACES.sub(" ", _LOOSE_MARKS.sub(r"\1", title.replace(words, " "))).strip()
        elif field == "description" and words:
            description = "\n\n".join(filter(None, _paragraphs_without(description, words)))
    return listing.model_copy(
        update={
            "title": title,
            "description": description,
            **{
                field: [text for place, text in enumerate(getattr(listing, field)) if place not in places]
                for field, places in dropped.items()
            },
        }
    )


def _paragraphs_without(text: str, words: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        if words in paragraph:
            yield " ".join(sentence for sentence in sentences.split(paragraph) if words not in sentence)
        else:
            yield paragraph
