"""One case of the page Review: its record, text and report, what people decided, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.judge.claims import Proof
from walmart_pipeline.judge.judge import GROUNDING, Judge
from walmart_pipeline.reviews import edits
from walmart_pipeline.reviews.store import VERDICTS, Action, Decision, ReviewStore
from walmart_pipeline.studio.access import User

CASE = f"""
select
    to_json({struct("products", Product)})::varchar as product,
    products.facts_hash,
    case when content.status = 'complete' then to_json({struct("content", Listing)})::varchar end as listing,
    content.content_hash,
    content.written_by,
    content.provider,
    content.model,
    content.generated_at,
    content.status,
    content.error,
    queue.reasons
from catalog.products
left join content.generated_content as content using (product_id)
left join quality.review_queue as queue using (product_id)
where products.product_id = ?
"""

UNAPPLIED = "select decision_id, problem from quality.reviews where product_id = ? and problem is not null"


@dataclass(frozen=True)
class ReviewCase:
    """A product with its current text. listing, report and proof are None where there is no text."""

    product: Product
    facts_hash: str
    content_hash: str | None
    written_by: str
    generated_at: datetime | None
    reasons: Sequence[str]
    listing: Listing | None
    report: QualityReport | None
    proof: Proof | None
    decisions: Sequence[Decision]
    version: int
    # The latest verdict, if it is an edit that a run could not apply, and why it could not.
    unapplied: tuple[Decision, str] | None

    @property
    def refusals(self) -> list[str]:
        """The rules by which Walmart refuses the text: nobody can accept it as it is."""
        if self.report is None:
            return []
        broken = [each for each in self.report.violations if each.severity == "blocking"]
        return list(dict.fromkeys(each.rule for each in broken if not each.rule.startswith(GROUNDING)))

    @property
    def doubts(self) -> list[str]:
        """What somebody who accepts the text overrules."""
        if self.report is None or self.report.publishable:
            return []
        broken = [each for each in self.report.violations if each.severity == "blocking"]
        false = [f"{each.rule}: “{each.evidence}”" for each in broken if each.rule.startswith(GROUNDING)]
        return false or [f"the score of {self.report.score:g}"]

    def of(self, author: str) -> list[Decision]:
        """What one person decided about this text and did not undo."""
        return [each for each in standing_on(self.decisions, self.content_hash) if each.author == author]

    def opinions(self) -> dict[str, Decision]:
        """The latest decision of each person on this text."""
        return {each.author: each for each in standing_on(self.decisions, self.content_hash)}

    def agreement(self) -> str | None:
        """How people who decided on this text agree, in words; None with fewer than two."""
        verdicts: dict[str, str] = {}
        stars: dict[str, int] = {}
        for each in standing_on(self.decisions, self.content_hash):
            if each.action in ("accept", "reject", "edit"):
                verdicts[each.author] = each.action
            if each.stars is not None:
                stars[each.author] = each.stars
        parts = []
        if len(verdicts) > 1:
            names = ", ".join(f"{author} {action}s" for author, action in verdicts.items())
            parts.append(f"{'agree' if len(set(verdicts.values())) == 1 else 'disagree'}: {names}")
        if len(stars) > 1:
            spread = max(stars.values()) - min(stars.values())
            names = ", ".join(f"{author} {count}★" for author, count in stars.items())
            parts.append(f"stars {'agree' if spread <= 1 else f'differ by {spread}'}: {names}")
        return "; ".join(parts) or None


def standing_on(decisions: Sequence[Decision], content_hash: str | None) -> list[Decision]:
    """The decisions on a text that were not undone, oldest first."""
    undone = {each.undoes for each in decisions}
    return [
        each
        for each in decisions
        if each.content_hash == content_hash and each.action != "undo" and each.decision_id not in undone
    ]


def load(db: Database, store: ReviewStore, product_id: str) -> Mapping[str, Any] | None:
    """Read a case; None if the product is gone. `judged` makes it a ReviewCase without holding the warehouse."""
    found = next(iter(db.query(CASE, [product_id])), None)
    if found is None:
        return None
    decisions = store.decisions([product_id])
    problems = {row["decision_id"]: row["problem"] for row in db.query(UNAPPLIED, [product_id])}
    return found | {
        "decisions": decisions,
        "problems": problems,
        "version": store.versions([product_id]).get(product_id, 0),
    }


def judged(row: Mapping[str, Any], judge: Judge) -> ReviewCase:
    """Judge the text of a case as it is now."""
    product = Product.model_validate_json(row["product"])
    listing = Listing.model_validate_json(row["listing"]) if row["listing"] else None
    report, proof = judge.examine(product, listing) if listing else (None, None)
    return ReviewCase(
        product=product,
        facts_hash=row["facts_hash"],
        content_hash=row["content_hash"] if listing else None,
        written_by=row["written_by"] or row["provider"] or "",
        generated_at=row["generated_at"],
        reasons=row["reasons"] or ([row["error"]] if row["error"] else []),
        listing=listing,
        report=report,
        proof=proof,
        decisions=row["decisions"],
        version=row["version"],
        unapplied=_unapplied(row["decisions"], row["problems"]),
    )


def _unapplied(decisions: Sequence[Decision], problems: Mapping[str, str]) -> tuple[Decision, str] | None:
    undone = {each.undoes for each in decisions}
    verdicts = [each for each in decisions if each.action in VERDICTS and each.decision_id not in undone]
    if not verdicts or verdicts[-1].decision_id not in problems:
        return None
    return verdicts[-1], problems[verdicts[-1].decision_id]


def decide(
    store: ReviewStore,
    user: User,
    case: ReviewCase,
    action: Action,
    *,
    reason: str = "",
    stars: int | None = None,
    listing: Listing | None = None,
) -> Decision:
    """Record a decision on a case, where the user may and the case allows it.

    Raises NotAllowedError, ConflictError, and UserError for what makes no sense.
    """
    user.require("reviewer")
    if case.listing is None and action != "edit":
        raise UserError("there is no text to decide on: write one (Edit), or add to the feed what is missing")
    if action == "accept" and case.refusals:
        raise UserError(f"Walmart refuses this text ({', '.join(case.refusals)}): edit it instead of accepting it")
    if action == "reject" and not reason.strip():
        raise UserError("say why it is rejected: the next text is written with it in mind, and the next reviewer asks")
    if action == "edit":
        if listing is None or listing == case.listing:
            raise UserError("nothing was changed: accept the text, or change it")
        if problem := edits.problem(listing):
            raise UserError(problem)
    decision = Decision(
        product_id=case.product.product_id,
        content_hash=case.content_hash,
        facts_hash=case.facts_hash,
        action=action,
        author=user.name,
        reason=reason.strip(),
        stars=stars,
        listing=listing,
    )
    store.decide([decision], seen=None if action == "rate" else {decision.product_id: case.version})
    return decision


def sorted_out(rows: Sequence[Mapping[str, Any]], action: Action) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
    """The cases on which the action is possible, and why it is not on the others, by product."""
    refused = {}
    for row in rows:
        if row["content_hash"] is None or row["content_status"] != "complete":
            refused[row["product_id"]] = "there is no text"
        elif action == "accept" and row["is_certain"]:
            refused[row["product_id"]] = "Walmart refuses it, edit it"
    return [row for row in rows if row["product_id"] not in refused], refused


def decide_all(
    store: ReviewStore,
    user: User,
    rows: Sequence[Mapping[str, Any]],
    versions: Mapping[str, int],
    action: Action,
    *,
    reason: str = "",
    stars: int | None = None,
) -> list[Decision]:
    """Record one decision on each case of the queue where it is possible, all or none of these. Returns them.

    rows: of review_queue.page; versions: by product, as they were previewed. Raises as `decide`.
    """
    user.require("reviewer")
    if action == "reject" and not reason.strip():
        raise UserError("say why they are rejected")
    possible, _ = sorted_out(rows, action)
    decisions = [
        Decision(
            product_id=row["product_id"],
            content_hash=row["content_hash"],
            facts_hash=row["facts_hash"],
            action=action,
            author=user.name,
            reason=reason.strip(),
            stars=stars if action == "rate" else None,
        )
        for row in possible
    ]
    seen = {row["product_id"]: versions.get(row["product_id"], 0) for row in possible}
    store.decide(decisions, seen=None if action == "rate" else seen)
    return decisions


def undo(store: ReviewStore, user: User, decision: Decision) -> None:
    """Undo the user's own decision, if nobody decided about the product since. Raises ConflictError."""
    user.require("reviewer")
    if decision.author != user.name:
        raise UserError("you can undo your own decisions only")
    # Anything later is somebody's answer to the decision.
    version = store.version_of(decision.decision_id)
    undone = Decision(
        product_id=decision.product_id,
        content_hash=decision.content_hash,
        facts_hash=decision.facts_hash,
        action="undo",
        author=user.name,
        undoes=decision.decision_id,
    )
    store.decide([undone], seen=None if version is None else {decision.product_id: version})
