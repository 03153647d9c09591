"""Edits of a file as decisions in the Studio's store, which the next run takes over as it does all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from walmart_pipeline.core import row_files
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.row_files import RowProblem
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.reviews import edits
from walmart_pipeline.reviews.edits import EditImport, GivenEdit
from walmart_pipeline.reviews.store import Decision, ReviewStore


def decide(
    db: Database,
    store: ReviewStore,
    path: Path,
    *,
    waiting: Callable[[], Iterable[Decision]],
    refusal: Callable[[GivenEdit], str | None] = lambda _: None,
) -> EditImport:
    """Record the last edit of each product in a file, all usable rows or none.

    db: is only read. waiting: finds the verdicts that no run has taken over; an edit in their place would overwrite
    what its author has not seen. refusal: why a row is not wanted. Raises RowFileError if the file as a whole can't be
    read, and ConflictError if somebody decides about one of the products at the same time.
    """
    read = row_files.read(path, GivenEdit, refusal=refusal)
    last = {given.product_id: (line, given) for line, given in read.rows}
    seen = dict.fromkeys(last, 0) | store.versions(last)
    # After the versions: whoever decides meanwhile is either found here or a conflict.
    latest = {each.product_id: each for each in waiting()}
    decisions, unchanged = [], 0
    for line, given in last.values():
        before = latest.get(given.product_id)
        current = next(iter(db.query(edits.CURRENT, {"product_id": given.product_id})), None)
        if current is None:
            reason: str | None = f"there is no product {given.product_id}: correct product_id"
        elif before and before.author != given.reviewer:
            reason = f"{before.author} decided about it since the last run ({before.action}): see the page Review"
        else:
            reason = edits.problem(given.listing)
        if current is None or reason:
            read.problems.append(RowProblem(line=line, reason=reason or ""))
            continue
        text = (before and before.listing) or (current["listing"] and Listing(**current["listing"]))
        if text == given.listing:
            unchanged += 1
            continue
        decisions.append(
            Decision(
                product_id=given.product_id,
                content_hash=current["content_hash"] if current["listing"] else None,
                facts_hash=current["facts_hash"],
                action="edit",
                author=given.reviewer,
                reason=given.comment,
                listing=given.listing,
                user_preferences=given.user_preferences,
            )
        )
    store.decide(decisions, seen=seen)
    read.problems.sort(key=lambda problem: problem.line)
    return EditImport(
        rows=read.total,
        problems=read.problems,
        kept=len(decisions),
        unchanged=unchanged,
        superseded=len(read.rows) - len(last),
    )
