"""Takes decisions over from the Studio's store into the warehouse: edits, ratings, verdicts; each exactly once.

In one transaction of the warehouse, which also keeps the decisions' ids: a killed run takes over all or nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pydantic import Field

from walmart_pipeline.core.records import Listing, Rating, Record
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.reviews import edits, ratings
from walmart_pipeline.reviews.edits import Edit, EditError
from walmart_pipeline.reviews.store import Decision, ReviewStore

# "Publish it as it is", and "unusable": what a verdict says where its author gave no stars that say the same.
ACCEPTED_STARS, REJECTED_STARS = 5, 1
PRAISE_FROM, REJECTION_UP_TO = 4, 2

# Asked for with each key that a reviewer presses: those that no run has taken over, mostly of today, are among the
# latest. With 250,000 decisions it takes 0.03 s instead of 1 to 2.
LATEST = 2_000
KNOWN = "select decision_id from quality.reviews where decision_id in (select unnest($ids::varchar[]))"

KEEP_REPLACED = """
insert into content.replaced_texts by name
select $decision_id as decision_id, * from content.generated_content where product_id = $product_id
"""

RESTORE = (
    "delete from content.generated_content where product_id = $product_id and content_hash = $content_hash",
    """
    insert into content.generated_content by name
    select * exclude (decision_id) from content.replaced_texts
    where decision_id = $decision_id and product_id not in (select product_id from content.generated_content)
    """,
    "delete from content.edits where product_id = $product_id and content_hash = $content_hash and edited_at = $at",
)

EFFECTIVE = """
select product_id, content_hash, author, action, stars, reason, decided_at
from quality.reviews
where action in ('accept', 'reject', 'rate')
    and product_id in (select unnest($product_ids))
    and decision_id not in (select undoes from quality.reviews where undoes is not null)
order by number
"""


class TakenOver(Record):
    """What a run took over."""

    decisions: int = 0
    ratings: int = Field(default=0, description="Stars, and verdicts that count as such.")
    edits: int = 0
    undone: int = 0
    problems: list[str] = Field(default_factory=list)


def from_store(db: Database, settings: Settings) -> TakenOver:
    """Take over what the store of this workspace has; nothing without one."""
    if not has_store(settings):
        return TakenOver()
    with ReviewStore(settings.reviews_url) as store:
        return take_over(db, store)


def pending(db: Database, settings: Settings) -> TakenOver:
    """Return what the next run will take over."""
    if not has_store(settings):
        return TakenOver()
    with ReviewStore(settings.reviews_url) as store:
        new = waiting(db, store)
    undone = {decision.undoes for decision in new}
    stand = [each for each in new if each.action != "undo" and each.decision_id not in undone]
    rated = {(each.product_id, each.content_hash, each.author) for each in stand if each.action != "edit"}
    return TakenOver(decisions=len(new), ratings=len(rated), edits=sum(each.action == "edit" for each in stand))


def waiting(db: Database, store: ReviewStore) -> list[Decision]:
    """Return the decisions that the warehouse does not have yet, oldest first.

    By id: numbers of concurrent transactions may become visible out of order.
    """
    total, ids = store.latest(LATEST)
    known = {row["decision_id"] for row in db.query(KNOWN, {"ids": ids})}
    if total - len(ids) != db.count("quality.reviews") - len(known):
        # More wait than these, or the warehouse is of another store.
        ids = store.ids()
        known = {row["decision_id"] for row in db.query("select decision_id from quality.reviews")}
    return store.of_ids([each for each in ids if each not in known])


def has_store(settings: Settings) -> bool:
    """Whether people may have decided: a file is made with the first start of the Studio."""
    return settings.ledger_url is not None or settings.reviews_file.exists()


def take_over(db: Database, store: ReviewStore) -> TakenOver:
    """Take over the decisions that the warehouse does not have."""
    new = waiting(db, store)
    if not new:
        return TakenOver()
    first, now = db.count("quality.reviews"), datetime.now(UTC)
    db.append(
        "quality.reviews",
        [
            decision.model_dump(exclude={"listing", "user_preferences"})
            | {
                "number": first + place,
                "listing": decision.listing.model_dump_json() if decision.listing else None,
                "user_preferences": json.dumps(decision.user_preferences),
                "taken_at": now,
            }
            for place, decision in enumerate(new)
        ],
    )
    taken_now = {decision.decision_id for decision in new}
    undone = {decision.undoes for decision in new if decision.undoes}
    counts, problems = Counter[str](), []
    for decision in new:
        if decision.action == "undo":
            counts["undone"] += 1
            # An edit that comes with its undo was never applied: there is nothing to bring back.
            if decision.undoes not in taken_now:
                _restore(db, decision)
        elif decision.action == "edit" and decision.decision_id not in undone:
            if problem := _apply(db, decision):
                problems.append(f"{decision.product_id}: the edit of {decision.author} was not applied: {problem}")
                db.execute(
                    "update quality.reviews set problem = ? where decision_id = ?", [problem, decision.decision_id]
                )
            else:
                counts["edits"] += 1
    counts["ratings"] = _rate(db, new)
    return TakenOver(decisions=len(new), problems=problems, **counts)


def _apply(db: Database, decision: Decision) -> str | None:
    """Replace the product's text by an edit. Returns why not, or None."""
    facts = db.value("select facts_hash from catalog.products where product_id = ?", [decision.product_id])
    if facts is None:
        return "the product is no longer in the catalog"
    if decision.facts_hash is not None and facts != decision.facts_hash:
        return "its record has changed since: look at it again"
    about = {"decision_id": decision.decision_id, "product_id": decision.product_id}
    db.execute(KEEP_REPLACED, about)
    edit = Edit(
        product_id=decision.product_id,
        listing=decision.listing or Listing(),
        reviewer=decision.author,
        comment=decision.reason,
        edited_at=decision.decided_at,
        user_preferences=decision.user_preferences,
    )
    try:
        edits.apply(db, edit)
    except EditError as error:
        return str(error)
    return None


def _restore(db: Database, undo: Decision) -> None:
    """Bring the text back that an edit replaced, if the edit is still the product's text."""
    found = db.query(
        "select decision_id, product_id, listing, decided_at from quality.reviews "
        "where decision_id = ? and action = 'edit' and problem is null",
        [undo.undoes],
    )
    for edited in found:
        about = {
            "decision_id": edited["decision_id"],
            "product_id": edited["product_id"],
            "content_hash": Listing.model_validate_json(edited["listing"]).content_hash,
            "at": edited["decided_at"],
        }
        for statement in RESTORE:
            used = {name: value for name, value in about.items() if f"${name}" in statement}
            db.execute(statement, used)


def _rate(db: Database, new: Sequence[Decision]) -> int:
    """Make the ratings of those who decided what their decisions say now. Returns the number of changed ratings."""
    keys = {
        (decision.product_id, decision.content_hash, decision.author)
        for decision in new
        if decision.content_hash is not None and decision.action != "edit"
    }
    if not keys:
        return 0
    by_key: dict[tuple[str, str | None, str], list[Decision]] = {}
    for row in db.query(EFFECTIVE, {"product_ids": list({product for product, _, _ in keys})}):
        by_key.setdefault((row["product_id"], row["content_hash"], row["author"]), []).append(Decision(**row))
    given = []
    for key in sorted(keys, key=str):
        # A rating that a decision gave; one that was imported since is not touched.
        db.execute(
            "delete from quality.ratings where product_id = ? and content_hash = ? and reviewer = ? and rated_at in "
            "(select decided_at from quality.reviews where product_id = ? and author = ?)",
            [*key, key[0], key[2]],
        )
        if rating := rating_of(by_key.get(key, [])):
            given.append(rating)
    outcomes = ratings.store(db, given)
    return outcomes["added"] + outcomes["replaced"]


def rating_of(decisions: Iterable[Decision]) -> Rating | None:
    """Return what one person's decisions on one text say as a rating; None without any. In order, none of them undone.

    Stars that somebody gave stand, unless a verdict says the opposite.
    """
    stars, latest, reason = None, None, ""
    verdict = None
    for decision in decisions:
        if decision.action == "rate":
            stars, latest, reason = decision.stars, decision, decision.reason or reason
            verdict = None
        elif decision.action in ("accept", "reject"):
            verdict, latest, reason = decision.action, decision, decision.reason or reason
    if latest is None or latest.content_hash is None:
        return None
    if verdict == "accept" and (stars is None or stars < PRAISE_FROM):
        stars = ACCEPTED_STARS
    if verdict == "reject" and (stars is None or stars > REJECTION_UP_TO):
        stars = REJECTED_STARS
    if stars is None:
        return None
    return Rating(
        product_id=latest.product_id,
        content_hash=latest.content_hash,
        stars=stars,
        reviewer=latest.author,
        rated_at=latest.decided_at,
        comment=reason,
    )
