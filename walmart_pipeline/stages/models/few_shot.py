"""Selection of a tier's few-shot examples, by merit and diversity, within its context."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from walmart_pipeline.core.records import TrainingExample, content_hash
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import PRODUCT_TOKENS
from walmart_pipeline.llm import token_counts
from walmart_pipeline.stages.models.tiers import Tier

# The weight of merit against similarity to the examples already picked (Carbonell and Goldstein 1998, MMR). Eight
# template texts of a general catalog (412 in 208 categories, mean of ten halves): mean quality 99.84 by merit alone,
# 99.81 at 0.7, 99.63 at 0.3, 98.66 at 0.1; mean similarity 0.022, 0.009, 0.007 and 0.004. At 0.7 most of the diversity
# is gained, for 0.03 points.
MERIT_WEIGHT = 0.7

# A reviewer knows what the rules do not: a star above the middle of five is worth five points of quality, so that a
# text of five stars at 90 precedes one of 99 that nobody has seen, and one of a single star loses ten points.
POINTS_PER_STAR = 5.0
MIDDLE_STARS = 3.0

_WORD = re.compile(r"\w+")


def budget(tier: Tier, system: str) -> int:
    """Tokens left for a tier's few-shot messages: its context less system text, product and answer. Never below 0."""
    used = int(tier.parameters["num_predict"]) + PRODUCT_TOKENS + token_counts.estimate(len(system))
    return max(0, int(tier.parameters["num_ctx"]) - used)


def pick(tier: Tier, examples: Sequence[TrainingExample], budget_tokens: int) -> list[TrainingExample]:
    """The tier's few-shot examples in the order in which they are picked, good enough for it and within the budget.

    The first is the best; each further one is the best by maximal marginal relevance: its merit, less its similarity to
    the most similar one already picked. The order of `examples` does not matter; equal ones are ordered by content
    hash. Empty when nothing fits.
    """
    left = sorted((one for one in examples if one.metadata.quality_score >= tier.min_quality), key=_rank)
    shingles = [_shingles(example) for example in left]
    paths = [example.input.category.split(" > ") for example in left]
    sizes = [size(example) for example in left]
    nearest = [0.0] * len(left)
    waiting = list(range(len(left)))
    picked: list[TrainingExample] = []
    while len(picked) < tier.shots:
        waiting = [at for at in waiting if sizes[at] <= budget_tokens]
        if not waiting:
            break
        # Of equal ones the first, which is the better: max keeps the order.
        best = max(waiting, key=lambda at: MERIT_WEIGHT * merit(left[at]) / 100 - (1 - MERIT_WEIGHT) * nearest[at])
        waiting.remove(best)
        picked.append(left[best])
        budget_tokens -= sizes[best]
        for at in waiting:
            similarity = (_jaccard(shingles[at], shingles[best]) + _shared_path(paths[at], paths[best])) / 2
            nearest[at] = max(nearest[at], similarity)
    return picked


def merit(example: TrainingExample) -> float:
    """Quality in points, raised or lowered by a reviewer's stars."""
    stars = example.metadata.user_rating
    return example.metadata.quality_score + POINTS_PER_STAR * ((stars or MIDDLE_STARS) - MIDDLE_STARS)


def size(example: TrainingExample) -> int:
    """Estimated tokens of an example's two messages."""
    return sum(
        token_counts.estimate(len(prompt.as_json(turn)))
        for turn in (prompt.user(example.input), prompt.answer(example.output))
    )


def _rank(example: TrainingExample) -> tuple[float, str]:
    return -merit(example), content_hash(example.model_dump(mode="json", include={"input", "output"}))


def _shingles(example: TrainingExample) -> frozenset[tuple[str, str]]:
    """Pairs of neighbouring words of an example's texts."""
    facts, text = example.input, example.output
    texts = [facts.product_name, *facts.features, text.title, text.features_formatted, text.description]
    return frozenset(pairwise(_WORD.findall(" ".join(texts).lower())))


def _jaccard(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> float:
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def _shared_path(one: Sequence[str], other: Sequence[str]) -> float:
    """Shared part of two category paths, 0 to 1."""
    shared = next((depth for depth, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return (min(len(one), len(other)) if shared is None else shared) / max(len(one), len(other))
