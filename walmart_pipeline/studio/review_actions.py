"""What the buttons and keys of the page Review do, and what it remembers between two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import streamlit as st

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.reviews.store import Action, Decision
from walmart_pipeline.studio import review_case
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.review_case import ReviewCase
from walmart_pipeline.studio.review_queue import QueueFilter

Panel: TypeAlias = Literal["edit", "reject"]

DONE = {"accept": "Accepted", "edit": "Saved", "reject": "Rejected", "rate": "Rated"}


@dataclass
class ReviewState:
    """Of one session. open: the case's product. wanted: the queue that it is of. done: for undo, the latest last."""

    open: str | None = None
    wanted: QueueFilter | None = None
    panel: Panel | None = None
    draft: Listing | None = None
    message: str = ""
    problem: str = ""
    done: list[Decision] = field(default_factory=list)

    def show(self, product_id: str | None) -> None:
        """Open a case, or the first of the queue."""
        self.open, self.panel, self.draft = product_id, None, None

    def toggle(self, panel: Panel, draft: Listing | None = None) -> None:
        """Open or close a panel of the case. draft: the text to begin an edit with."""
        is_open = self.panel == panel and draft is None
        self.panel, self.draft = None if is_open else panel, draft


def state() -> ReviewState:
    """The session's."""
    if "review" not in st.session_state:
        st.session_state["review"] = ReviewState()
    found: ReviewState = st.session_state["review"]
    return found


def decide(
    context: StudioContext,
    case: ReviewCase,
    action: Action,
    following: str | None,
    *,
    reason: str | Callable[[], str] = "",
    stars: int | None = None,
    listing: Callable[[], Listing] | None = None,
) -> None:
    """Record a decision on the case as it is on the screen, and open the next one; stars alone leave it open."""
    current = state()
    try:
        decision = review_case.decide(
            context.store,
            context.user,
            case,
            action,
            reason=reason if isinstance(reason, str) else reason(),
            stars=stars,
            listing=listing() if listing else None,
        )
    except UserError as error:
        current.message, current.problem = "", str(error)
        return
    current.done.append(decision)
    shown = f"{stars} ★" if stars else DONE[action]
    current.message, current.problem = f"{shown}: {case.product.product_name}", ""
    if action != "rate":
        current.show(following)


def decide_all(
    context: StudioContext, rows: Sequence[Row], versions: dict[str, int], action: Action, reason: str, stars: int
) -> None:
    """Record one decision on each of these cases, all or none. rows, versions: as they were previewed."""
    current = state()
    try:
        decisions = review_case.decide_all(
            context.store, context.user, rows, versions, action, reason=reason, stars=stars
        )
    except UserError as error:
        current.message, current.problem = "", str(error)
        return
    current.done += decisions
    current.message, current.problem = f"{DONE[action]}: {len(decisions)} in all", ""


def undo(context: StudioContext) -> None:
    """Undo the session's latest decision, and open its case."""
    current = state()
    if not current.done:
        current.message, current.problem = "", "nothing to undo in this session"
        return
    decision = current.done.pop()
    try:
        review_case.undo(context.store, context.user, decision)
    except UserError as error:
        current.message, current.problem = "", str(error)
        return
    current.message, current.problem = f"Undone: {decision.action} of {decision.product_id}", ""
    current.show(decision.product_id)
