"""Rewrites existing texts by a new champion in two steps: a canary, judged against the old texts, then the rest.

The state is in the warehouse and changes in the transaction of a plan, so that it does not matter which run plans.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel

from walmart_pipeline.core.statistics import mean_difference
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation.provider import Provider

Phase: TypeAlias = Literal["canary", "full", "stopped"]

# An interval of fewer pairs is too narrow (core/statistics.py: 92 % instead of 95 % for 20 pairs).
LEAST_TEXTS = 20
# Of the canary; some products may have left the catalog, or get no usable answer.
JUDGED_SHARE = 0.8

LATEST = """
select number, move
from models.promotions
where provider = ?
order by number desc
limit 1
"""

REPLACEABLE = """
from content.generated_content as content
join catalog.products using (product_id)
join quality.scores using (product_id, content_hash)
where status = 'complete'
    and content.provider <> 'reviewer'
    and (content.provider <> $provider or content.model <> $model)
"""

# Pseudo-random: the worst texts would look better when they are rewritten by whomever.
CHOOSE = f"""
insert into content.canary_texts by name
select $promotion as promotion, product_id, content_hash, score, publishable
{REPLACEABLE}
order by md5(product_id || $promotion::varchar)
limit $texts
"""

PAIRS = """
select
    canary.score as old_score,
    scores.score as new_score,
    canary.publishable as old_publishable,
    scores.publishable as new_publishable
from content.canary_texts as canary
join content.generated_content as content using (product_id)
join quality.scores on scores.product_id = content.product_id and scores.content_hash = content.content_hash
where canary.promotion = $promotion and content.provider = $provider and content.model = $model
order by canary.product_id
"""


class Rollout(BaseModel):
    """A row of `content.rollouts`."""

    promotion: int
    provider: str
    model: str
    phase: Phase
    texts: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    publishable_before: int | None = None
    publishable_after: int | None = None
    reason: str = ""
    started_at: datetime
    decided_at: datetime | None = None


def advance(db: Database, provider: Provider, share: float) -> Rollout | None:
    """Start or decide the rollout of the provider's latest promotion; None if there is none for its present model.

    share: of the existing texts that the canary rewrites.
    """
    promoted = next(iter(db.query(LATEST, [provider.name])), None)
    if promoted is None:
        return None
    known = next(iter(db.query("from content.rollouts where promotion = ?", [promoted["number"]])), None)
    if provider.outage is not None:
        # The model that would be rolled out is not there.
        return Rollout(**known) if known and known["model"] == provider.model else None
    if known is None:
        rollout = _started(db, provider, promoted, share)
    elif known["model"] != provider.model:
        return None
    elif known["phase"] == "canary":
        rollout = _decided(db, Rollout(**known))
    else:
        return Rollout(**known)
    db.upsert("content.rollouts", [rollout.model_dump()], ["promotion"])
    return rollout


def _started(db: Database, provider: Provider, promoted: Row, share: float) -> Rollout:
    writer = {"provider": provider.name, "model": provider.model}
    rollout = Rollout(promotion=promoted["number"], phase="full", started_at=datetime.now(UTC), **writer)
    replaceable = int(db.value(f"select count(*) {REPLACEABLE}", writer))
    texts = max(LEAST_TEXTS, math.ceil(share * replaceable))
    if promoted["move"] == "rollback":
        return rollout.model_copy(update={"reason": "a rollback: the earlier champion writes again"})
    if texts >= replaceable:
        return rollout.model_copy(update={"reason": f"{replaceable} texts to rewrite: too few for a canary"})
    db.execute(CHOOSE, writer | {"promotion": rollout.promotion, "texts": texts})
    return rollout.model_copy(
        update={"phase": "canary", "texts": texts, "reason": f"{texts} of {replaceable} texts first, then the rest"}
    )


def _decided(db: Database, rollout: Rollout) -> Rollout:
    """Compare the canary's new texts with the old ones. It stays a canary until most of them are judged."""
    pairs = db.query(PAIRS, rollout.model_dump(include={"promotion", "provider", "model"}))
    if len(pairs) < JUDGED_SHARE * rollout.texts:
        reason = f"{len(pairs)} of the canary's {rollout.texts} texts are rewritten and judged"
        return rollout.model_copy(update={"reason": reason})
    score = mean_difference([row["new_score"] - row["old_score"] for row in pairs])
    published = mean_difference([float(row["new_publishable"]) - float(row["old_publishable"]) for row in pairs])
    before, after = (sum(row[name] for row in pairs) for name in ("old_publishable", "new_publishable"))
    is_worse = any(found and found.high is not None and found.high < 0 for found in (score, published))
    found = (
        f"{score.mean if score else 0:+.1f} points than the texts they replace, "
        f"{after} of {len(pairs)} publishable instead of {before}"
    )
    return rollout.model_copy(
        update={
            "phase": "stopped" if is_worse else "full",
            "difference": score and score.mean,
            "low": score and score.low,
            "high": score and score.high,
            "publishable_before": before,
            "publishable_after": after,
            "reason": f"the canary's texts are worse: {found}" if is_worse else f"the canary's texts: {found}",
            "decided_at": datetime.now(UTC),
        }
    )
