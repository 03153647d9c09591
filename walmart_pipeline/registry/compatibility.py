"""Checks that a model version can generate listings with the current settings and servers."""

from __future__ import annotations

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.generation.provider import ProviderError
from walmart_pipeline.generation.recipes import PRODUCT_TOKENS
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.registry.model_versions import ModelVersion


def problems(version: ModelVersion, settings: Settings, judge: Judge) -> list[str]:
    """Reasons why this version can't be used, with remedies; empty if it can.

    Its model must be available with the weights it was tuned for, its context must hold instructions, examples, a
    product and an answer, and the policy that its examples were judged under must exist.
    """
    recipe = version.recipe
    found = []
    try:
        digest = provider_factory.for_recipe(settings, judge, recipe).prompt.digest
        # A built model has its own digest; its base was compared at registration.
        if not recipe.is_built and recipe.base_digest and digest != recipe.base_digest:
            found.append(
                f"{recipe.base_model} has other weights now than the version was made for: run "
                "`walmart-pipeline retrain`"
            )
    except (CallError, ProviderError) as error:
        found.append(str(error))
    answer = min(settings.max_tokens, int(recipe.parameters.get("num_predict", settings.max_tokens)))
    needed = recipe.prompt_tokens + PRODUCT_TOKENS + answer
    if recipe.context is not None and needed > recipe.context:
        found.append(
            f"its instructions, examples, a product and an answer need {needed:,} tokens; its context holds "
            f"{recipe.context:,}"
        )
    policy = version.policy.partition("@")[0]
    if policy not in {*profiles.available(), judge.policy.name}:
        found.append(
            f"its examples were judged under {policy}, a policy that is unknown here: run with --policy, or retrain"
        )
    return found
