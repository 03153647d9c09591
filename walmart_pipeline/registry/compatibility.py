"""Whether a version can write here and now.

Belongs here: what has to be there for it. Does not: putting it there (models), or whether it is good enough
(evaluation).
"""

from __future__ import annotations

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.recipes import PRODUCT_TOKENS, Recipe
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry.model_versions import ModelVersion


def problems(version: ModelVersion, settings: Settings, judge: Judge) -> list[str]:
    """Why this version can't write, each with what to do; empty when it can.

    Looked at: its model answers, with the weights it was tuned for; its context holds instructions, examples, a product
    and an answer; the policy that its examples were judged under is one that this program knows.
    """
    return [
        *_absent(version.recipe, settings, judge),
        *_overfull(version.recipe, settings),
        *_unknown_policy(version, judge),
    ]


def _absent(recipe: Recipe, settings: Settings, judge: Judge) -> list[str]:
    try:
        question = provider_factory.for_recipe(settings, judge, recipe).question
    except (CallError, ProviderError) as error:
        return [str(error)]
    # A built model has a digest of its own; what it was built from, the registration has compared.
    if recipe.is_built or not recipe.base_digest or question.digest == recipe.base_digest:
        return []
    return [f"{recipe.base_model} has other weights now than the version was made for: run `walmart-pipeline retrain`"]


def _overfull(recipe: Recipe, settings: Settings) -> list[str]:
    context = recipe.context
    if context is None:
        return []
    answer = min(settings.max_tokens, int(recipe.parameters.get("num_predict", settings.max_tokens)))
    needed = recipe.prompt_tokens + PRODUCT_TOKENS + answer
    if needed <= context:
        return []
    return [
        f"its instructions, examples, a product and an answer need {needed:,} tokens; its context holds {context:,}"
    ]


def _unknown_policy(version: ModelVersion, judge: Judge) -> list[str]:
    name = version.policy.partition("@")[0]
    if name in {*profiles.available(), judge.policy.name}:
        return []
    return [f"its examples were judged under {name}, a policy that is not here: run with --policy, or retrain"]
