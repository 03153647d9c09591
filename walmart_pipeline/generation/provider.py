"""The protocol of providers, which write listings, so that a stage need not know which one it has."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Protocol, TypeAlias

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Completion, Product
from walmart_pipeline.llm.calls import Watcher
from walmart_pipeline.llm.pricing import Estimate

# A product to be written about, and its revision: how often somebody wanted another text from the same facts.
Task: TypeAlias = tuple[Product, int]

# A product id, and the id of the batch in which the product's question waits.
Deferred: TypeAlias = tuple[str, str]


class ProviderError(UserError, ValueError):
    """The provider can't be used as it is configured; the message says what to change."""


class Provider(Protocol):
    """Writes listings. A class that derives from it has the defaults of one that calls no model."""

    @property
    def name(self) -> str:
        """Such as `template`."""
        ...

    @property
    def model(self) -> str:
        """The model behind it. Another one asks for new texts."""
        ...

    @property
    def prompt_version(self) -> str:
        """Changes whenever the same facts would be asked for in another way."""
        ...

    @property
    def notice(self) -> str | None:
        """What a user should know about the choice of this provider."""
        return None

    @property
    def outage(self) -> str | None:
        """Why the model that should write can't be asked. Until it can, texts that exist stay."""
        return None

    @property
    def writer_to_keep(self) -> str | None:
        """The model that `auto` should stay with from now on."""
        return None

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """One completion per product, in the order of arrival. A failure is a completion with its error, no exception.

        Closing it ends the run: calls in flight are waited for and kept. Whoever stops half-way has to close it.
        """
        ...

    def estimate(self, *, products: int, characters: int) -> Estimate:
        """Calls, tokens and cost at most of writing so many products, whose facts have so many characters together."""
        return Estimate(calls=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0)

    def note(self) -> str:
        """What is worth saying of a run under way, such as tokens and cost; may be empty."""
        return ""

    def defer(self, tasks: Iterable[Task], log: Callable[[str], None]) -> Iterator[Deferred]:
        """Each task whose answer a batch at the provider is going to bring, as product id and batch id.

        `write` is for all others. Raises CallError and LedgerError.
        """
        return iter(())

    def watch(self, watcher: Watcher) -> bool:
        """Stream answers to the watcher from now on. Returns whether there is a model to watch."""
        return False
