"""What every provider of text offers, so that a stage need not know which one it has.

Belongs here: the protocol and what a request is identified by. Does not: any provider (writer.py), or the choice
of one (provider_factory.py).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Protocol, TypeAlias

from walmart_pipeline.core.records import Completion, Product, content_hash
from walmart_pipeline.llm.pricing import Estimate

# A product to be written about, and its revision: how often somebody wanted another text from the same facts.
Task: TypeAlias = tuple[Product, int]


class Provider(Protocol):
    """Writes listings. What it is goes into the plan: another model or prompt asks for new texts."""

    @property
    def name(self) -> str:
        """Such as `template`."""
        ...

    @property
    def model(self) -> str:
        """The model behind it."""
        ...

    @property
    def prompt_version(self) -> str:
        """Changes whenever the same facts would be asked for in another way."""
        ...

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """One completion a product, as they come. What fails is a completion with its error, never an exception.

        Closing it ends the run: calls in flight are waited for and kept. Whoever stops half-way has to close it.
        """
        ...

    def estimate(self, *, products: int, characters: int) -> Estimate:
        """Calls, tokens and cost at most of writing so many products, whose facts have so many characters together."""
        ...

    def note(self) -> str:
        """What is worth saying of a run under way, such as tokens and cost; may be empty."""
        ...


def request_hash(provider: Provider, product: Product) -> str:
    """What a completion answers: the same provider, model, prompt and facts ask the same question."""
    return content_hash([provider.name, provider.model, provider.prompt_version, product.facts_hash])
