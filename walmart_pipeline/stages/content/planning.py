"""Which products need a text, and why.

Belongs here: the comparison of the catalog with what was generated. Does not: generating.
Runs inside DuckDB: the catalog is never loaded into Python.
"""

from __future__ import annotations

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import parsing
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.llm.pricing import Estimate

# Bumped when the same catalog would be planned otherwise: the asset's code_version.
VERSION = "2"

# The first reason that holds is given. From `forced` on, the same question is asked again: as a revision of its own,
# since the ledger would answer it from memory. The template writer is left out there: it gives the same text to the
# same facts. A model gets MAX_REVISIONS tries more to satisfy; then the text waits for a person. What a reviewer wrote
# stays until its facts change, a reviewer rejects it, or everything is forced.
PLAN = """
insert into content.generation_plan by name
with rated as (
    select product_id, content_hash, arg_max(stars, rated_at) as stars
    from quality.ratings
    group by product_id, content_hash
),
reasoned as (
    select
        products.product_id,
        products.facts_hash,
        coalesce(content.revision, 0) as revision,
        waiting.revision as waiting_revision,
        case
            when content.product_id is null then 'new'
            when content.facts_hash <> products.facts_hash then 'facts changed'
            when content.provider = 'reviewer' and $everything then 'forced'
            when content.provider = 'reviewer' and rated.stars <= 2 then 'rejected by a reviewer'
            when content.provider = 'reviewer' then null
            when content.provider <> $provider or content.model <> $model then 'model changed'
            when content.prompt_version <> $prompt_version then 'prompt changed'
            when content.parser_version is distinct from $parser_version then 'parser changed'
            when content.status = 'failed' then 'failed before'
            when waiting.revision > coalesce(content.revision, 0) then 'waits in a batch'
            when $everything then 'forced'
            when $provider = 'template' or content.status <> 'complete' then null
            when content.generated_at < now() - to_days($stale_days) then 'stale'
            when coalesce(content.revision, 0) >= $max_revisions then null
            when rated.stars <= 2 then 'rejected by a reviewer'
            when not scores.publishable then 'below the bar'
        end as reason
    from catalog.products
    left join content.generated_content as content using (product_id)
    left join quality.scores using (product_id, content_hash)
    left join rated using (product_id, content_hash)
    left join content.waiting as waiting
        on waiting.product_id = products.product_id and waiting.facts_hash = products.facts_hash
)
select
    product_id,
    facts_hash,
    reason,
    $provider as provider,
    $model as model,
    $prompt_version as prompt_version,
    case
        when reason in ('rejected by a reviewer', 'below the bar', 'stale', 'forced') then revision + 1
        when reason = 'waits in a batch' then waiting_revision
        when reason in ('parser changed', 'failed before') then revision
        else 0
    end as revision
from reasoned
where reason is not null
order by product_id
limit $limit
"""

# What a request holds of a product: its facts as JSON, about as long as the texts they come from.
CHARACTERS = """
select
    coalesce(sum(
        length(product_name) + coalesce(length(brand), 0) + length(description)
        + length(features::varchar) + length(category::varchar) + length(attributes::varchar)
    ), 0)
from content.generation_plan
join catalog.products using (product_id)
"""

MAX_REVISIONS = 2

# DuckDB takes no null for a limit; more products than this do not fit a catalog.
NO_LIMIT = 1 << 62
NEVER_STALE = 1 << 20


def plan(
    db: Database,
    provider: Provider,
    *,
    everything: bool = False,
    limit: int | None = None,
    stale_days: int | None = None,
) -> list[Row]:
    """Fill `content.generation_plan` anew. Returns how many products are planned for each reason.

    everything: also products whose text is up to date, asked anew. limit: at most so many, in the order of their ids.
    stale_days: also texts that are older.
    """
    db.execute("delete from content.generation_plan")
    db.execute(
        PLAN,
        {
            "provider": provider.name,
            "model": provider.model,
            "prompt_version": provider.prompt_version,
            "parser_version": parsing.VERSION,
            "everything": everything,
            "max_revisions": MAX_REVISIONS,
            "stale_days": NEVER_STALE if stale_days is None else stale_days,
            "limit": NO_LIMIT if limit is None else limit,
        },
    )
    return db.query("select reason, count(*) as products from content.generation_plan group by reason order by reason")


def estimate(db: Database, provider: Provider) -> Estimate:
    """Calls, tokens and cost of the plan at most: what the ledger knows costs nothing, a repair is one call more."""
    return provider.estimate(products=db.count("content.generation_plan"), characters=int(db.value(CHARACTERS)))
