"""Selects a tier's few-shot examples by merit and diversity, within its context."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from walmart_pipeline.core.records import TrainingExample, content_hash
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import PRODUCT_TOKENS
from walmart_pipeline.llm import token_counts
from walmart_pipeline.stages.models.tiers import Tier

# Weight of merit against similarity to examples already picked (MMR, Carbonell and Goldstein 1998). Of eight template
# texts of a general catalog, mean quality was 99.84 by merit alone, 99.81 at 0.7, 99.63 at 0.3, 98.66 at 0.1; mean
# similarity 0.022, 0.009, 0.007 and 0.004.
MERIT_WEIGHT = 0.7

# A star above or below the middle is worth five points of quality: a text of five stars at 90 precedes an unrated one
# at 99.
POINTS_PER_STAR = 5.0
MIDDLE_STARS = 3.0
# Texts of four stars and more, and edits, which count as five, precede all others: the judge's points say less than a
# reader does, and the basic tier takes a quality of 70 to 100.
LIKED_STARS = 4.0
LIKED_POINTS = 30.0

_WORD = re.compile(r"\w+")


def budget(tier: Tier, system: str) -> int:
    """Return the tokens left for a tier's few-shot messages: its context minus system text, product and answer."""
    used = int(tier.parameters["num_predict"]) + PRODUCT_TOKENS + token_counts.estimate(len(system))
    return max(0, int(tier.parameters["num_ctx"]) - used)


def pick(tier: Tier, examples: Sequence[TrainingExample], budget_tokens: int) -> list[TrainingExample]:
    """Pick a tier's few-shot examples within the budget, the best first.

    Each further one has the highest maximal marginal relevance: merit minus similarity to the most similar one already
    picked. Ties are broken by content hash, independent of the order of `examples`.
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
        best = max(waiting, key=lambda at: MERIT_WEIGHT * merit(left[at]) / 100 - (1 - MERIT_WEIGHT) * nearest[at])
        waiting.remove(best)
        picked.append(left[best])
        budget_tokens -= sizes[best]
        for at in waiting:
            similarity = (_jaccard(shingles[at], shingles[best]) + _shared_path(paths[at], paths[best])) / 2
            nearest[at] = max(nearest[at], similarity)
    return picked


def merit(example: TrainingExample) -> float:
    """Return the quality in points, adjusted by reviewers' stars."""
    stars = example.metadata.user_rating or MIDDLE_STARS
    liked = LIKED_POINTS if stars >= LIKED_STARS else 0.0
    return example.metadata.quality_score + POINTS_PER_STAR * (stars - MIDDLE_STARS) + liked


def size(example: TrainingExample) -> int:
    """Estimate the tokens of an example's two messages."""
    return sum(
        token_counts.estimate(len(prompt.as_json(turn)))
        for turn in (prompt.user(example.input), prompt.answer(example.output))
    )


def _rank(example: TrainingExample) -> tuple[float, str]:
    return -merit(example), content_hash(example.model_dump(mode="json", include={"input", "output"}))


def _shingles(example: TrainingExample) -> frozenset[tuple[str, str]]:
    facts, text = example.input, example.output
    texts = [facts.product_name, *facts.features, text.title, text.features_formatted, text.description]
    return frozenset(pairwise(_WORD.findall(" ".join(texts).lower())))


def _jaccard(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> float:
    either = len(one | other)
    return len(one & other) / either if either else 1.0


def _shared_path(one: Sequence[str], other: Sequence[str]) -> float:
    shared = next((depth for depth, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return (min(len(one), len(other)) if shared is None else shared) / max(len(one), len(other))
