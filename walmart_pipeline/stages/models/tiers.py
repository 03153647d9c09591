"""The three tiers of Walmart-GPT: their thresholds and parameters, with the reasons.

The parameters are starting points, not findings: whether a candidate is better shows on held-out products, and a
change to a value here is a new patch version that must win there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from walmart_pipeline.generation.recipes import PRODUCT_TOKENS

# Same in every tier, so that two tiers differ in their examples and in nothing that hides their effect.
SHARED: Mapping[str, int | float] = MappingProxyType(
    {
        # Ollama's own defaults, written out so that a release that changes them does not change our models.
        "top_p": 0.9,
        "top_k": 40,
        # Near 1: a listing has to repeat its product's name and brand, and JSON its quotation marks. The customary 1.1
        # punishes both; 1.0 would leave nothing against the loops that small models fall into.
        "repeat_penalty": 1.05,
        # The longest listing the policy allows (title 150, ten features of 80, description 4,000 characters, keywords
        # and JSON) has about 5,400 characters: 1,350 tokens at 4 characters each, 2,048 even at 2.6. An answer cut
        # here is not accepted, so the limit has to be above what is allowed, and only stops a model that runs on.
        "num_predict": 2048,
    }
)


@dataclass(frozen=True)
class Tier:
    """A tier is built from at least `min_examples` examples whose quality score (0–100) is `min_quality` or more."""

    name: str
    min_examples: int
    min_quality: float
    # Few-shot pairs of user and assistant messages, at most: fewer are taken when they do not fit the context.
    shots: int
    parameters: Mapping[str, int | float]


# Examples and quality per tier are the project's published thresholds: 70 lies inside the band "good" (60–79), 80 is
# where "excellent" begins, 90 is its upper half.
#
# temperature: below Ollama's 0.8 everywhere, because a listing restates facts and invention costs grounding. It falls
# as the tier rises: better examples show the style, so less has to be left to chance.
#
# shots: the median product of the general catalog has 1,374 characters as JSON and a listing of ordinary length about
# 1,800, so a pair takes about 800 tokens at 4 characters each. Added to them are num_predict, recipes.PRODUCT_TOKENS
# and a system text of about 500 tokens: 3,600 together.
#   3 shots: 6,000 of 8,192 tokens · 5 shots: 7,600 of 8,192 · 8 shots: 10,000 of 16,384
#
# num_ctx and num_predict are the most: `fitted` lowers them to what a dataset needs.
#
# num_ctx: a token of llama3.1:8b costs 128 KiB of cache (32 layers × 8 heads × 128 values × 2 × 2 bytes), so 8,192
# tokens are 1 GiB beside the weights, which a card of 8 GB has; 16,384 are 2 GiB. It is set in the Modelfile because
# Ollama reloads the model when a request changes it.
TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("basic", 50, 70, 3, MappingProxyType({"temperature": 0.4, "num_ctx": 8192, **SHARED})),
            Tier("advanced", 200, 80, 5, MappingProxyType({"temperature": 0.3, "num_ctx": 8192, **SHARED})),
            Tier("expert", 500, 90, 8, MappingProxyType({"temperature": 0.2, "num_ctx": 16384, **SHARED})),
        )
    }
)


# An answer that is cut is lost, a prompt that is too long loses its oldest example: sizes are rounded up to a step, and
# an answer counts as if it had 2.6 characters a token instead of the 4 of the estimate, as `num_predict` above.
# 412 template listings of a general catalog come to 5,120 tokens with 3 shots, 7,168 with 5 and 9,216 with 8, of which
# 1,024 are the answer's: a cache of 640, 896 and 1,152 MiB with llama3.1:8b.
ANSWER_STEP = 256
CONTEXT_STEP = 1024
DENSE_ANSWER = 4 / 2.6


@dataclass(frozen=True)
class Sizes:
    """Estimated tokens that 99 of 100 products' facts, and of their listings, stay within."""

    facts: int
    listing: int


def fitted(parameters: Mapping[str, int | float], prompt_tokens: int, sizes: Sizes) -> dict[str, int | float]:
    """The parameters with `num_predict` and `num_ctx` lowered to what a dataset needs; never raised.

    prompt_tokens: of system text and examples together, which share the context with a product and its listing.
    """
    listing = _up(sizes.listing * DENSE_ANSWER, ANSWER_STEP)
    answer = min(int(parameters["num_predict"]), listing)
    context = _up(prompt_tokens + max(PRODUCT_TOKENS, sizes.facts) + answer, CONTEXT_STEP)
    return {**parameters, "num_ctx": min(int(parameters["num_ctx"]), context), "num_predict": answer}


def _up(size: float, step: int) -> int:
    return max(1, math.ceil(size / step)) * step
