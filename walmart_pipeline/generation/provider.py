"""The protocol of providers, which write listings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Protocol, TypeAlias

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Completion, Product
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.llm.calls import Deferred, Watcher
from walmart_pipeline.llm.dispatch.budget import Account
from walmart_pipeline.llm.pricing import Estimate

# A product and its revision: how often another text from the same facts was requested.
Task: TypeAlias = tuple[Product, int]


class ProviderError(UserError, ValueError):
    """The provider can't be used as configured; the message names the remedy."""


class Provider(Protocol):
    """Writes listings. Defaults are those of a provider without a model.

    name: such as `template`. notice: message to the user about its choice. outage: why the model that should write is
    not available; meanwhile existing texts stay.
    """

    name: str
    notice: str | None = None
    outage: str | None = None

    @property
    def model(self) -> str:
        """Name of the model; another one requires new texts."""
        ...

    @property
    def prompt_version(self) -> str:
        """Version of the prompt; another one requires new texts."""
        ...

    @property
    def writer_to_keep(self) -> str | None:
        """The model that `auto` should use from now on."""
        return None

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """One completion per product, in order of arrival; failures are completions with an error.

        Closing the generator ends the run after the calls in flight; close it if you stop early.
        """
        ...

    def estimate(self, *, products: int, characters: int) -> Estimate:
        """Upper estimate of calls, tokens and cost for products with so many characters of facts in total."""
        return Estimate(calls=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0)

    def note(self) -> str:
        """Status of the current run, such as tokens and cost; may be empty."""
        return ""

    def defer(self, tasks: Iterable[Task], log: Callable[[str], None]) -> Iterator[Deferred]:
        """Tasks that a batch will answer; all others are for `write`. Raises CallError and LedgerError."""
        return iter(())

    def watch(self, watcher: Watcher) -> bool:
        """Stream answers to the watcher. Returns whether there is a model to watch."""
        return False

    def share_budget(self, run_id: str) -> bool:
        """Spend one budget with all workers of a run, before the first text. Returns whether there is a budget."""
        return False

    def write_for(self, preferences: UserPreferences, account: Account | None = None) -> bool:
        """Write for a user, before the first text. Returns whether the preferences have an effect on texts.

        account: pays for each call, beside the budget of the run.
        """
        return False
