"""The few-shot examples of a tier: which ones.

Belongs here: choosing examples by quality and spread, and their size.
Does not: what a tier asks for (tiers.py), or how messages are written to a Modelfile (build.py).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

from walmart_pipeline.llm import prompt, tokens
from walmart_pipeline.llm.recipes import PRODUCT_TOKENS
from walmart_pipeline.models.tiers import Tier
from walmart_pipeline.records import TrainingExample, content_hash


def budget(tier: Tier, system: str) -> int:
    """Tokens that a tier's few-shot messages may take: its context less system text, product and answer. Never below 0.

    system: the text of SYSTEM, which shares the context with them.
    """
    used = int(tier.parameters["num_predict"]) + PRODUCT_TOKENS + tokens.estimate(len(system))
    return max(0, int(tier.parameters["num_ctx"]) - used)


def pick(tier: Tier, examples: Sequence[TrainingExample], budget_tokens: int) -> list[TrainingExample]:
    """The tier's few-shot examples, best first: good enough for the tier, spread over categories, within the budget.

    Round robin: the best of each category, then the second best of each, categories in the order of their best. One
    that does not fit gives its turn to the next of its category. The order of `examples` does not matter; equal scores
    are ordered by content hash. Empty when nothing fits.
    """
    ranked = sorted(
        (example for example in examples if example.metadata.quality_score >= tier.min_quality),
        key=lambda example: (-example.metadata.quality_score, content_hash(example.model_dump(mode="json"))),
    )
    queues: defaultdict[str, deque[TrainingExample]] = defaultdict(deque)
    for example in ranked:
        queues[example.input.category].append(example)

    picked: list[TrainingExample] = []
    left = budget_tokens
    while any(queues.values()):
        for queue in queues.values():
            chosen = _first_that_fits(queue, left)
            if chosen is None:
                continue
            picked.append(chosen)
            if len(picked) == tier.shots:
                return picked
            left -= size(chosen)
    return picked


def size(example: TrainingExample) -> int:
    """Estimated tokens of an example's two messages."""
    return sum(
        tokens.estimate(len(prompt.as_json(turn)))
        for turn in (prompt.user(example.input), prompt.answer(example.output))
    )


def _first_that_fits(queue: deque[TrainingExample], budget_tokens: int) -> TrainingExample | None:
    """Take examples from the queue up to the first that fits; those passed over cannot fit later either."""
    while queue:
        example = queue.popleft()
        if size(example) <= budget_tokens:
            return example
    return None
