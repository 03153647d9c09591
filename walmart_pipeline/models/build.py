"""A tier's Modelfile: instructions, parameters and few-shot examples, read back before anyone may use it.

Belongs here: what our models are told, and the proof that the file says it.
Does not: the grammar (modelfile/), the choice of examples (fewshot.py), writing or registering the file (assets.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from walmart_pipeline.llm import prompt
from walmart_pipeline.models import fewshot
from walmart_pipeline.models.modelfile import Modelfile, check, emit, parse, printable
from walmart_pipeline.models.tiers import Tier
from walmart_pipeline.records import TrainingExample


class BuildError(ValueError):
    """No Modelfile could be built from what was given, or what was built does not say what was meant."""


@dataclass(frozen=True)
class Provenance:
    """What a Modelfile was made from; written to its comments."""

    dataset_version: str
    prompt_version: str
    policy: str  # profile and version, such as walmart-2025@3f2a…
    base_digest: str | None = None  # sha256:… as Ollama names the base model; None if it was not asked


@dataclass(frozen=True)
class Built:
    """A Modelfile's text, the examples it shows (best first), and what had to be rewritten.

    A rewrite names its place; examples are counted in the order of the file, where the best is last.
    """

    text: str
    examples: list[TrainingExample]
    rewrites: list[str]


def build(
    tier: Tier,
    examples: Sequence[TrainingExample],
    policy_rules: Sequence[str],
    provenance: Provenance,
    base_model: str = "llama3.1:8b",
) -> Built:
    """The Modelfile of a tier. Equal inputs give equal text, whatever the order of the examples.

    examples: of the training side only; those below the tier's quality are passed over. Whether there are enough of
    them is for `tiers.readiness` to say.
    policy_rules: plain sentences, in the order in which the model should read them.
    Raises BuildError when no example is good enough and fits the context, when Ollama would refuse the Modelfile, or
    when it does not read back as it was meant; ModelfileError when the base model's name cannot be written.
    """
    rewrites: list[str] = []
    system = _system(policy_rules, rewrites)
    picked = fewshot.pick(tier, examples, fewshot.budget(tier, system))
    if not picked:
        raise BuildError(f"{tier.name}: no example of quality {tier.min_quality} or more fits the context")
    meant = Modelfile(
        from_=base_model,
        parameters=dict(tier.parameters),
        system=system,
        messages=_messages(picked, rewrites),
    )
    text = emit(meant, _comments(tier, picked, provenance, base_model))
    _prove(text, meant, tier)
    return Built(text, picked, rewrites)


def _system(policy_rules: Sequence[str], rewrites: list[str]) -> str:
    # A rule is one line: a line break inside it would make two.
    return prompt.system(
        [" ".join(_rewritten(rule, f"rule {number}", rewrites).split()) for number, rule in enumerate(policy_rules, 1)]
    )


def _messages(picked: Sequence[TrainingExample], rewrites: list[str]) -> list[tuple[str, str]]:
    messages = []
    # The best last: when a chat outgrows the context, Ollama drops its oldest messages first.
    for number, example in enumerate(reversed(picked), 1):
        for role, turn in (("user", prompt.user(example.input)), ("assistant", prompt.answer(example.output))):
            # Before JSON is made of it: a line break that is rewritten must still be escaped.
            messages.append((role, prompt.as_json(_rewritten(turn, f"example {number}, {role}", rewrites))))
    return messages


def _rewritten(value: Any, place: str, rewrites: list[str]) -> Any:
    """A JSON value with every text in it made printable; each rewrite is added to `rewrites` with its place."""
    if isinstance(value, str):
        text, told = printable(value)
        rewrites += [f"{place}: {rewrite}" for rewrite in told]
        return text
    if isinstance(value, list):
        return [_rewritten(item, place, rewrites) for item in value]
    if isinstance(value, dict):
        return {
            _rewritten(key, place, rewrites): _rewritten(item, f"{place}, {key}", rewrites)
            for key, item in value.items()
        }
    return value


def _comments(tier: Tier, picked: Sequence[TrainingExample], provenance: Provenance, base_model: str) -> list[str]:
    parameters = " ".join(f"{name}={value}" for name, value in tier.parameters.items())
    return [
        f"Walmart-GPT, tier {tier.name}",
        f"base model: {base_model}",
        f"base digest: {provenance.base_digest or 'unknown'}",
        f"dataset version: {provenance.dataset_version}",
        f"prompt version: {provenance.prompt_version}",
        f"policy: {provenance.policy}",
        f"parameters: {parameters}",
        f"examples: {len(picked)} of quality {min(example.metadata.quality_score for example in picked):g} or more",
    ]


def _prove(text: str, meant: Modelfile, tier: Tier) -> None:
    errors = [f"line {problem.line}: {problem.message}" for problem in check(text) if problem.severity == "error"]
    if errors:
        raise BuildError(f"{tier.name}: Ollama would refuse the Modelfile: {'; '.join(errors)}")
    if parse(text) != meant:
        raise BuildError(f"{tier.name}: the Modelfile does not read back as it was meant")
