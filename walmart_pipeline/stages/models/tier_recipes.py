"""Builds a tier's recipe: instructions, few-shot examples and parameters for a base model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import Recipe, Turns
from walmart_pipeline.llm.clients.embedded import CONTEXT_TOKENS, MAX_TOKENS
from walmart_pipeline.stages.models import few_shot
from walmart_pipeline.stages.models.tiers import Sizes, Tier, fitted

# The embedded engine has a fixed context, smaller than a tier's (llm/clients/embedded.py).
ROOM: Mapping[str, Mapping[str, int]] = {"embedded": {"num_ctx": CONTEXT_TOKENS, "num_predict": MAX_TOKENS}}


def make(
    tier: Tier,
    examples: Sequence[TrainingExample],
    policy_rules: Sequence[str],
    *,
    provider: str,
    base_model: str,
    base_digest: str | None = None,
    parameters: Mapping[str, int | float] | None = None,
    shots: int | None = None,
    sizes: Sizes | None = None,
) -> Recipe:
    """Build the recipe of a tier for a base model.

    examples: of the training split only. parameters, shots: override the tier's; fewer shots are used if the context is
    too small. sizes: reduce context and answer to what the dataset requires, if the provider allows.
    """
    set_to = {**tier.parameters, **ROOM.get(provider, {}), **(parameters or {})}
    chosen = replace(tier, parameters=set_to, shots=tier.shots if shots is None else shots)
    # Each rule must be one line.
    system = prompt.system([" ".join(rule.split()) for rule in policy_rules])
    picked = few_shot.pick(chosen, examples, few_shot.budget(chosen, system)) if chosen.shots else []
    recipe = Recipe(
        provider=provider,
        base_model=base_model,
        base_digest=base_digest,
        model=base_model,
        system=system,
        examples=[
            Turns(
                user=prompt.as_json(prompt.user(example.input)),
                assistant=prompt.as_json(prompt.answer(example.output)),
            )
            for example in reversed(picked)
        ],
        parameters=set_to,
    )
    if sizes is None or provider in ROOM:
        return recipe
    return recipe.model_copy(update={"parameters": fitted(set_to, recipe.prompt_tokens, sizes)})
