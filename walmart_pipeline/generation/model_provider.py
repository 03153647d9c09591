"""A model as a provider: answers are judged and repaired once, and replaced by the template writer if they fail."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

from walmart_pipeline.core.records import Completion, Product
from walmart_pipeline.generation import listing_requests, parsing, prompt
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.calls import CallError, Client, Request, Watcher
from walmart_pipeline.llm.dispatch.budget import Account, Budget
from walmart_pipeline.llm.dispatch.dispatcher import Dispatcher
from walmart_pipeline.llm.dispatch.outcomes import DispatchLimits, Outcome
from walmart_pipeline.llm.dispatch.rented_time import HOUR
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline.llm.pricing import Price

# Listings restate facts. Ollama's default of 0.8 is for conversation.
TEMPERATURE = 0.3

# For estimates: listings of the sample have 410 to 610 tokens (SmolLM2's tokenizer).
ANSWER_TOKENS = 600

# Of a rented server, the cost of a text is the 95th percentile of so many.
LATEST_TEXTS = 200


@dataclass(frozen=True)
class CallSettings:
    """Clients, limits and budget of calls.

    clients: makes new ones for each run, since connections belong to its event loop. recipe: None for the task alone.
    """

    clients: Callable[[], Sequence[Client]]
    ledger_url: str
    limits: DispatchLimits
    budget: Budget
    price: Price
    max_tokens: int
    small_model: bool = False
    recipe: Recipe | None = None


class ModelProvider(Provider):
    """A model that writes listings. It connects at first use.

    repairs: request a repair of an answer that can't be published, then fall back to the template writer.
    """

    def __init__(
        self, name: str, judge: Judge, call_settings: CallSettings, *, repairs: bool = True, notice: str | None = None
    ) -> None:
        self.name = name
        self.notice = notice
        self.call_settings = call_settings
        self._judge = judge
        self._repairs = repairs
        self._dispatcher: Dispatcher | None = None
        self._watcher: Watcher | None = None
        self._preferences: dict[str, str] = {}
        self._ended: Counter[str] = Counter()

    @property
    def writer_to_keep(self) -> str | None:
        """A model of Ollama's; for our own models the registry decides."""
        return self.prompt.model if self.name == "ollama" and self.call_settings.recipe is None else None

    @cached_property
    def prompt(self) -> listing_requests.ListingPrompt:
        """The shared part of all requests. Raises CallError if the endpoint or the model is not available."""
        model, digest = asyncio.run(self._identify())
        recipe = self.call_settings.recipe
        schema = listing_requests.listing_schema(self._judge.policy.limits, small_model=self.call_settings.small_model)
        most = min(self.call_settings.max_tokens, listing_requests.answer_tokens(schema))
        task = recipe.system if recipe else prompt.system(self._judge.policy.sentences())
        return listing_requests.ListingPrompt(
            provider=self.name,
            model=model,
            digest=digest,
            system=f"{task}\n{prompt.PREFERENCES}" if self._preferences else task,
            schema=schema,
            parameters=recipe.sent(most) if recipe else {"temperature": TEMPERATURE, "max_tokens": most},
            examples=tuple(recipe.examples) if recipe else (),
            is_built=recipe is not None and recipe.is_built,
            preferences=self._preferences,
            purpose="listing" if self._repairs else "trial",
        )

    @cached_property
    def model(self) -> str:
        """Name and, if known, digest of the weights: other weights are another model."""
        digest = self.prompt.digest
        return f"{self.prompt.model}@{digest[:12]}" if digest else self.prompt.model

    @property
    def prompt_version(self) -> str:
        """Version of the task with the policy's rules, the schema and the parameters."""
        return self.prompt.version

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """One completion per product, in the order of arrival. See Provider."""
        waiting: dict[str, tuple[Product, Outcome | None]] = {}

        def requests() -> Iterator[Request]:
            for product, revision in tasks:
                waiting[product.product_id] = (product, None)
                yield listing_requests.first(self.prompt, product, revision)

        self._ended = Counter()
        with Ledger(self.call_settings.ledger_url) as ledger:
            given = self.call_settings
            dispatcher = self._dispatcher = Dispatcher(
                given.clients(), ledger, given.limits, given.budget, watcher=self._watcher
            )
            # Closed before the ledger, which has to store the answers in flight.
            with closing(dispatcher.run(requests())) as outcomes:
                for outcome in outcomes:
                    product, first = waiting.pop(outcome.request.product_id)
                    complaints = self._complaints(product, outcome)
                    if complaints and outcome.answer and first is None:
                        waiting[product.product_id] = (product, outcome)
                        dispatcher.submit(listing_requests.repair(outcome.request, outcome.answer.text, complaints))
                        continue
                    ended, completion = self._completion(product, outcome, first, complaints)
                    self._ended[ended] += 1
                    yield product, completion

    def watch(self, watcher: Watcher) -> bool:
        """See Provider."""
        self._watcher = watcher
        return True

    def share_budget(self, run_id: str) -> bool:
        """See Provider."""
        self.call_settings = replace(self.call_settings, budget=replace(self.call_settings.budget, run_id=run_id))
        return self.call_settings.budget.usd is not None

    def write_for(self, preferences: UserPreferences, account: Account | None = None) -> bool:
        """See Provider. The preferences are part of every request, and so of its hash."""
        self._preferences = preferences.for_prompt()
        budget = replace(self.call_settings.budget, account=account)
        self.call_settings = replace(self.call_settings, budget=budget)
        self.__dict__.pop("prompt", None)
        return True

    def estimate(self, *, products: int, characters: int) -> pricing.Estimate:
        """See Provider. The rules and the examples are sent with every product."""
        found = pricing.estimate(
            self.call_settings.price,
            calls=products,
            prompt_characters=characters + products * self.prompt.opening_characters,
            completion_tokens_a_call=ANSWER_TOKENS,
        )
        rents = self.call_settings.budget.rents
        if not (rents and products):
            return found
        with Ledger(self.call_settings.ledger_url) as ledger:
            costs = ledger.latest_costs(self.name, self.prompt.model, LATEST_TEXTS)
        # Nobody knows how quick a rented server is before its first texts: then each is given all the time it may take.
        alone = max(rents.values()) * self.call_settings.limits.call_seconds / HOUR
        usd = products * sorted(costs)[int(0.95 * len(costs))] if costs else found.cost_usd + products * alone
        return found.model_copy(update={"cost_usd": usd})

    def note(self) -> str:
        """Accepted, repaired and failed so far, tokens and cost."""
        parts = [f"{count:,} {name}" for name, count in self._ended.items()]
        usage = self._dispatcher.usage() if self._dispatcher else None
        if usage:
            parts += [f"{usage.prompt_tokens + usage.completion_tokens:,} tokens", f"${usage.cost_usd:.2f}"]
        return ", ".join(parts)

    async def _identify(self) -> tuple[str, str | None]:
        """Name and digest of the model at the first endpoint that answers."""
        clients = self.call_settings.clients()
        try:
            for number, client in enumerate(clients, start=1):
                try:
                    return client.model, await client.digest()
                except CallError:
                    if number == len(clients):
                        raise
            raise ValueError(f"{self.name} has no endpoint")
        finally:
            for client in clients:
                await client.close()

    def _complaints(self, product: Product, outcome: Outcome) -> list[str]:
        """Why an answer can't be published; empty for a good one, or without repairs."""
        if not outcome.answer or not self._repairs:
            return []
        try:
            listing = parsing.listing(outcome.answer.text)
        except parsing.UnusableAnswerError as error:
            return [str(error)]
        violations = self._judge.report(product, listing).violations
        return [listing_requests.complaint(violation) for violation in violations if violation.severity == "blocking"]

    def _completion(
        self, product: Product, outcome: Outcome, first: Outcome | None, complaints: list[str]
    ) -> tuple[str, Completion]:
        """A product's result in a word, and its completion. first: the answer before the repair."""
        completion = _combined(first, outcome) if first else outcome.completion
        if outcome.answer and not complaints:
            return ("repaired" if first else "accepted"), completion
        if first and outcome.error_class in ("budget", "stopped"):
            # The next run takes the first answer from the ledger and repeats the repair alone.
            return "failed", completion
        usable = first or outcome.answer or outcome.error_class in ("malformed", "cut")
        if not self._repairs or not usable:
            return "failed", completion
        why = "; ".join(complaints) or outcome.error or "no answer"
        try:
            listing = writer.compose(product, self._judge.policy.limits, self._judge.acceptable)
        except writer.TooFewFactsError as thin:
            # A faulty text helps a reviewer more than none.
            text = _best_text(outcome, first)
            if text:
                return "for review", completion.model_copy(update={"status": "complete", "text": text, "error": None})
            return "failed", completion.model_copy(update={"error": f"{why}; {thin}"})
        stand_in = {"status": "complete", "text": listing.model_dump_json(), "error": None, "fallback": why}
        return "by the template writer", completion.model_copy(update=stand_in)


def _combined(first: Outcome, second: Outcome) -> Completion:
    """The second answer under the first request's hash, with the cost of both."""
    one, two = first.completion, second.completion
    return two.model_copy(
        update={
            "request_hash": one.request_hash,
            "prompt_tokens": one.prompt_tokens + two.prompt_tokens,
            "completion_tokens": one.completion_tokens + two.completion_tokens,
            "seconds": one.seconds + two.seconds,
            "cost_usd": one.cost_usd + two.cost_usd,
        }
    )


def _best_text(outcome: Outcome, first: Outcome | None) -> str | None:
    """The latest answer that parses as a listing."""
    for candidate in (outcome, first):
        if candidate and candidate.answer:
            try:
                parsing.listing(candidate.answer.text)
            except parsing.UnusableAnswerError:
                continue
            return candidate.answer.text
    return None
