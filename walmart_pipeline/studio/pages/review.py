"""The page Review: the queue, a case at a time or as a list, worked through by keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import streamlit as st

from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import Decision
from walmart_pipeline.studio import repairs, resources, review_actions, review_case, review_list, review_queue
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.escaping import label, markup
from walmart_pipeline.studio.pages import review_editor
from walmart_pipeline.studio.proof_view import proof_html
from walmart_pipeline.studio.repairs import Repair
from walmart_pipeline.studio.review_actions import ReviewState
from walmart_pipeline.studio.review_case import ReviewCase
from walmart_pipeline.studio.review_neighbours import LOOKED_AT, Neighbours
from walmart_pipeline.studio.review_queue import PAGE_CASES, Order, QueueFilter, Scope
from walmart_pipeline.studio.score_view import score_html
from walmart_pipeline.studio.text_diff import diff_html

SCOPES: dict[Scope, str] = {
    "waiting": "Waiting for review",
    "doubtful": "Published, with doubts",
    "published": "All published",
}
# One key each, after X. No digits: whoever types faster than the page answers would rate instead.
REASONS = {
    "S": "States what the record does not say",
    "V": "Another variant, size or product",
    "M": "Misses what matters to buyers",
    "G": "Reads badly",
    "B": "Breaks Walmart’s rules",
}
KEYS = (
    ("A", "accept the text as it is"),
    ("E", "edit it"),
    ("X", f"reject it, then {', '.join(REASONS)} for the reason (R reloads the page)"),
    ("1–5", "rate it: 1 unusable … 5 publish as it is"),
    ("T", "take over the suggested repair"),
    ("J, K", "next, previous case; after the last the first"),
    ("U", "undo your latest decision, in bulk too"),
    ("Esc", "close what is open"),
)
# Judged texts and repairs in memory, some 20 kB each.
CACHED_CASES = 2_000


@st.cache_data(max_entries=CACHED_CASES, show_spinner="Looking for repairs …")
def _repairs(facts: str, text: str, policy: str, _case: ReviewCase, _judge: Judge) -> list[Repair]:
    if _case.listing is None or _case.report is None:
        return []
    return repairs.suggestions(_case.product, _case.listing, _case.report, _judge)


# The queue changes with the warehouse and with what was decided. With 100,000 cases a page and their number take 0.5 s
# of CPU time, which going to the next case shall not wait for.


@st.cache_data(max_entries=10, show_spinner=False)
def _facets(version: str, _db: Database) -> Row:
    return review_queue.facets(_db)


@st.cache_data(max_entries=100, show_spinner=False)
def _count(
    version: str, wanted: str, decided: list[str], _db: Database, _wanted: QueueFilter, _waiting: list[Decision]
) -> int:
    return review_queue.count(_db, _wanted, _waiting)


@st.cache_data(max_entries=100, show_spinner=False)
def _rows(
    version: str,
    wanted: str,
    decided: list[str],
    offset: int,
    threshold: float,
    _db: Database,
    _wanted: QueueFilter,
    _waiting: list[Decision],
) -> list[Row]:
    return review_queue.page(_db, _wanted, _waiting, threshold=threshold, offset=offset, limit=LOOKED_AT)


def page(context: StudioContext) -> None:
    """Draw the page."""
    current, judge = review_actions.state(), resources.judge(context.settings.policy)
    current.user = context.user.name
    st.title("Review")
    head = st.container()
    with context.reading() as db:
        version = db.version
        wanted, view = _choose(head, _facets(version, db))
        if current.wanted not in (None, wanted):
            st.session_state.pop("review_page", None)
            current.show(None)
        current.wanted = wanted
        waiting = review_queue.standing(takeover.waiting(db, context.store))
        decided = [decision.decision_id for decision in waiting]
        total = _count(version, repr(wanted), decided, db, wanted, waiting)
        pages = max(1, -(-total // PAGE_CASES))
        current.place = min(current.place, max(0, total - 1))
        offset = (min(st.session_state.get("review_page", 1), pages) - 1) * PAGE_CASES
        if view == "Case":
            offset = Neighbours.offset(current.place)
        rows = _rows(version, repr(wanted), decided, offset, judge.policy.publishable_score, db, wanted, waiting)
        if current.open is None and rows and view == "Case":
            review_actions.go_on([row["product_id"] for row in rows])
        found = review_case.load(db, context.store, current.open) if current.open and view == "Case" else None
    if since := context.is_outdated:
        st.caption(f":material/sync: A run is writing: this is as of {since:%H:%M} UTC. You can go on.")
    _messages(current)
    if not total and (view == "List" or found is None):
        _empty(wanted)
    elif view == "List":
        _page_number(pages)
        review_list.draw(context, rows[:PAGE_CASES], total, offset)
    elif found is None:
        review_actions.go_on([row["product_id"] for row in rows])
        st.rerun()
    else:
        neighbours = Neighbours.of(current, [row["product_id"] for row in rows], offset, total)
        _case(context, current, review_case.judged(found, judge), neighbours, judge)


def _choose(head: Any, facets: Row) -> tuple[QueueFilter, str]:
    """Draw what is shown and how. Returns it."""
    with head.container(horizontal=True, vertical_alignment="bottom"):
        scope = st.selectbox("Cases", list(SCOPES), format_func=SCOPES.__getitem__, key="review_scope", width=230)
        order = st.selectbox("Order", get_args(Order), key="review_order", format_func=str.capitalize, width=170)
        view = st.segmented_control("View", ["Case", "List"], default="Case", key="review_view", required=True)
        with st.popover("Filter", icon=":material/filter_list:"):
            search = st.text_input("Name or product id", key="review_search")
            chosen = {
                name: st.selectbox(title, [None, *facets[values]], format_func=_any, key=f"review_{name}")
                for name, title, values in (
                    ("category", "Category", "categories"),
                    ("rule", "Broken rule", "rules"),
                    ("model", "Written by", "models"),
                    ("feed", "Feed", "feeds"),
                )
            }
        with st.popover("Keys", icon=":material/keyboard:"):
            st.markdown("\n".join(f"- **{key}** {what}" for key, what in KEYS))
    return QueueFilter(scope=scope, order=order, search=search or None, **chosen), view or "Case"


def _any(value: str | None) -> str:
    # The options of a selectbox are no Markdown.
    return "All" if value is None else value


def _messages(current: ReviewState) -> None:
    if current.problem:
        st.error(label(current.problem), icon=":material/error:")
    elif current.message:
        st.caption(f":material/check: {label(current.message)}")


def _empty(wanted: QueueFilter) -> None:
    if wanted.is_narrow:
        st.info("No case is left with this filter.", icon=":material/filter_list_off:")
    elif wanted.scope == "waiting":
        st.success("Nothing waits for review. New cases come with the next run.", icon=":material/task_alt:")
    else:
        st.info("No text is published yet: run the pipeline first.", icon=":material/hourglass_empty:")


def _page_number(pages: int) -> None:
    if pages > 1:
        st.number_input(f"Page, of {pages}", 1, pages, key="review_page", width=140)


def _case(context: StudioContext, current: ReviewState, case: ReviewCase, neighbours: Neighbours, judge: Judge) -> None:
    proposed = _repairs(case.facts_hash, case.content_hash or "", judge.policy.label, case, judge)
    _header(case, neighbours)
    opened = review_actions.open_cases()
    opened.show(context.user.name, case.product.product_id)
    if other := opened.of_others(context.user.name).get(case.product.product_id):
        st.caption(f":material/visibility: {label(other)} has this case open too.")
    _unapplied(context, current, case)
    _buttons(context, current, case, neighbours, proposed)
    if current.panel == "reject":
        _reject(context, case, neighbours.coming)
    if current.panel == "edit":
        review_editor.draw(context, current, case, neighbours.coming, judge)
        return
    _why(case)
    if case.listing is not None and case.report is not None and case.proof is not None:
        st.html(proof_html(case.listing, case.report.violations, case.proof, prefix="case"))
        _suggested(case, proposed)
        with st.expander(f"Score {case.report.score:g}, {case.report.band}", expanded=False):
            st.html(score_html(case.report))
    with st.expander("Record in full", expanded=case.listing is None):
        st.json(case.product.model_dump(mode="json", exclude_defaults=True), expanded=1)


def _header(case: ReviewCase, neighbours: Neighbours) -> None:
    product, place, total = case.product, neighbours.place, neighbours.total
    facts = [f"not in this queue of {total:,}" if place is None else f"{place + 1:,} of {total:,}"]
    facts += [product.product_id, *([" > ".join(product.category)] if product.category else [])]
    facts += [f"by {case.written_by}"] if case.written_by else []
    facts += [product.source_file] if product.source_file else []
    st.html(
        f'<h2 style="font-size: 1.35rem; margin: 0; padding: 0; overflow-wrap: anywhere">{markup(product.product_name)}'
        f'</h2><p style="margin: 0.2rem 0 0; font-size: 0.9rem">{" · ".join(map(markup, facts))}</p>'
    )
    if agreement := case.agreement():
        st.caption(f":material/group: Reviewers {label(agreement)}")
    for author, decision in case.opinions().items():
        what = f"{decision.stars} ★" if decision.stars else decision.action
        reason = f": {decision.reason}" if decision.reason else ""
        st.caption(f":material/person: {label(f'{author}, {decision.decided_at:%d %b %H:%M} UTC, {what}{reason}')}")


def _unapplied(context: StudioContext, current: ReviewState, case: ReviewCase) -> None:
    """The edit that a run could not apply: its text is not lost."""
    if case.unapplied is None or current.panel == "edit":
        return
    edit, problem = case.unapplied
    st.warning(label(f"The edit of {edit.author} was not applied: {problem}"))
    st.button(
        "Edit that text",
        key=f"edit-unapplied-{edit.decision_id}",
        on_click=current.toggle,
        args=("edit", edit.listing),
        disabled=not context.user.has("reviewer"),
    )


def _buttons(
    context: StudioContext,
    current: ReviewState,
    case: ReviewCase,
    neighbours: Neighbours,
    proposed: list[Repair],
) -> None:
    """One row of actions with their keys. A key that was pressed for one case never decides on another.

    Those that decide nothing are the same button for every case, which takes keys at any time. While a text is edited,
    none of them leads away from it.
    """
    act = partial(review_actions.decide, context, case)
    key = f"{case.product.product_id}-{case.version}"
    is_editing = current.panel == "edit"
    may = context.user.has("reviewer")
    has_text = may and case.listing is not None
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Accept",
            key=f"accept-{key}",
            shortcut="A",
            type="primary",
            disabled=not has_text or is_editing or bool(case.refusals),
            on_click=act,
            args=("accept", neighbours.coming),
            help=f"Walmart refuses it: {', '.join(case.refusals)}" if case.refusals else None,
        )
        st.button("Edit", key=f"edit-{key}", shortcut="E", disabled=not may, on_click=current.toggle, args=("edit",))
        st.button(
            "Reject",
            key=f"reject-{key}",
            shortcut="X",
            disabled=not has_text or is_editing,
            on_click=current.toggle,
            args=("reject",),
        )
        if proposed:
            st.button(
                "Repair",
                key=f"repair-{key}",
                shortcut="T",
                disabled=not may or is_editing,
                on_click=act,
                args=("edit", neighbours.coming),
                kwargs={"listing": lambda: proposed[0].listing, "reason": proposed[0].name},
            )
        if current.panel is None:
            mine = [each.stars for each in case.of(context.user.name) if each.stars]
            for stars in range(1, 6):
                st.button(
                    "★" if mine and stars <= mine[-1] else "☆",
                    key=f"stars-{stars}-{key}",
                    shortcut=str(stars),
                    disabled=not has_text,
                    on_click=act,
                    args=("rate", neighbours.coming),
                    kwargs={"stars": stars},
                    help=f"Rate it {stars} of 5",
                )
        st.button(
            "Back",
            key="back",
            shortcut="K",
            disabled=is_editing or neighbours.previous is None,
            on_click=current.show,
            args=(neighbours.previous,),
        )
        st.button(
            "Next",
            key="next",
            shortcut="J",
            disabled=is_editing or neighbours.is_alone,
            on_click=review_actions.go_on,
            args=(neighbours.coming,),
        )
        st.button(
            "Undo",
            key="undo",
            shortcut="U",
            disabled=is_editing or not current.done,
            on_click=review_actions.undo,
            args=(context,),
        )


def _why(case: ReviewCase) -> None:
    if case.listing is None:
        st.warning(label(f"There is no text: {'; '.join(case.reasons) or 'none was written yet'}"))
    elif case.refusals:
        st.warning(label(f"Walmart refuses it as it is: {'; '.join(case.reasons) or ', '.join(case.refusals)}"))
    elif case.doubts:
        st.info(label(f"The judge doubts it: {'; '.join(case.doubts)}. Whoever accepts it overrules that."))
    elif case.reasons:
        st.info(label("; ".join(case.reasons)))


def _suggested(case: ReviewCase, proposed: list[Repair]) -> None:
    for place, repair in enumerate(proposed):
        with st.expander(f"Suggested repair: {label(repair.name)} (score {repair.report.score:g})", expanded=False):
            st.html(diff_html(case.listing or Listing(), repair.listing, ("Now", "Repaired")))
            st.button(
                "Edit this one",
                key=f"edit-repair-{place}-{case.product.product_id}",
                on_click=review_actions.state().toggle,
                args=("edit", repair.listing),
            )


def _reject(context: StudioContext, case: ReviewCase, coming: Sequence[str]) -> None:
    key = f"{case.product.product_id}-{case.version}"
    act = partial(review_actions.decide, context, case, "reject", coming)
    with st.container(border=True):
        st.markdown("**Why is it rejected?**")
        with st.container(horizontal=True, gap="small"):
            for letter, reason in REASONS.items():
                st.button(
                    reason, key=f"reason-{letter}-{key}", shortcut=letter, on_click=act, kwargs={"reason": reason}
                )
        with st.form(f"reason-{key}", border=False):
            st.text_input("Another reason", key=f"other-{key}", max_chars=500)
            st.form_submit_button(
                "Reject", on_click=act, kwargs={"reason": lambda: str(st.session_state[f"other-{key}"])}
            )
        st.button("Close", key=f"close-{key}", shortcut="Esc", on_click=review_actions.state().toggle, args=("reject",))
