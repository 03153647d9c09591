"""The three tiers of Walmart-GPT: what each needs, and how each is set.

Belongs here: thresholds and PARAMETERs, with their reasons, and whether a tier can be built.
Does not: choosing the examples (fewshot.py), writing the Modelfile (build.py).

The PARAMETERs are starting points, not findings: whether a candidate is better is found out on held-out products, and
a change to a value here is a new patch version that must win there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
# 1,800, so a pair takes about 800 tokens at 4 characters each. Beside them stand num_predict, fewshot.PRODUCT_TOKENS
# and a system text of about 500 tokens: 3,600 together.
#   3 shots: 6,000 of 8,192 tokens · 5 shots: 7,600 of 8,192 · 8 shots: 10,000 of 16,384
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


@dataclass(frozen=True)
class Readiness:
    """How many examples a tier has, and how many it is short of. It can be built when `missing` is 0."""

    tier: str
    qualifying: int
    missing: int

    @property
    def buildable(self) -> bool:
        """Whether there are enough examples."""
        return self.missing == 0


def readiness(quality_scores: Iterable[float]) -> dict[str, Readiness]:
    """For each tier, whether examples of these quality scores (0–100) are enough, and how many are missing."""
    scores = list(quality_scores)
    found = {}
    for tier in TIERS.values():
        qualifying = sum(score >= tier.min_quality for score in scores)
        found[tier.name] = Readiness(tier.name, qualifying, max(0, tier.min_examples - qualifying))
    return found
