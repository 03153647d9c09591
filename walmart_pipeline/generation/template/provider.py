"""The template writer behind the provider protocol.

Belongs here: a composed listing, or its refusal, as a completion. Does not: composing (writer.py).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable

from walmart_pipeline.core.records import TEMPLATE, Completion, Product
from walmart_pipeline.generation.provider import Task, request_hash
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm.pricing import Estimate

# Bumped when the same facts would be composed otherwise.
VERSION = "1"


class TemplateWriter:
    """No model, no server, no cost: the floor that every model has to beat."""

    name = TEMPLATE
    model = TEMPLATE

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        # Limits and word lists decide what it writes: another policy asks for other texts.
        self.prompt_version = f"{VERSION}/{judge.policy.label}"

    def estimate(self, *, products: int, characters: int) -> Estimate:
        """Nothing: no call is made."""
        return Estimate(calls=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0)

    def note(self) -> str:
        """Nothing: it costs nothing and calls nobody."""
        return ""

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """A completion a product, in their order; facts that carry no listing are declined with the reason.

        Another revision of the same facts is the same text.
        """
        for product, _ in tasks:
            started = time.perf_counter()
            completion = Completion(
                request_hash=request_hash(self, product),
                provider=self.name,
                model=self.model,
                prompt_version=self.prompt_version,
                status="complete",
            )
            try:
                listing = writer.compose(product, self._judge.policy.limits, self._judge.acceptable)
                outcome = {"text": listing.model_dump_json()}
            except writer.FactsTooThin as thin:
                outcome = {"status": "declined", "error": str(thin)}
            yield product, completion.model_copy(update=outcome | {"seconds": time.perf_counter() - started})
