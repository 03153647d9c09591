"""Checks of the key features that need more than words and patterns."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.text.tokenizer import key_stems

# Words that add no meaning to a feature.
EMPHASIS = frozenset(key_stems("too also very really just even well truly quite"))


@rule("features.count")
def count(case: Case) -> Iterator[Finding]:
    """Too few features, or too many (evidence: the first one too many). Blank ones do not count."""
    features, limits = case.listing.key_features, case.limits
    written = [index for index, feature in enumerate(features) if feature.strip()]
    values = {"count": len(written)}
    if len(written) < limits.features_min:
        yield Finding("listing", values=values)
    elif len(written) > limits.features_max:
        surplus = written[limits.features_max]
        yield Finding(f"key_features[{surplus}]", 0, len(features[surplus]), "many", values)


@rule("features.length")
def length(case: Case) -> Iterator[Finding]:
    """A feature that is too long. Evidence: what is beyond the limit."""
    for index, feature in enumerate(case.listing.key_features):
        if len(feature) > case.limits.feature_max_chars:
            yield Finding(
                f"key_features[{index}]", case.limits.feature_max_chars, len(feature), values={"count": len(feature)}
            )


@rule("features.duplicate")
def duplicate(case: Case) -> Iterator[Finding]:
    """A feature of the same key words as an earlier one, whatever their order, number and emphasis."""
    seen: set[frozenset[str]] = set()
    for index, (feature, stats) in enumerate(zip(case.listing.key_features, case.feature_stats, strict=True)):
        words = frozenset(stats.stems) - EMPHASIS
        if words and words in seen:
            yield Finding(f"key_features[{index}]", 0, len(feature))
        seen.add(words)
