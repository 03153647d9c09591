"""A model's verdicts on statements that the judge is not sure of: `quality.fact_checks`.

What the model finds false keeps the text out of `quality.listings`; what it finds true is no hint any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from pydantic import Field

from walmart_pipeline.core.progress import Advance
from walmart_pipeline.core.records import Listing, Product, Record
from walmart_pipeline.core.warehouse import Database, Row, Warehouse, batches, struct
from walmart_pipeline.generation.fact_checker import DoubtfulStatement, FactChecker
from walmart_pipeline.judge.judge import Judge

# Bumped when other statements would be checked: the asset's code_version.
VERSION = "1"

# Rows that a killed run may lose, which are not paid for again: the ledger has the answers.
BATCH_ROWS = 100
# Texts in memory at a time.
PAGE_TEXTS = 64

KEY = ("product_id", "content_hash", "facts_hash", "field", "statement")

# The judge's hints in texts that would be published; keywords are no statements.
HINTS = """
select product_id, content_hash, facts_hash, hint.field, hint.evidence
from quality.scores, unnest(violations) as found(hint)
where publishable and hint.rule like 'grounding.%' and hint.severity = 'minor' and hint.field not like 'seo_keywords%'
"""

DUE = f"""
select distinct product_id
from ({HINTS}) as hints
where not exists (
    from quality.fact_checks as checks
    where checks.product_id = hints.product_id
        and checks.content_hash = hints.content_hash
        and checks.facts_hash = hints.facts_hash
        and checks.field = hints.field
        and contains(checks.statement, hints.evidence)
        and checks.provider = $provider
        and checks.model = $model
        and checks.prompt_version = $prompt_version
)
"""

PAGE = f"""
select
    scores.product_id,
    scores.content_hash,
    scores.facts_hash,
    to_json({struct("products", Product)}) as product,
    to_json({struct("content", Listing)}) as listing
from (select unnest($page) as product_id) as page
join quality.scores using (product_id)
join content.generated_content as content using (product_id, content_hash)
join catalog.products on products.product_id = scores.product_id and products.facts_hash = scores.facts_hash
order by scores.product_id
"""

CHECKED = """
select product_id, content_hash, facts_hash, field, statement
from quality.fact_checks
where product_id in (select unnest($page))
    and provider = $provider and model = $model and prompt_version = $prompt_version
"""

# A hint goes if a statement with its words was cleared, and none was not.
CLEAR_HINTS = f"""
update quality.scores
set violations = [
    found for found in violations
    if not (
        found.rule like 'grounding.%' and found.severity = 'minor'
        and list_contains(cleared.places, found.field || ': ' || found.evidence)
    )
]
from (
    select product_id, list(place) as places
    from (
        select product_id, field || ': ' || evidence as place
        from ({HINTS}) as hints
        join quality.fact_checks as checks using (product_id, content_hash, facts_hash, field)
        where contains(checks.statement, hints.evidence)
        group by all
        having bool_and(coalesce(checks.verdict in ('supported', 'not_about_the_product'), false))
    )
    group by product_id
) as cleared
where scores.product_id = cleared.product_id
"""

# Texts with a false statement; a reviewer who would publish one overrules the model.
REFUTED = """
select
    product_id,
    content_hash,
    scores.score,
    list(
        'fact check: "' || statement || '" is ' || case
            when checks.verdict = 'contradicted' then 'contradicted by the record, which has "' || passage || '"'
            else 'not supported by the record'
        end
        order by field, statement
    ) as reasons
from quality.fact_checks as checks
join quality.scores using (product_id, content_hash, facts_hash)
where scores.publishable and checks.verdict in ('contradicted', 'unsupported')
    and (product_id, content_hash) not in (
        select (product_id, content_hash)
        from quality.ratings
        group by product_id, content_hash
        having arg_max(stars, rated_at) >= 4
    )
group by all
"""

# The judge takes a statement for false from a probability of one half.
BESIDE_JUDGE = """
select
    round(floor(probability * 10) / 10, 1) as "probability from",
    count(*) as n,
    round(avg(probability), 2) as "mean probability",
    round(avg((verdict in ('contradicted', 'unsupported'))::integer), 2) as "false by the model",
    round(avg(((verdict in ('contradicted', 'unsupported')) = (probability >= 0.5))::integer), 2) as "share that agrees"
from quality.fact_checks
where verdict is not null and provider = $provider and model = $model and prompt_version = $prompt_version
group by all
order by all
"""

# Reviewers' decisions: stars of a text (3 is none), and the statements that an edit left or took out.
BESIDE_REVIEWERS = """
with checks as (
    select *, verdict in ('contradicted', 'unsupported') as refuted
    from quality.fact_checks
    where verdict is not null and provider = $provider and model = $model and prompt_version = $prompt_version
)
select count(*) as n, round(avg((refuted = rejected)::integer), 2) as "share that agrees"
from (
    select bool_or(refuted) as refuted, any_value(stars) <= 2 as rejected
    from checks
    join (
        select product_id, content_hash, arg_max(stars, rated_at) as stars
        from quality.ratings
        group by all
    ) using (product_id, content_hash)
    where stars <> 3
    group by product_id, content_hash
    union all
    select
        refuted,
        not contains(
            concat_ws(chr(10), written.title, array_to_string(written.key_features, chr(10)), written.description),
            statement
        ) as rejected
    from checks
    join content.edits as edits
        on edits.product_id = checks.product_id and edits.replaced_content_hash = checks.content_hash
    join content.generated_content as written
        on written.product_id = edits.product_id and written.content_hash = edits.content_hash
)
"""


class FactCheckRun(Record):
    """Result of a run of the fact-checker."""

    asked: int
    checked: int
    errors: list[str] = Field(description="Distinct reasons for missing verdicts.")
    ended: str | None = Field(description="Why statements were left unchecked, such as a budget that is reached.")
    cost_usd: float


class FactCheckAgreement(Record):
    """Agreement of all verdicts of the model with the judge, by its probability, and with reviewers."""

    judge: list[Row]
    reviewers: Row


def check(warehouse: Warehouse, checker: FactChecker, judge: Judge, *, advance: Advance) -> FactCheckRun:
    """Check every uncertain statement of a publishable text that this model has not checked, and store the verdicts.

    The warehouse is closed during model calls. Raises CallError if the model is unreachable.
    advance: called with the number of statements since the last call.
    """
    model = _model(checker)
    asked = checked = 0
    cost_usd = 0.0
    errors: dict[str, None] = {}
    ended: list[str] = []

    def settled() -> Iterator[Row]:
        nonlocal asked, checked, cost_usd
        with closing(checker.check(_statements(warehouse, judge, model, ended))) as checks:
            for each in checks:
                advance(1)
                asked += 1
                checked += each.verdict is not None
                cost_usd += each.cost_usd
                if each.error:
                    errors[each.error] = None
                    if each.ends_run:
                        ended.append(each.error)
                if each.is_settled:
                    row = each.model_dump(include={"verdict", "passage", "error", "cost_usd"})
                    yield row | each.checked.model_dump() | model | {"checked_at": datetime.now(UTC)}

    for rows in batches(settled(), BATCH_ROWS):
        with warehouse.writing() as db:
            db.upsert("quality.fact_checks", rows, KEY)
    return FactCheckRun(
        asked=asked, checked=checked, errors=list(errors), ended=ended[0] if ended else None, cost_usd=cost_usd
    )


def clear_hints(db: Database) -> None:
    """Remove the hints in `quality.scores` at statements that a model cleared; texts judged anew have them."""
    db.execute(CLEAR_HINTS)


def fact_check_agreement(db: Database, checker: FactChecker) -> FactCheckAgreement:
    """Measure the agreement of this model with the judge's probabilities and with reviewers."""
    model = _model(checker)
    return FactCheckAgreement(judge=db.query(BESIDE_JUDGE, model), reviewers=db.query(BESIDE_REVIEWERS, model)[0])


def _statements(warehouse: Warehouse, judge: Judge, model: Row, ended: list[str]) -> Iterator[DoubtfulStatement]:
    """Yield what is to be checked, until something is in `ended`."""
    with warehouse.reading() as db:
        due = [row["product_id"] for row in db.query(DUE, model)]
    for start in range(0, len(due), PAGE_TEXTS):
        if ended:
            return
        given = {"page": due[start : start + PAGE_TEXTS]}
        with warehouse.reading() as db:
            texts = db.query(PAGE, given)
            known = {tuple(row.values()) for row in db.query(CHECKED, given | model)}
        for text in texts:
            product = Product.model_validate_json(text["product"])
            for found in judge.uncertain(product, Listing.model_validate_json(text["listing"])):
                statement = DoubtfulStatement(
                    product_id=product.product_id,
                    content_hash=text["content_hash"],
                    facts_hash=text["facts_hash"],
                    field=found.field,
                    statement=found.text,
                    probability=found.probability,
                    product_name=product.product_name,
                    passages=tuple(found.passages),
                )
                key = tuple(getattr(statement, name) for name in KEY)
                if key not in known:
                    known.add(key)
                    yield statement


def _model(checker: FactChecker) -> Row:
    return {"provider": checker.name, "model": checker.model, "prompt_version": checker.prompt_version}
