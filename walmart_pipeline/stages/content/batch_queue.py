"""Which planned products wait for a batch at the provider: `content.waiting`.

Belongs here: passing the plan to a provider that sends batches, and keeping what it says. Does not: batches (llm), or
writing what does not wait (generation.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from walmart_pipeline.core.records import Product
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation.batch_provider import BatchProvider
from walmart_pipeline.generation.provider import Provider, Task
from walmart_pipeline.stages.content import generation

# Kept with what was asked for, so that a later plan asks for the same: a text that was forced once is not in the plan
# of a run that forces nothing.
AS_PLANNED = """
update content.waiting
set facts_hash = plan.facts_hash, revision = plan.revision
from content.generation_plan as plan
where plan.product_id = waiting.product_id
"""


def defer(db: Database, provider: Provider, *, log: Callable[[str], None]) -> Counter[str]:
    """Collect and send batches, and set those products aside that wait for one. Returns how many wait in which batch.

    They stay in the plan. A provider without batches lets nobody wait. Raises CallError and LedgerError.
    """
    counts: Counter[str] = Counter()

    def rows() -> Iterator[Row]:
        if isinstance(provider, BatchProvider):
            for product_id, batch in provider.defer(_tasks(db), log):
                counts[batch] += 1
                yield {"product_id": product_id, "batch": batch}

    # Whoever waited is asked about like all others.
    db.execute("delete from content.waiting")
    db.append("content.waiting", rows())
    db.execute(AS_PLANNED)
    db.checkpoint()
    return counts


def _tasks(db: Database) -> Iterator[Task]:
    for page in db.pages_by_key(generation.PLANNED, key="product_id"):
        for row in page:
            yield Product(**row["product"]), row["revision"]
