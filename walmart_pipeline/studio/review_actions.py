"""What the buttons and keys of the page Review do, and what it remembers between two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import streamlit as st

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.llm.ledger_database import LedgerError
from walmart_pipeline.reviews.store import Action, Decision
from walmart_pipeline.studio import review_case
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.open_cases import OpenCases
from walmart_pipeline.studio.review_case import ReviewCase
from walmart_pipeline.studio.review_queue import QueueFilter

Panel: TypeAlias = Literal["edit", "reject"]

DONE = {"accept": "Accepted", "edit": "Saved", "reject": "Rejected", "rate": "Rated"}


@dataclass(frozen=True)
class Done:
    """What one press of a button decided. place: in the queue, where the case was."""

    place: int
    decisions: list[Decision]


@dataclass
class ReviewState:
    """Of one session.

    user: whose it is. open: the case's product. place: where in the queue it is, or was. wanted: the queue. done: the
    latest last.
    """

    user: str = ""
    open: str | None = None
    place: int = 0
    wanted: QueueFilter | None = None
    panel: Panel | None = None
    draft: Listing | None = None
    message: str = ""
    problem: str = ""
    done: list[Done] = field(default_factory=list)

    def show(self, product_id: str | None, place: int | None = None) -> None:
        """Open a case, or the first of the queue. place: where it is in the queue, if not near the open one."""
        self.open, self.panel, self.draft, self.problem = product_id, None, None, ""
        if product_id is None:
            self.place = 0
        elif place is not None:
            self.place = place

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


@st.cache_resource
def open_cases() -> OpenCases:
    """What all users have open."""
    return OpenCases()


def go_on(coming: Sequence[str]) -> None:
    """Open the first of these cases that nobody else has on the screen; without any, the first of the queue."""
    current = state()
    current.show(open_cases().take_free(current.user, coming))


def decide(
    context: StudioContext,
    case: ReviewCase,
    action: Action,
    coming: Sequence[str],
    *,
    reason: str | Callable[[], str] = "",
    stars: int | None = None,
    listing: Callable[[], Listing] | None = None,
) -> None:
    """Record a decision on the case as it is on the screen, and open one that comes; stars alone leave it open."""
    current, edited = state(), listing() if listing else None
    try:
        decision = review_case.decide(
            context.store,
            context.user,
            case,
            action,
            reason=reason if isinstance(reason, str) else reason(),
            stars=stars,
            listing=edited,
        )
    except UserError as error:
        current.message, current.problem = "", str(error)
        if current.panel == "edit":
            # After a conflict the editor begins anew: with what was typed.
            current.draft = edited
        return
    current.done.append(Done(current.place, [decision]))
    shown = f"{stars} ★" if stars else DONE[action]
    current.message, current.problem = f"{shown}: {case.product.product_name}", ""
    if action != "rate":
        go_on(coming)


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
    current.done.append(Done(current.place, decisions))
    current.message, current.problem = f"{DONE[action]}: {len(decisions)} in all", ""


def undo(context: StudioContext) -> None:
    """Undo what the session decided last, in bulk too; a single case is opened."""
    current = state()
    if not current.done:
        current.message, current.problem = "", "nothing to undo in this session"
        return
    try:
        context.user.require("reviewer")
    except UserError as error:
        current.message, current.problem = "", str(error)
        return
    # One press is one action, however many decisions it undoes.
    user = replace(context.user, count=None)
    latest, undone, problems = current.done[-1], 0, []
    is_one = len(latest.decisions) == 1
    while latest.decisions:
        decision = latest.decisions[-1]
        try:
            review_case.undo(context.store, user, decision)
            undone += 1
        except LedgerError as error:
            # What is left of them can be undone when the database answers again.
            problems.append(str(error))
            break
        except UserError as error:
            problems.append(str(error))
        latest.decisions.pop()
    if not latest.decisions:
        current.done.pop()
    what = decision.product_id if is_one else f"{undone} in all"
    message = f"Undone: {decision.action} of {what}" if undone else ""
    current.message, current.problem = message, "; ".join(filter(None, [message, *problems])) if problems else ""
    if undone and is_one:
        current.show(decision.product_id, latest.place)
