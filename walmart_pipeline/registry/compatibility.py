"""Checks that a model version can generate listings with the current settings and servers."""

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
    """Reasons why this version can't be used, with remedies; empty if it can.

    Its model must be available with the weights it was tuned for, its context must hold instructions, examples, a
    product and an answer, and the policy that its examples were judged under must exist.
    """
    return [
        *_missing_model(version.recipe, settings, judge),
        *_context_overflow(version.recipe, settings),
        *_unknown_policy(version, judge),
    ]


def _missing_model(recipe: Recipe, settings: Settings, judge: Judge) -> list[str]:
    try:
        prompt = provider_factory.for_recipe(settings, judge, recipe).prompt
    except (CallError, ProviderError) as error:
        return [str(error)]
    # A built model has its own digest; its base was compared at registration.
    if recipe.is_built or not recipe.base_digest or prompt.digest == recipe.base_digest:
        return []
    return [f"{recipe.base_model} has other weights now than the version was made for: run `walmart-pipeline retrain`"]


def _context_overflow(recipe: Recipe, settings: Settings) -> list[str]:
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
    return [f"its examples were judged under {name}, a policy that is unknown here: run with --policy, or retrain"]
