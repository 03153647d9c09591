"""The editor of the page Review: the text as fields, with its score, beside the record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.studio import review_actions
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.escaping import markup
from walmart_pipeline.studio.review_actions import ReviewState
from walmart_pipeline.studio.review_case import ReviewCase
from walmart_pipeline.studio.score_view import score_html

# Reports in memory, some 20 kB each.
CACHED_REPORTS = 2_000


@st.cache_data(max_entries=CACHED_REPORTS, show_spinner=False)
def _report(facts: str, text: str, policy: str, _product: Product, _listing: Listing, _judge: Judge) -> QualityReport:
    return _judge.report(_product, _listing)


def draw(context: StudioContext, current: ReviewState, case: ReviewCase, coming: Sequence[str], judge: Judge) -> None:
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
                args=(context, case, "edit", coming),
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
