"""The queue of the page Review: which cases, in which order, a page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.reviews.store import Decision

Scope: TypeAlias = Literal["waiting", "doubtful", "published"]
Order: TypeAlias = Literal["least certain", "worst", "newest"]

# Cases on a page of the list, and as far as "next" looks ahead.
PAGE_CASES = 50

# What the pipeline asks people about, and edits that it could not apply; published texts with a statement that the
# judge has doubts about; all published.
SCOPES: Mapping[Scope, str] = {
    "waiting": """
        select product_id, content_hash, score, reasons, queued_at as since, status
        from quality.review_queue
        union all
        select product_id, content.content_hash, score, [problem], taken_at, 'needs_review'
        from (
            select product_id, 'the edit of ' || author || ' was not applied: ' || problem as problem, taken_at
            from quality.reviews
            where action in ('accept', 'edit', 'reject')
                and decision_id not in (select undoes from quality.reviews where undoes is not null)
            qualify row_number() over (partition by product_id order by number desc) = 1 and problem is not null
        )
        anti join quality.review_queue using (product_id)
        left join content.generated_content as content using (product_id)
        left join quality.scores as scores using (product_id, content_hash)
    """,
    "doubtful": """
        select product_id, content_hash, score, [v.rule || ': ' || v.message for v in violations] as reasons,
            scored_at as since, 'published' as status
        from quality.scores
        semi join quality.publishable using (product_id, content_hash)
        where len([v for v in violations if v.rule like 'grounding.%']) > 0
    """,
    "published": """
        select product_id, content_hash, score, []::varchar[] as reasons, accepted_at as since, 'published' as status
        from quality.listings
    """,
}

# A rule of the policy is broken for certain; whether a statement is true, and a score near the threshold, are guesses.
# What somebody has rejected already comes after what nobody has seen.
ORDERS: Mapping[Order, str] = {
    "least certain": "is_rejected, is_certain, abs(coalesce(score, 0) - $threshold), product_id",
    "worst": "score nulls first, product_id",
    "newest": "since desc, product_id",
}

# Nobody is asked again about decisions that no run has taken over yet (a parameter) and acceptances in force. A text
# that was rejected and not written anew still waits for somebody, as does what Walmart refused all the same.
CASES = """
with cases as ({scope}),
decided as (
    select product_id, content_hash from quality.verdicts
    semi join quality.publishable using (product_id, content_hash, facts_hash)
    anti join delivery.refused_items using (product_id, content_hash)
    union
    select unnest($decided, recursive := true)
)
select
    cases.*,
    products.product_name,
    array_to_string(products.category, ' > ') as category,
    products.source_file,
    products.facts_hash,
    content.written_by,
    coalesce(content.status, '') as content_status,
    len([v for v in scores.violations if v.severity = 'blocking' and v.rule not like 'grounding.%']) > 0
        or cases.status = 'failed' as is_certain,
    verdicts.action is not distinct from 'reject' as is_rejected,
    coalesce(list_distinct([v.rule for v in scores.violations]), []) as rules
from cases
join catalog.products using (product_id)
left join content.generated_content as content using (product_id, content_hash)
left join quality.scores as scores
    on scores.product_id = cases.product_id and scores.content_hash = cases.content_hash
left join quality.verdicts as verdicts
    on verdicts.product_id = cases.product_id and verdicts.content_hash = cases.content_hash
where not exists (
        from decided
        where decided.product_id = cases.product_id and decided.content_hash is not distinct from cases.content_hash
    )
    and ($category is null or products.category[1] = $category)
    and ($feed is null or products.source_file = $feed)
    and ($model is null or content.written_by = $model)
    and ($rule is null or list_contains([v.rule for v in scores.violations], $rule))
    and ($search is null or cases.product_id = $search or contains(lower(products.product_name), lower($search)))
"""

FACETS = """
select
    (select list(distinct category[1] order by category[1]) from catalog.products where len(category) > 0)
        as categories,
    (select list(distinct source_file order by source_file) from catalog.products) as feeds,
    (select list(distinct written_by order by written_by) from content.generated_content where written_by is not null)
        as models,
    (select list(distinct v.rule order by v.rule) from quality.scores, unnest(violations) as found(v)) as rules
"""


@dataclass(frozen=True)
class QueueFilter:
    """Which cases are shown. None: all."""

    scope: Scope = "waiting"
    order: Order = "least certain"
    category: str | None = None
    rule: str | None = None
    model: str | None = None
    feed: str | None = None
    search: str | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves cases of its scope out."""
        return any((self.category, self.rule, self.model, self.feed, self.search))

    def parameters(self, decided: Iterable[Decision]) -> dict[str, Any]:
        """The values of the query."""
        texts = [{"product_id": each.product_id, "content_hash": each.content_hash} for each in decided]
        # DuckDB needs a row to know the types by.
        return {
            "decided": texts or [{"product_id": "", "content_hash": ""}],
            "category": self.category,
            "rule": self.rule,
            "model": self.model,
            "feed": self.feed,
            "search": self.search or None,
        }


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """The verdicts among these decisions that were not undone."""
    known = list(decisions)
    undone = {decision.undoes for decision in known}
    return [
        decision
        for decision in known
        if decision.action in ("accept", "edit", "reject") and decision.decision_id not in undone
    ]


def count(db: Database, wanted: QueueFilter, decided: Iterable[Decision]) -> int:
    """Return the number of cases."""
    query = CASES.format(scope=SCOPES[wanted.scope])
    return int(db.value(f"select count(*) from ({query})", wanted.parameters(decided)))


def page(
    db: Database,
    wanted: QueueFilter,
    decided: Iterable[Decision],
    *,
    threshold: float,
    limit: int = PAGE_CASES,
    offset: int = 0,
) -> list[Row]:
    """Return the cases of a page. threshold: the least score of a publishable text."""
    order = ORDERS[wanted.order]
    query = f"from ({CASES.format(scope=SCOPES[wanted.scope])}) order by {order} limit {limit} offset {offset}"
    given = wanted.parameters(decided)
    return db.query(query, given | {"threshold": threshold} if "$threshold" in query else given)


def facets(db: Database) -> Row:
    """Return what cases can be filtered by: categories, feeds, models, rules."""
    return {name: values or [] for name, values in db.query(FACETS)[0].items()}
