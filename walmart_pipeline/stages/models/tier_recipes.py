"""A tier's recipe: its instructions, few-shot examples and parameters for one base model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import Recipe, Turns
from walmart_pipeline.llm.clients.embedded import CONTEXT_TOKENS, MAX_TOKENS
from walmart_pipeline.stages.models import few_shot
from walmart_pipeline.stages.models.tiers import Sizes, Tier, fitted

# The engine's context is set when it is loaded, and is smaller than a tier's (llm/clients/embedded.py has the figures).
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
    """The recipe of a tier for a base model.

    examples: of the training split only. parameters: on top of the tier's. shots: few-shot examples at most, in place
    of the tier's; 0 for none. Fewer are taken where the context does not hold them. sizes: lower context and answer to
    what the dataset needs, where the model can be built for it; the examples are the same either way.
    """
    set_to = {**tier.parameters, **ROOM.get(provider, {}), **(parameters or {})}
    chosen = replace(tier, parameters=set_to, shots=tier.shots if shots is None else shots)
    # A rule is one line: a line break inside it would make two.
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
