"""Batches that have ended at the provider and wait to be collected."""

from __future__ import annotations

import asyncio

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.generation.provider_factory import openai_client
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.batch import lifecycle
from walmart_pipeline.llm.batch.store import BatchStore


def ended(settings: Settings) -> list[str]:
    """Ids of the batches that have ended at the provider, oldest first.

    Raises ProviderError, CallError and LedgerError.
    """
    if settings.ledger_url is None and not settings.ledger_file.exists():
        return []

    async def look(store: BatchStore) -> list[str]:
        # The model does not matter: a batch is looked up by its id.
        client = openai_client(settings, "any", pricing.FREE)
        try:
            return await lifecycle.ended(client, store)
        finally:
            await client.close()

    with BatchStore(settings.ledger) as store:
        return asyncio.run(look(store))
