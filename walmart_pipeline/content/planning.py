"""Which products need a text, and why.

Belongs here: the comparison of the catalog with what was generated. Does not: generating.
Runs inside DuckDB: the catalog is never loaded into Python.
"""

from __future__ import annotations

from walmart_pipeline.llm.provider import Provider
from walmart_pipeline.warehouse import Database, Row

# Bumped when the same catalog would be planned otherwise: the asset's code_version.
VERSION = "1"

PLAN = """
insert into content.generation_plan
with reasoned as (
    select
        products.product_id,
        products.facts_hash,
        case
            when content.product_id is null then 'new'
            when content.facts_hash <> products.facts_hash then 'facts changed'
            when content.provider <> $provider or content.model <> $model then 'model changed'
            when content.prompt_version <> $prompt_version then 'prompt changed'
            when content.status = 'failed' then 'failed before'
            when $everything then 'forced'
        end as reason
    from catalog.products
    left join content.generated_content as content using (product_id)
)
select product_id, facts_hash, reason, $provider, $model, $prompt_version
from reasoned
where reason is not null
order by product_id
limit $limit
"""

# DuckDB takes no null for a limit; more products than this do not fit a catalog.
NO_LIMIT = 1 << 62


def plan(db: Database, provider: Provider, *, everything: bool, limit: int | None) -> list[Row]:
    """Fill `content.generation_plan` anew. Returns how many products are planned for each reason.

    everything: also products whose text is up to date. limit: at most so many, in the order of their ids.
    """
    db.execute("delete from content.generation_plan")
    db.execute(
        PLAN,
        {
            "provider": provider.name,
            "model": provider.model,
            "prompt_version": provider.prompt_version,
            "everything": everything,
            "limit": NO_LIMIT if limit is None else limit,
        },
    )
    return db.query("select reason, count(*) as products from content.generation_plan group by reason order by reason")
