"""What every provider of text offers, so that a stage need not know which one it has.

Belongs here: the protocol and what a request is identified by. Does not: any provider (composer.py), or the choice
of one (choosing.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from walmart_pipeline.records import Completion, Product, content_hash


class Provider(Protocol):
    """Writes listings. What it is goes into the plan: another model or prompt asks for new texts."""

    @property
    def name(self) -> str:
        """Such as `composer`."""
        ...

    @property
    def model(self) -> str:
        """The model behind it."""
        ...

    @property
    def prompt_version(self) -> str:
        """Changes whenever the same facts would be asked for in another way."""
        ...

    def write(self, products: Iterable[Product]) -> Iterator[tuple[Product, Completion]]:
        """One completion a product, as they come. What fails is a completion with its error, never an exception."""
        ...


def request_hash(provider: Provider, product: Product) -> str:
    """What a completion answers: the same provider, model, prompt and facts ask the same question."""
    return content_hash([provider.name, provider.model, provider.prompt_version, product.facts_hash])
