"""Recipes: everything by which one way to ask a model differs from another."""

from __future__ import annotations

from pydantic import Field

from walmart_pipeline.core.records import Record, content_hash
from walmart_pipeline.llm import token_counts

# Left free for the product to write about. 99 % of the products in two real catalogs are at most 3,278 characters as
# JSON (895 general products; 3,160 for 2,554 electronics), which is 820 tokens.
PRODUCT_TOKENS = 1024

# What a request may set, by provider. What fixes the size of the context would make Ollama load the model anew, and
# OpenAI knows only the first two.
SAMPLING = frozenset(("temperature", "top_p", "top_k", "repeat_penalty"))
SENT = {"ollama": SAMPLING, "embedded": SAMPLING, "openai": frozenset(("temperature", "top_p"))}


class Turns(Record):
    """A few-shot example as a conversation has it: both turns as JSON text (prompt.py)."""

    user: str
    assistant: str


class Recipe(Record):
    """A base model with instructions, examples and parameters.

    Where the provider keeps all of it in a model of its own (an Ollama made from a Modelfile), or has learned it (a
    fine-tuned model), `model` is that one's name; elsewhere each request carries it, and `model` is the base model.
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
        """The model holds instructions, examples and parameters: a request that brings its own would replace them."""
        return self.provider == "ollama" and self.model != self.base_model

    def sent(self, max_tokens: int) -> dict[str, int | float]:
        """The parameters of a request. max_tokens: the most that an answer may have, whatever the recipe says."""
        if self.is_built:
            return {}
        taken = SENT[self.provider]
        longest = min(max_tokens, int(self.parameters.get("num_predict", max_tokens)))
        return {name: value for name, value in self.parameters.items() if name in taken} | {"max_tokens": longest}

    @property
    def base(self) -> tuple[str, str, str | None]:
        """What makes two versions relatives: provider, base model and its digest."""
        return self.provider, self.base_model, self.base_digest

    @property
    def fingerprint(self) -> str:
        """32 hex digits over everything that can change an answer, which the registered name cannot."""
        return content_hash(self.model_dump(exclude={"model"}) | {"learned": self.learned})

    @property
    def learned(self) -> str | None:
        """The fine-tuned model's name at the provider; None where the model is the base or was built from it."""
        return self.model if self.provider == "openai" and self.model != self.base_model else None

    @property
    def context(self) -> int | None:
        """Tokens that prompt and answer share, where the recipe fixes them."""
        held = self.parameters.get("num_ctx")
        return None if held is None else int(held)

    @property
    def prompt_tokens(self) -> int:
        """Estimated tokens of instructions and examples together."""
        examples = sum(len(turns.user) + len(turns.assistant) for turns in self.examples)
        return token_counts.estimate(len(self.system) + examples)
