"""Recipes: a base model with instructions, examples and parameters."""

from __future__ import annotations

from pydantic import Field

from walmart_pipeline.core.records import Record, content_hash
from walmart_pipeline.llm import token_counts

# Reserved for the product. 99 % of the products in two real catalogs have at most 3,278 characters as JSON (895 general
# products; 3,160 for 2,554 electronics), which is 820 tokens.
PRODUCT_TOKENS = 1024

# Parameters that a request may set, by provider. Those of the context would make Ollama reload the model.
SAMPLING = frozenset(("temperature", "top_p", "top_k", "repeat_penalty"))
SENT = {"ollama": SAMPLING, "embedded": SAMPLING, "openai": frozenset(("temperature", "top_p"))}


class Turns(Record):
    """A few-shot example: both turns of the conversation as JSON text (prompt.py)."""

    user: str
    assistant: str


class Recipe(Record):
    """A base model with instructions, examples and parameters.

    `model` names an Ollama model built from all of it with a Modelfile, a fine-tuned model, or the base model; only in
    the last case does each request contain instructions and examples.
    """

    provider: str = Field(description="ollama, openai or embedded.")
    base_model: str
    base_digest: str | None = Field(default=None, description="Of the base model's weights, where it is known.")
    model: str = Field(description="The name that is asked for.")
    system: str = Field(description="The task with the policy's rules.")
    examples: list[Turns] = Field(default_factory=list, description="Least good first: the last one weighs most.")
    parameters: dict[str, int | float] = Field(default_factory=dict, description="By Ollama's names.")
    adapter: str | None = Field(default=None, description="Path of a LoRA adapter for the base model.")

    @property
    def is_built(self) -> bool:
        """Whether the model contains instructions, examples and parameters, which a request's own would replace."""
        return self.provider == "ollama" and self.model != self.base_model

    def sent(self, max_tokens: int) -> dict[str, int | float]:
        """The parameters of a request. max_tokens: upper limit of the recipe's own."""
        if self.is_built:
            return {}
        taken = SENT[self.provider]
        longest = min(max_tokens, int(self.parameters.get("num_predict", max_tokens)))
        return {name: value for name, value in self.parameters.items() if name in taken} | {"max_tokens": longest}

    @property
    def base(self) -> tuple[str, str, str | None]:
        """Provider, base model and its digest, which versions of the same major number share."""
        return self.provider, self.base_model, self.base_digest

    @property
    def fingerprint(self) -> str:
        """Hash (32 hex digits) of everything that can change an answer, without the registered name."""
        return content_hash(self.model_dump(exclude={"model"}) | {"learned": self.learned})

    @property
    def learned(self) -> str | None:
        """Name of the fine-tuned model at the provider; None for a base model or one built from it."""
        return self.model if self.provider == "openai" and self.model != self.base_model else None

    @property
    def context(self) -> int | None:
        """Context size in tokens, if the recipe sets it."""
        held = self.parameters.get("num_ctx")
        return None if held is None else int(held)

    @property
    def prompt_tokens(self) -> int:
        """Estimated tokens of instructions and examples together."""
        examples = sum(len(turns.user) + len(turns.assistant) for turns in self.examples)
        return token_counts.estimate(len(self.system) + examples)
