"""The few-shot examples of a tier: which ones.

Belongs here: choosing examples by merit and spread, and their size.
Does not: what a tier asks for (tiers.py), or how messages are written to a Modelfile (modelfile_build.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from walmart_pipeline.core.records import TrainingExample, content_hash
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import PRODUCT_TOKENS
from walmart_pipeline.llm import token_counts
from walmart_pipeline.stages.models.tiers import Tier

# What merit weighs against being unlike the examples already chosen (Carbonell and Goldstein 1998, MMR). Eight composed
# texts of a general catalog (412 in 208 categories, mean of ten halves): mean quality 99.84 by merit alone, 99.81 at
# 0.7, 99.63 at 0.3, 98.66 at 0.1, while the chosen are alike by 0.022, 0.009, 0.007 and 0.004. Most of what spread can
# gain is gained at 0.7, for 0.03 points; how near held-out products are to one of them does not tell the weights apart.
MERIT_WEIGHT = 0.7

# A reviewer knows what the rules do not: a star above the middle of five is worth five points of quality, so that a
# text of five stars at 90 goes before one of 99 that nobody has seen, and one of a single star loses ten points.
POINTS_A_STAR = 5.0
MIDDLE_STARS = 3.0

# Each choice compares every example with the one chosen before: eight of 200 take 0.09 s of CPU time.
COMPARED_AT_MOST = 400

_WORD = re.compile(r"\w+")


def budget(tier: Tier, system: str) -> int:
    """Tokens that a tier's few-shot messages may take: its context less system text, product and answer. Never below 0.

    system: the text of SYSTEM, which shares the context with them.
    """
    used = int(tier.parameters["num_predict"]) + PRODUCT_TOKENS + token_counts.estimate(len(system))
    return max(0, int(tier.parameters["num_ctx"]) - used)


def pick(tier: Tier, examples: Sequence[TrainingExample], budget_tokens: int) -> list[TrainingExample]:
    """The tier's few-shot examples in the order of their choice, good enough for the tier and within the budget.

    The first is the best; each further one is the best by maximal marginal relevance: its merit, less its likeness to
    the most similar one already chosen. The order of `examples` does not matter; equal ones are ordered by content
    hash. Empty when nothing fits.
    """
    left = _compared([example for example in examples if example.metadata.quality_score >= tier.min_quality])
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
            alike = (_overlap(shingles[at], shingles[best]) + _shared_path(paths[at], paths[best])) / 2
            nearest[at] = max(nearest[at], alike)
    return picked


def merit(example: TrainingExample) -> float:
    """Quality in points, raised or lowered by what a reviewer said."""
    stars = example.metadata.user_rating
    return example.metadata.quality_score + POINTS_A_STAR * ((stars or MIDDLE_STARS) - MIDDLE_STARS)


def size(example: TrainingExample) -> int:
    """Estimated tokens of an example's two messages."""
    return sum(
        token_counts.estimate(len(prompt.as_json(turn)))
        for turn in (prompt.user(example.input), prompt.answer(example.output))
    )


def _compared(examples: Sequence[TrainingExample]) -> list[TrainingExample]:
    """The best of each category, then the second best of each, as many as are compared; best first."""
    ranked = sorted(examples, key=_rank)
    if len(ranked) <= COMPARED_AT_MOST:
        return ranked
    seen: dict[str, int] = {}
    places = []
    for example in ranked:
        category = example.input.category
        places.append(seen.get(category, 0))
        seen[category] = places[-1] + 1
    taken = sorted(range(len(ranked)), key=lambda at: (places[at], at))[:COMPARED_AT_MOST]
    return [ranked[at] for at in sorted(taken)]


def _rank(example: TrainingExample) -> tuple[float, str]:
    return -merit(example), content_hash(example.model_dump(mode="json"))


def _shingles(example: TrainingExample) -> frozenset[tuple[str, str]]:
    """Pairs of neighbouring words of an example's texts."""
    told, answered = example.input, example.output
    texts = [told.product_name, *told.features, answered.title, answered.features_formatted, answered.description]
    return frozenset(pairwise(_WORD.findall(" ".join(texts).lower())))


def _overlap(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> float:
    """Jaccard's index, 0 to 1."""
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def _shared_path(one: Sequence[str], other: Sequence[str]) -> float:
    """How far two category paths go together, 0 to 1."""
    shared = next((depth for depth, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return (min(len(one), len(other)) if shared is None else shared) / max(len(one), len(other))
