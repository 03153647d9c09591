"""The template writer as a provider: a listing from the facts alone, or its refusal, as a completion."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable

from walmart_pipeline.core.records import TEMPLATE, Completion, Product, content_hash
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.generation.template import writer
from walmart_pipeline.judge.judge import Judge

# Bumped when the same facts would give another text.
VERSION = "1"


class TemplateWriter(Provider):
    """No model, no server, no cost: the baseline that every model has to beat.

    outage: why it stands in for a model this time. Its texts are marked with it, and written anew when the model is
    back.
    """

    name = TEMPLATE
    model = TEMPLATE

    def __init__(self, judge: Judge, *, outage: str | None = None) -> None:
        self._judge = judge
        self._outage = outage

    @property
    def outage(self) -> str | None:
        """See Provider."""
        return self._outage

    @property
    def notice(self) -> str | None:
        """See Provider."""
        if not self._outage:
            return None
        return f"{self._outage}. Texts that exist stay; what has none is written by the template writer for now"

    @property
    def prompt_version(self) -> str:
        """Limits and word lists decide what it writes: another policy asks for other texts."""
        return f"{VERSION}/{self._judge.policy.label}"

    def write(self, tasks: Iterable[Task]) -> Generator[tuple[Product, Completion], None, None]:
        """A completion a product, in their order; facts that carry no listing are declined with the reason.

        Another revision of the same facts is the same text.
        """
        for product, _ in tasks:
            started = time.perf_counter()
            completion = Completion(
                request_hash=content_hash([self.name, self.model, self.prompt_version, product.facts_hash]),
                provider=self.name,
                model=self.model,
                prompt_version=self.prompt_version,
                status="complete",
                fallback=self._outage,
            )
            try:
                listing = writer.compose(product, self._judge.policy.limits, self._judge.acceptable)
                outcome = {"text": listing.model_dump_json()}
            except writer.FactsTooThin as thin:
                outcome = {"status": "declined", "error": str(thin)}
            yield product, completion.model_copy(update=outcome | {"seconds": time.perf_counter() - started})
