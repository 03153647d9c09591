"""The three tiers of Walmart-GPT: thresholds, and default parameters as starting points for tuning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from walmart_pipeline.generation.recipes import PRODUCT_TOKENS

# Same in every tier, so that tiers differ mainly in their examples.
SHARED: Mapping[str, int | float] = MappingProxyType(
    {
        # Ollama's defaults, fixed against changes by a release.
        "top_p": 0.9,
        "top_k": 40,
        # Near 1: a listing repeats its product's name and brand, and JSON its quotation marks. The usual 1.1 penalizes
        # both; 1.0 would not prevent the loops of small models.
        "repeat_penalty": 1.05,
        # The longest listing the policy allows (title 150, ten features of 80, description 4,000 characters, keywords
        # and JSON) has about 5,400 characters: 1,350 tokens at 4 characters each, 2,048 even at 2.6. A truncated answer
        # is not accepted, so the limit only stops a model that repeats itself.
        "num_predict": 2048,
    }
)


@dataclass(frozen=True)
class Tier:
    """A tier, built from at least `min_examples` examples with a quality score (0–100) of at least `min_quality`."""

    name: str
    min_examples: int
    min_quality: float
    # Maximum few-shot pairs of user and assistant messages; fewer if the context is too small.
    shots: int
    parameters: Mapping[str, int | float]


# Examples and quality per tier are the project's published thresholds: 70 lies inside the band "good" (60–79), 80 is
# where "excellent" begins, 90 is its upper half.
#
# temperature: below Ollama's 0.8, because a listing restates facts; lower in higher tiers, whose better examples show
# the style.
#
# shots: the median product of a general catalog has 1,374 characters as JSON and a listing about 1,800, so a pair takes
# about 800 tokens; num_predict, recipes.PRODUCT_TOKENS and a system text of about 500 tokens add 3,600.
#   3 shots: 6,000 of 8,192 tokens · 5 shots: 7,600 of 8,192 · 8 shots: 10,000 of 16,384
#
# num_ctx and num_predict are upper limits: `fitted` lowers them to what a dataset requires.
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


# A truncated answer is lost, and an overlong prompt loses its oldest example: sizes are rounded up to a step, and 2.6
# instead of 4 characters per token are assumed for an answer. 412 template listings of a general catalog require 5,120
# tokens with 3 shots, 7,168 with 5 and 9,216 with 8: a cache of 640, 896 and 1,152 MiB with llama3.1:8b.
ANSWER_STEP = 256
CONTEXT_STEP = 1024
DENSE_ANSWER = 4 / 2.6


@dataclass(frozen=True)
class Sizes:
    """99th percentiles of the estimated tokens of products' facts and of their listings."""

    facts: int
    listing: int


def fitted(parameters: Mapping[str, int | float], prompt_tokens: int, sizes: Sizes) -> dict[str, int | float]:
    """Lower `num_predict` and `num_ctx` to what a dataset requires. prompt_tokens: of system text and examples."""
    listing = _up(sizes.listing * DENSE_ANSWER, ANSWER_STEP)
    answer = min(int(parameters["num_predict"]), listing)
    context = _up(prompt_tokens + max(PRODUCT_TOKENS, sizes.facts) + answer, CONTEXT_STEP)
    return {**parameters, "num_ctx": min(int(parameters["num_ctx"]), context), "num_predict": answer}


def _up(size: float, step: int) -> int:
    return max(1, math.ceil(size / step)) * step
