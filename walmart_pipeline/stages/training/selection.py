"""Excludes examples from the dataset by quality, as near-copies, and to balance categories: `training.excluded`."""

from __future__ import annotations

from collections.abc import Sequence

from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.training import near_duplicates

# The minimum of the tier `basic`.
QUALITY_AT_LEAST = 70.0
# Or fewer: the text was rejected, and content.planning requests another one.
REJECTED_STARS = 2
# Unrated texts rank between reviewers' praise and doubts.
UNRATED_STARS = 3
# Maximum share of a category. The largest ones of three real catalogs have 59, 40 and 22 % of the products: only the
# first is cut.
CATEGORY_SHARE = 0.4
# Up to this number a category is never cut: the tier `expert` requires 500 examples.
CATEGORY_ALWAYS = 500

# Best first: a reviewer's text, then by stars, then by score.
RANK = f"source = 'edit' desc, coalesce(user_rating, {UNRATED_STARS}) desc, quality_score desc, product_id"

BELOW_THRESHOLD = f"""
insert into training.excluded by name
select
    product_id,
    case
        when user_rating <= {REJECTED_STARS} then 'rejected by a reviewer'
        else 'quality below {QUALITY_AT_LEAST:.0f}'
    end as reason
from training.examples
where quality_score < {QUALITY_AT_LEAST} or user_rating <= {REJECTED_STARS}
"""

STILL_IN = "from training.examples anti join training.excluded using (product_id)"

OUTPUT_EDGES = f"""
select one, other
from training.near_copies
where corpus = 'output'
    and one in (select sketch_key {STILL_IN} join training.outputs using (product_id))
    and other in (select sketch_key {STILL_IN} join training.outputs using (product_id))
"""

COPIES = f"""
insert into training.excluded by name
select product_id, 'near-copy' as reason, best as instead_of
from (
    select
        product_id,
        first_value(product_id) over (partition by coalesce(root, sketch_key) order by {RANK}) as best
    from (select examples.* {STILL_IN})
    join training.outputs using (product_id)
    left join connected on node = sketch_key
    where sketch_key is not null
)
where product_id <> best
"""

TOO_MANY = f"""
insert into training.excluded by name
select product_id, 'category is full' as reason
{STILL_IN}
qualify row_number() over (partition by category order by {RANK}) > $most
"""


def select(db: Database) -> dict[str, int]:
    """Fill `training.excluded`, deterministically. Returns the number of excluded examples by reason."""
    db.execute("delete from training.excluded")
    db.execute(BELOW_THRESHOLD)
    near_duplicates.connect(db, OUTPUT_EDGES)
    db.execute(COPIES)
    sizes = [row["examples"] for row in db.query(f"select count(*) as examples {STILL_IN} group by category")]
    db.execute(TOO_MANY, {"most": most_of_category(sizes)})
    counted = db.query("select reason, count(*) as examples from training.excluded group by reason order by reason")
    return {row["reason"]: row["examples"] for row in counted}


def most_of_category(sizes: Sequence[int], *, share: float = CATEGORY_SHARE, always: int = CATEGORY_ALWAYS) -> int:
    """Return how many examples a category may have so that none exceeds `share` of the result.

    sizes: examples of each category. always: minimum of the result. With too few categories for the share (two, and
    0.4), nothing is cut.
    """
    if not sizes or len(sizes) * share < 1:
        return max(sizes, default=0)
    fits, too_many = 0, max(sizes) + 1
    while too_many - fits > 1:
        most = (fits + too_many) // 2
        if most <= share * sum(min(size, most) for size in sizes):
            fits = most
        else:
            too_many = most
    return max(fits, always)
