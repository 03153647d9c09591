"""Reviewers' ratings: `quality.ratings`, and a copy of each rated text in `quality.rated_texts`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

from walmart_pipeline.core.records import Listing, Product, Rating
from walmart_pipeline.core.warehouse import Database, struct

Kept: TypeAlias = Literal["added", "replaced", "unchanged", "older"]
Key: TypeAlias = tuple[str, str, str]

KNOWN = f"""
select {", ".join(Rating.model_fields)}
from quality.ratings
where product_id in (select unnest($product_ids))
"""

KEEP_TEXTS = f"""
insert into quality.rated_texts by name
select
    product_id,
    content_hash,
    to_json({struct("products", Product)}) as product,
    to_json({struct("content", Listing)}) as listing,
    now() as kept_at
from content.generated_content as content
join catalog.products using (product_id)
semi join quality.ratings using (product_id, content_hash)
anti join quality.rated_texts using (product_id, content_hash)
where content.status = 'complete'
"""


def rate(db: Database, rating: Rating) -> Kept:
    """Keep one rating, and a copy of its text if that is the product's current one. Returns what became of it."""
    (kept,) = keep(db, [rating])
    return kept


def keep(db: Database, ratings: Sequence[Rating], *, undated: frozenset[int] = frozenset()) -> Counter[Kept]:
    """Keep ratings, at most one a reviewer and text. Returns how many were added, replaced, unchanged or older.

    undated: places in `ratings` whose time is only that of the import: such a rating changes nothing where the
    reviewer's stars and comment are those already kept.
    """
    known = _known(db, ratings)
    found: Counter[Kept] = Counter()
    wanted = []
    for place, rating in enumerate(ratings):
        kept = _compared(known.get(key(rating)), rating, is_undated=place in undated)
        found[kept] += 1
        if kept in ("added", "replaced"):
            wanted.append(rating.model_dump())
    db.upsert("quality.ratings", wanted, ["product_id", "content_hash", "reviewer"])
    db.execute(KEEP_TEXTS)
    return found


def key(rating: Rating) -> Key:
    """What there is one rating of."""
    return rating.product_id, rating.content_hash, rating.reviewer


def _known(db: Database, ratings: Sequence[Rating]) -> dict[Key, Rating]:
    product_ids = list({rating.product_id for rating in ratings})
    known = (Rating(**row) for row in db.query(KNOWN, {"product_ids": product_ids}))
    return {key(rating): rating for rating in known}


def _compared(known: Rating | None, given: Rating, *, is_undated: bool) -> Kept:
    if known is None:
        return "added"
    says_the_same = (known.stars, known.comment) == (given.stars, given.comment)
    if says_the_same and (is_undated or known.rated_at == given.rated_at):
        return "unchanged"
    return "older" if given.rated_at < known.rated_at else "replaced"
