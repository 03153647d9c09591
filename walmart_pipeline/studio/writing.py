"""Texts that users ask for: one product, with its versions, and a small run over several."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.preferences import UserPreferences
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.dispatch.budget import Account
from walmart_pipeline.stages.content import single_product
from walmart_pipeline.stages.content.single_product import Written
from walmart_pipeline.studio.jobs import AnswerStream, Job


@dataclass(frozen=True)
class Order:
    """What a user asks for. settings: of the chosen provider and model. account: pays what is not free."""

    settings: Settings
    preferences: UserPreferences
    account: Account

    def provider(self, judge: Judge) -> Provider:
        """The provider that writes. Raises ProviderError and WarehouseError."""
        return self.follow(judge)[0]

    def follow(self, judge: Judge) -> tuple[Provider, bool]:
        """The provider that writes, and whether it follows the preferences. Raises as `provider`."""
        chosen = single_product.choose(self.settings, judge)
        return chosen, chosen.write_for(self.preferences, self.account)


class Writing(Job[Written]):
    """One text that is being written. stream: the model's answer so far. follows: whether it heeds preferences."""

    def __init__(self, product: Product, order: Order, judge: Judge, *, revision: int = 0) -> None:
        self.product, self.order, self.revision = product, order, revision
        self.stream = AnswerStream()
        self.follows = False

        def work() -> Written:
            provider, self.follows = order.follow(judge)
            provider.watch(self.stream)
            return single_product.write(product, provider, judge, revision=revision)

        super().__init__(work)

    @property
    def status(self) -> str:
        """What happens, in words."""
        stream = self.stream
        if not stream.model:
            return "The answer may be in the ledger, or the model is being asked …"
        if stream.text:
            return f"{stream.model} {'repairs its answer' if stream.is_repair else 'writes'} …"
        # A server that does not stream is silent until its answer is whole.
        return f"{stream.model} {'was told what to mend' if stream.is_repair else 'reads the record'}: no text yet …"


@dataclass
class SmallRun:
    """Several texts that are being written. texts: those that came so far."""

    products: Sequence[Product]
    texts: list[tuple[Product, Written]] = field(default_factory=list)
    note: str = ""

    def __post_init__(self) -> None:
        self._stopped = threading.Event()

    def start(self, order: Order, judge: Judge) -> Job[None]:
        """Write the texts in the background."""

        def work() -> None:
            provider = order.provider(judge)
            tasks = ((product, 0) for product in self.products)
            with closing(single_product.write_all(tasks, provider, judge)) as writing:
                for product, written in writing:
                    self.texts.append((product, written))
                    self.note = provider.note()
                    if self._stopped.is_set():
                        break

        return Job(work)

    def stop(self) -> None:
        """End after the calls in flight."""
        self._stopped.set()

    @property
    def cost_usd(self) -> float:
        """Of the texts so far."""
        return sum(written.completion.cost_usd for _, written in self.texts)

    @property
    def accepted(self) -> int:
        """Texts that can be published as they are."""
        return sum(bool(written.report and written.report.publishable) for _, written in self.texts)
