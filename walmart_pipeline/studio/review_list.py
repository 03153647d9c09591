"""The queue as a list: several cases decided at once, after a preview of what that does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from walmart_pipeline.core.records import content_hash
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.reviews.store import Action
from walmart_pipeline.studio import review_actions, review_case
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.escaping import label

ACTIONS: dict[str, Action] = {"Accept": "accept", "Reject": "reject", "Rate": "rate"}
SHOWN = ("product_id", "product_name", "category", "score", "written_by", "source_file")
# Cases that a sentence of the preview names.
NAMED = 10


def draw(context: StudioContext, rows: list[Row], total: int, start: int) -> None:
    """Draw a page of the queue, and what is to be done with the selected cases. start: the place of its first row."""
    st.caption(f"{total:,} in this queue. Select rows to decide on them together.")
    table = [
        {name: row[name] if name == "score" else row[name] or "" for name in SHOWN}
        | {"reasons": "; ".join(row["reasons"] or [])}
        for row in rows
    ]
    chosen = st.dataframe(
        table,
        # The selection is by place: with other rows on the page it must not become another one.
        key=f"review_rows-{content_hash([row['product_id'] for row in rows])}",
        hide_index=True,
        placeholder="–",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "product_id": "Product",
            "product_name": st.column_config.TextColumn("Name", width="medium"),
            "category": "Category",
            "score": st.column_config.NumberColumn("Score", format="%.1f"),
            "written_by": "Written by",
            "source_file": "Feed",
            "reasons": st.column_config.TextColumn("Why it is here", width="large"),
        },
    )
    places = [place for place in chosen["selection"]["rows"] if place < len(rows)]
    selected = [rows[place] for place in places]
    if not selected:
        return
    if len(selected) == 1:
        about = (selected[0]["product_id"], start + places[0])
        st.button("Open this case", on_click=_open, args=about, icon=":material/open_in_full:")
    _decide(context, selected)


def _open(product_id: str, place: int) -> None:
    st.session_state["review_view"] = "Case"
    review_actions.state().show(product_id, place)


def _decide(context: StudioContext, selected: list[Row]) -> None:
    versions = context.store.versions([row["product_id"] for row in selected])
    with st.container(border=True):
        name = st.radio(f"With the {len(selected)} selected cases", list(ACTIONS), horizontal=True, key="review_action")
        action = ACTIONS[name]
        reason = st.text_input("Reason", key="review_reason", max_chars=500) if action != "accept" else ""
        stars = st.slider("Stars", 1, 5, 4, key="review_stars") if action == "rate" else 0
        possible, refused = review_case.sorted_out(selected, action)
        st.markdown("\n".join(f"- {line}" for line in _preview(possible, refused, action, stars)))
        st.button(
            f"{name} {len(possible)}",
            type="primary",
            disabled=not possible or not context.user.has("reviewer") or (action == "reject" and not reason.strip()),
            on_click=review_actions.decide_all,
            args=(context, selected, versions, action, reason, stars),
        )


def _preview(possible: Sequence[Mapping[str, Any]], refused: dict[str, str], action: Action, stars: int) -> list[str]:
    """What the action does, in sentences."""
    does = {
        "accept": "published with the next run, under your name",
        "reject": "out of the exports within minutes (without the daemon, with the next) and, by a model, written anew",
        "rate": f"{stars} ★ from you: nothing is published or withdrawn, but models learn from it",
    }[action]
    names = _names([row["product_id"] for row in possible])
    lines = [f"**{len(possible)}**{names}: {does}."]
    doubted = sum(any(rule.startswith("grounding.") for rule in row["rules"]) for row in possible)
    if action == "accept" and doubted:
        lines.append(f"**{doubted}** of these: the judge doubts a statement, and you overrule it.")
    for why, count in Counter(refused.values()).items():
        ids = [product for product, reason in refused.items() if reason == why]
        lines.append(f"**{count}** not{_names(ids)}: {label(why)}.")
    return lines


def _names(ids: Sequence[str]) -> str:
    shown = f" ({label(', '.join(ids[:NAMED]))}{f' and {len(ids) - NAMED} more' if len(ids) > NAMED else ''})"
    return shown if ids else ""
