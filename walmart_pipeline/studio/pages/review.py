"""The page Review: the queue, a case at a time or as a list, worked through by keyboard."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import streamlit as st

from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import Decision
from walmart_pipeline.studio import repairs, resources, review_actions, review_case, review_list, review_queue, snapshot
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.escaping import label, markup
from walmart_pipeline.studio.proof_view import proof_html
from walmart_pipeline.studio.repairs import Repair
from walmart_pipeline.studio.review_actions import ReviewState
from walmart_pipeline.studio.review_case import ReviewCase
from walmart_pipeline.studio.review_queue import Order, QueueFilter, Scope
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
    ("J, K", "next, previous case"),
    ("U", "undo your latest decision"),
    ("Esc", "close what is open"),
)
# Judged texts and repairs in memory, some 20 kB each.
CACHED_CASES = 2_000


@st.cache_data(max_entries=CACHED_CASES, show_spinner="Looking for repairs …")
def _repairs(facts: str, text: str, policy: str, _case: ReviewCase, _judge: Judge) -> list[Repair]:
    if _case.listing is None or _case.report is None:
        return []
    return repairs.suggestions(_case.product, _case.listing, _case.report, _judge)


@st.cache_data(max_entries=CACHED_CASES, show_spinner=False)
def _report(facts: str, text: str, policy: str, _product: Product, _listing: Listing, _judge: Judge) -> QualityReport:
    return _judge.report(_product, _listing)


# The queue changes with the warehouse and with what was decided. At 100,000 products it takes 0.25 s of CPU time, which
# going to the next case shall not wait for.


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
    return review_queue.page(_db, _wanted, _waiting, threshold=threshold, offset=offset)


def page(context: StudioContext) -> None:
    """Draw the page."""
    current, judge = review_actions.state(), resources.judge(context.settings.policy)
    st.title("Review")
    head = st.container()
    with context.reading() as db:
        version = snapshot.version(db)
        wanted, view = _choose(head, _facets(version, db))
        if current.wanted not in (None, wanted):
            st.session_state.pop("review_page", None)
            current.show(None)
        current.wanted = wanted
        waiting = review_queue.standing(takeover.waiting(db, context.store))
        decided = [decision.decision_id for decision in waiting]
        total = _count(version, repr(wanted), decided, db, wanted, waiting)
        pages = max(1, -(-total // review_queue.PAGE_CASES))
        offset = (min(st.session_state.get("review_page", 1), pages) - 1) * review_queue.PAGE_CASES
        rows = _rows(version, repr(wanted), decided, offset, judge.policy.publishable_score, db, wanted, waiting)
        if current.open is None and rows:
            current.open = rows[0]["product_id"]
        found = review_case.load(db, context.store, current.open) if current.open and view == "Case" else None
    if since := context.is_outdated:
        st.caption(f":material/sync: A run is writing: this is as of {since:%H:%M} UTC. You can go on.")
    _messages(current)
    if not total and (view == "List" or found is None):
        _empty(wanted)
    elif view == "List":
        _page_number(pages)
        review_list.draw(context, rows, total)
    elif found is None:
        current.show(rows[0]["product_id"] if rows else None)
        st.rerun()
    else:
        _case(context, current, review_case.judged(found, judge), rows, total, judge)


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


def _case(
    context: StudioContext, current: ReviewState, case: ReviewCase, rows: list[Row], total: int, judge: Judge
) -> None:
    ids = [row["product_id"] for row in rows]
    place = ids.index(case.product.product_id) if case.product.product_id in ids else -1
    following = ids[place + 1] if place + 1 < len(ids) else next((each for each in ids if each != current.open), None)
    previous = ids[place - 1] if place > 0 else None
    proposed = _repairs(case.facts_hash, case.content_hash or "", judge.policy.label, case, judge)
    _header(case, place, total)
    _buttons(context, current, case, following, previous, proposed)
    if current.panel == "reject":
        _reject(context, case, following)
    if current.panel == "edit":
        _edit(context, current, case, following, judge)
        return
    _why(case)
    if case.listing is not None and case.report is not None and case.proof is not None:
        st.html(proof_html(case.listing, case.report.violations, case.proof, prefix="case"))
        _suggested(case, proposed)
        with st.expander(f"Score {case.report.score:g}, {case.report.band}", expanded=False):
            st.html(score_html(case.report))
    with st.expander("Record in full", expanded=case.listing is None):
        st.json(case.product.model_dump(mode="json", exclude_defaults=True), expanded=1)


def _header(case: ReviewCase, place: int, total: int) -> None:
    product = case.product
    facts = [f"{place + 1:,} of {total:,}" if place >= 0 else f"not in this queue of {total:,}"]
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


def _buttons(
    context: StudioContext,
    current: ReviewState,
    case: ReviewCase,
    following: str | None,
    previous: str | None,
    proposed: list[Repair],
) -> None:
    """One row of actions with their keys. A key that was pressed for one case never decides on another.

    Those that decide nothing are the same button for every case, which takes keys at any time.
    """
    act = partial(review_actions.decide, context, case)
    key = f"{case.product.product_id}-{case.version}"
    may = context.user.has("reviewer")
    has_text = may and case.listing is not None
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Accept",
            key=f"accept-{key}",
            shortcut="A",
            type="primary",
            disabled=not has_text or bool(case.refusals),
            on_click=act,
            args=("accept", following),
            help=f"Walmart refuses it: {', '.join(case.refusals)}" if case.refusals else None,
        )
        st.button("Edit", key=f"edit-{key}", shortcut="E", disabled=not may, on_click=current.toggle, args=("edit",))
        st.button(
            "Reject",
            key=f"reject-{key}",
            shortcut="X",
            disabled=not has_text,
            on_click=current.toggle,
            args=("reject",),
        )
        if proposed:
            st.button(
                "Repair",
                key=f"repair-{key}",
                shortcut="T",
                disabled=not may,
                on_click=act,
                args=("edit", following),
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
                    args=("rate", following),
                    kwargs={"stars": stars},
                    help=f"Rate it {stars} of 5",
                )
        st.button(
            "Back",
            key="back",
            shortcut="K",
            disabled=previous is None,
            on_click=current.show,
            args=(previous,),
        )
        st.button(
            "Next",
            key="next",
            shortcut="J",
            disabled=following is None,
            on_click=current.show,
            args=(following,),
        )
        st.button(
            "Undo", key="undo", shortcut="U", disabled=not current.done, on_click=review_actions.undo, args=(context,)
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


def _reject(context: StudioContext, case: ReviewCase, following: str | None) -> None:
    key = f"{case.product.product_id}-{case.version}"
    act = partial(review_actions.decide, context, case, "reject", following)
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


def _edit(context: StudioContext, current: ReviewState, case: ReviewCase, following: str | None, judge: Judge) -> None:
    """The text as fields, with its score, beside the record."""
    key = f"{case.product.product_id}-{case.version}"
    begun = current.draft or case.listing or Listing()
    left, right = st.columns([3, 2])
    # A form sends all fields with its buttons, also the one that is being typed in when Ctrl+S is pressed. Enter, or
    # Ctrl+Enter in the longer fields, presses the first of the buttons.
    with left, st.form(f"edit-{key}", border=False):
        st.text_input("Title", begun.title, key=f"title-{key}")
        st.text_area("Key features, one a line", "\n".join(begun.key_features), key=f"features-{key}", height=180)
        st.text_area("Description", begun.description, key=f"description-{key}", height=280)
        st.text_area("Search words, one a line", "\n".join(begun.seo_keywords), key=f"keywords-{key}", height=120)
        with st.container(horizontal=True, gap="small"):
            st.form_submit_button("Score", key=f"score-{key}", help="The score of the text as it is now: Ctrl+Enter")
            st.form_submit_button(
                "Save",
                key=f"save-{key}",
                shortcut="Ctrl+S",
                type="primary",
                on_click=review_actions.decide,
                args=(context, case, "edit", following),
                kwargs={"listing": partial(_typed, key)},
            )
    left.button("Close", key=f"cancel-{key}", shortcut="Esc", on_click=current.toggle, args=("edit",))
    edited = _typed(key)
    with right:
        report = _report(case.facts_hash, edited.content_hash, judge.policy.label, case.product, edited, judge)
        st.html(score_html(report))
        with st.expander("Record", expanded=True):
            st.html("".join(f"<p>{markup(line)}</p>" for line in _record_lines(case.product)))


def _typed(key: str) -> Listing:
    """What the fields of the editor hold now; in a callback too, which runs before the page is drawn anew."""
    fields = ("title", "features", "description", "keywords")
    title, features, description, keywords = (str(st.session_state[f"{field}-{key}"]) for field in fields)
    return Listing(
        title=title.strip(),
        key_features=[line.strip() for line in features.splitlines() if line.strip()],
        description=description.strip(),
        seo_keywords=[line.strip() for line in keywords.splitlines() if line.strip()],
    )


def _record_lines(product: Product) -> list[str]:
    attributes = [f"{name}: {value}" for name, value in product.attributes.items()]
    return [*attributes, *(f"• {feature}" for feature in product.features), product.description]
