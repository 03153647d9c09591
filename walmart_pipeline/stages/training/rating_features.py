"""What a text's rating is foretold from: the judge's measures, lengths, and words.

Belongs here: turning a report and a listing into numbers and words. Does not: what they are worth (rating_fit.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from walmart_pipeline.core.records import Dimension, Listing, QualityReport
from walmart_pipeline.judge.judge import Judge

# Bumped when the same text would give other numbers: models are then trained anew.
VERSION = "1"

# Without uniqueness: it is measured against the catalog of the day, in which a text that was rated months ago no longer
# stands.
DIMENSIONS: tuple[Dimension, ...] = ("compliance", "grounding", "coverage", "readability", "search")
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class Features:
    """A text as numbers by name, and the words that are in it. A dimension that was not measured is None."""

    numbers: dict[str, float | None]
    words: frozenset[str]


def score_alone(report: QualityReport, judge: Judge) -> float:
    """The score of a text without its uniqueness: the same for a text of today and one that was rated long ago."""
    if not report.score:
        return 0.0
    blocked = any(violation.severity == "blocking" for violation in report.violations)
    return judge.grade({**report.dimensions, "uniqueness": None}, blocked=blocked).score


def features(report: QualityReport, listing: Listing, judge: Judge) -> Features:
    """The features of a text; the same names for every text."""
    severities = [violation.severity for violation in report.violations]
    lengths = [len(feature) for feature in listing.key_features]
    measured: dict[str, float | None] = {name: report.dimensions.get(name) for name in DIMENSIONS}
    text = " ".join((listing.title, *listing.key_features, listing.description))
    return Features(
        numbers={
            "score": score_alone(report, judge),
            **measured,
            **{f"{name} is measured": float(value is not None) for name, value in measured.items()},
            "is blocked": float("blocking" in severities),
            "blocking violations": float(severities.count("blocking")),
            "major violations": float(severities.count("major")),
            "minor violations": float(severities.count("minor")),
            "characters of the title": float(len(listing.title)),
            "features": float(len(lengths)),
            "characters of a feature": sum(lengths) / len(lengths) if lengths else 0.0,
            "words of the description": float(len(listing.description.split())),
            "search keywords": float(len(listing.seo_keywords)),
        },
        words=frozenset(_WORD.findall(text.casefold())),
    )
