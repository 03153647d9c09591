"""Plans which products need a text, and why, inside DuckDB."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import parsing
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.llm.pricing import Estimate
from walmart_pipeline.stages.content.rollout import Rollout

# Bumped when the same catalog would be planned otherwise: the asset's code_version.
VERSION = "5"

# In the order for a limit: never tried first, then by fewest failures, then the longest ago, so that permanent failures
# starve no other product. The first matching reason counts. From `forced` on, a request is repeated as a new revision,
# because the ledger would answer the same one from its cache; the template writer, which is deterministic, is excluded.
# A model gets MAX_REVISIONS more attempts; then the text waits for a person. An edit stays until its facts change, a
# reviewer rejects it, or everything is forced: a selection does not force it. During an outage, only the template
# writer's texts are rewritten.
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
        coalesce(content.failures, 0) as failures,
        content.attempted_at,
        coalesce(scores.score, 0) as score,
        case
            when content.product_id is null then 'new'
            when $is_outage and content.status = 'complete' and content.provider <> 'template' then null
            when content.facts_hash <> products.facts_hash then 'facts changed'
            when content.provider = 'reviewer' and $everything then 'forced'
            when content.provider = 'reviewer' and rated.stars <= 2 then 'rejected by a reviewer'
            when content.provider = 'reviewer' then null
            when content.provider = 'template' and content.fallback is not null and $provider <> 'template'
                then 'model is back'
            when content.provider <> $provider or content.model <> $model then
                case
                    when $rollout = 'full' or $is_selection then 'model changed'
                    when $rollout = 'canary' and product_id in (
                        select product_id from content.canary_texts where promotion = $promotion
                    ) then 'model changed'
                end
            when content.prompt_version <> $prompt_version then 'prompt changed'
            when content.parser_version is distinct from $parser_version then 'parser changed'
            when content.status = 'failed' then 'failed before'
            when waiting.revision > coalesce(content.revision, 0) then 'waits in a batch'
            when $everything or $is_selection then 'forced'
            when $provider = 'template' or content.status <> 'complete' then null
            when content.generated_at < now() - to_days($stale_days) then 'stale'
            when coalesce(content.revision, 0) >= $max_revisions then null
            when rated.stars <= 2 then 'rejected by a reviewer'
            when not scores.publishable and publishable.product_id is null then 'below the threshold'
        end as reason
    from catalog.products
    left join content.generated_content as content using (product_id)
    left join quality.scores using (product_id, content_hash)
    left join quality.publishable using (product_id, content_hash)
    left join rated using (product_id, content_hash)
    left join content.waiting as waiting
        on waiting.product_id = products.product_id and waiting.facts_hash = products.facts_hash
    where not $is_selection
        or list_has_any(products.category, $categories::varchar[])
        or list_contains($categories::varchar[], array_to_string(products.category, ' > '))
        or list_contains($ids::varchar[], products.product_id)
)
select
    $run_id as run_id,
    product_id,
    facts_hash,
    case when reason = 'forced' and $why <> '' then 'forced: ' || $why else reason end as reason,
    $provider as provider,
    $model as model,
    $prompt_version as prompt_version,
    case
        when reason in ('rejected by a reviewer', 'below the threshold', 'stale', 'forced') then revision + 1
        when reason = 'waits in a batch' then waiting_revision
        when reason in ('parser changed', 'failed before') then revision
        else 0
    end as revision
from reasoned
where reason is not null
order by failures, case when $worst_first then score end, attempted_at nulls first, product_id
limit $limit
"""

# The facts of a request as JSON are about as long as these columns.
CHARACTERS = """
select
    coalesce(sum(
        length(product_name) + coalesce(length(brand), 0) + length(description)
        + length(features::varchar) + length(category::varchar) + length(attributes::varchar)
    ), 0)
from content.generation_plan
join catalog.products using (product_id)
where run_id = $run_id
"""

REASONS = """
select reason, count(*) as products
from content.generation_plan
where run_id = $run_id
group by reason
order by reason
"""

MAX_REVISIONS = 2

# DuckDB accepts no null as a limit.
NO_LIMIT = 1 << 62
NEVER_STALE = 1 << 20


@dataclass(frozen=True)
class PlanScope:
    """Which products are planned.

    categories, ids: a selection, which is written again even if it is current; reviewers' texts are not. Neither: what
    is due. everything: all products, even if current. reason: why a selection is written again. limit, budget_usd: the
    maximum number, and estimated cost, of products. worst_first: by score within the order of PLAN. stale_days: also
    texts that are older. rollout: of a new champion, which limits what is rewritten because the model changed.
    """

    categories: Sequence[str] = ()
    ids: Sequence[str] = ()
    reason: str = ""
    everything: bool = False
    limit: int | None = None
    budget_usd: float | None = None
    worst_first: bool = False
    stale_days: int | None = None
    rollout: Rollout | None = None


WHATEVER_IS_DUE = PlanScope()


def plan(db: Database, provider: Provider, run_id: str, scope: PlanScope = WHATEVER_IS_DUE) -> list[Row]:
    """Write the plan of a run into `content.generation_plan`. Returns the number of products by reason."""
    limit = NO_LIMIT if scope.limit is None else scope.limit
    while True:
        reasons, due = _plan(db, provider, run_id, scope, limit)
        products = sum(row["products"] for row in reasons)
        if scope.budget_usd is None or due.cost_usd <= scope.budget_usd or not products:
            return reasons
        # The longest texts may remain: then once more.
        limit = min(products - 1, int(products * scope.budget_usd / due.cost_usd))


def _plan(db: Database, provider: Provider, run_id: str, scope: PlanScope, limit: int) -> tuple[list[Row], Estimate]:
    forget(db, [run_id])
    db.execute(
        PLAN,
        {
            "run_id": run_id,
            "provider": provider.name,
            "model": provider.model,
            "prompt_version": provider.prompt_version,
            "is_outage": provider.outage is not None,
            "parser_version": parsing.VERSION,
            "everything": scope.everything,
            "is_selection": bool(scope.categories or scope.ids),
            "categories": list(scope.categories),
            "ids": list(scope.ids),
            "why": scope.reason,
            "worst_first": scope.worst_first,
            "rollout": scope.rollout.phase if scope.rollout else "full",
            "promotion": scope.rollout.promotion if scope.rollout else 0,
            "max_revisions": MAX_REVISIONS,
            "stale_days": NEVER_STALE if scope.stale_days is None else scope.stale_days,
            "limit": limit,
        },
    )
    reasons = db.query(REASONS, {"run_id": run_id})
    due = provider.estimate(
        products=sum(row["products"] for row in reasons), characters=int(db.value(CHARACTERS, {"run_id": run_id}))
    )
    about = {"run_id": run_id, "planned_at": datetime.now(UTC), "notice": provider.notice}
    db.append("content.plan_estimates", [due.model_dump() | about])
    return reasons, due


def unknown(db: Database, ids: Sequence[str]) -> list[str]:
    """Return the ids that no product of the catalog has."""
    found = db.query(
        "select unnest($ids::varchar[]) as product_id except select product_id from catalog.products order by 1",
        {"ids": list(ids)},
    )
    return [row["product_id"] for row in found]


def empty(db: Database, run_id: str) -> None:
    """Keep the estimate of a plan, but leave nothing to write."""
    db.execute("delete from content.generation_plan where run_id = ?", [run_id])


def estimate(db: Database, run_id: str) -> Estimate:
    """Return the maximum calls, tokens and cost of a plan; answers in the ledger cost nothing."""
    names = ", ".join(Estimate.model_fields)
    return Estimate(**db.query(f"select {names} from content.plan_estimates where run_id = $id", {"id": run_id})[0])


def planned_at(db: Database, run_id: str) -> datetime | None:
    """Return when a run planned; None if it did not."""
    found: datetime | None = db.value("select planned_at from content.plan_estimates where run_id = ?", [run_id])
    return found


def plans(db: Database) -> list[str]:
    """Return the ids of runs with a plan, the latest first."""
    return [row["run_id"] for row in db.query("select run_id from content.plan_estimates order by planned_at desc")]


def plan_of(db: Database, run_ids: Sequence[str | None]) -> str | None:
    """Return the first of these runs with a plan, else the latest run with one; None if there is none."""
    known = plans(db)
    return next((run_id for run_id in (*run_ids, *known) if run_id in known), None)


def forget(db: Database, run_ids: Collection[str]) -> None:
    """Delete the plans of these runs."""
    for table in ("content.generation_plan", "content.plan_estimates"):
        db.execute(f"delete from {table} where list_contains($ids::varchar[], run_id)", {"ids": list(run_ids)})
