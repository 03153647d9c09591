"""Writes one product: its facts, the streamed text, its proof, its versions, and what is saved."""

from __future__ import annotations

import streamlit as st

from walmart_pipeline.core import warehouses
from walmart_pipeline.stages.content.single_product import ProductError
from walmart_pipeline.studio import escaping, product_form, proof_view, resources
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.drafts import Draft, TextVersion
from walmart_pipeline.studio.model_choices import ModelChoice
from walmart_pipeline.studio.pages import text_versions, write_options
from walmart_pipeline.studio.writing import Writing

FORM, CATALOG = "Describe a product", "From the catalog"


def draw(context: StudioContext) -> None:
    """Draw it."""
    draft: Draft | None = st.session_state.get("draft")
    choice, wanted = write_options.draw(context, "write")
    # Closed once there is a product, whose text is then what matters; another key closes it again after the next one.
    key = f"write_form_{draft.draft_id if draft else ''}"
    with st.expander("Product", expanded=draft is None, key=key, icon=":material/inventory_2:"):
        source = st.segmented_control(
            "Product", [FORM, CATALOG], default=FORM, key="write_source", label_visibility="collapsed"
        )
        given = _catalog(context) if source == CATALOG else _form()
    if given is not None:
        st.session_state["draft"] = given
        st.rerun()
    if draft is not None:
        again = _heading(draft)
        if (again or draft.is_wanted) and choice is not None and draft.writing is None:
            _ask(context, draft, choice, wanted)
        if draft.writing is not None:
            _follow(draft, draft.writing)
        if draft.versions:
            text_versions.draw(context, draft)
    text_versions.draw_saved(context)


def _ask(context: StudioContext, draft: Draft, choice: ModelChoice, wanted: dict[str, object]) -> None:
    draft.is_wanted = False
    order = write_options.order(context, choice, wanted)
    if order is None:
        return
    draft.writing = Writing(draft.product, order, resources.judge(context.settings.policy), revision=draft.asked)


def _form() -> Draft | None:
    with st.form("product", border=True):
        name = st.text_input("Product name", key="write_name", max_chars=1_000)
        one, two = st.columns(2)
        brand = one.text_input("Brand", key="write_brand")
        category = two.text_input("Category", placeholder="Home > Kitchen > Kettles", key="write_category")
        one, two = st.columns(2)
        features = one.text_area("Features", placeholder="One a line", key="write_features")
        attributes = two.text_area("Attributes", placeholder="Material: stainless steel", key="write_attributes")
        description = st.text_area("Description of the source", key="write_description")
        if not st.form_submit_button("Write", type="primary", icon=":material/edit_note:"):
            return None
    try:
        product = product_form.product_from(
            name=name,
            brand=brand,
            category=category,
            features=features,
            attributes=attributes,
            description=description,
        )
    except ProductError as error:
        st.error(escaping.label(error), icon=":material/error:")
        return None
    return Draft(product, is_wanted=True)


def _catalog(context: StudioContext) -> Draft | None:
    if not warehouses.of(context.settings).exists():
        st.info("There is no catalog yet: put a feed into the inbox, or run `walmart-pipeline run`.")
        return None
    text = st.text_input("Search by name, brand or id", key="write_search")
    page = st.session_state.get("write_page", 0) if text == st.session_state.get("write_searched") else 0
    with context.reading() as db:
        rows, matches = product_form.search(db, text, page)
    st.session_state.update(write_searched=text, write_page=page)
    if not rows:
        st.info("No product matches.")
        return None
    first = page * product_form.PAGE + 1
    labels = {row["product_id"]: f"{row['product_name']} · {row['brand'] or 'no brand'}" for row in rows}
    chosen = st.selectbox(
        f"Product ({first:,}–{first + len(rows) - 1:,} of {matches:,})",
        list(labels),
        format_func=lambda product_id: labels[product_id],
        key="write_product",
    )
    opened, before, after = st.columns([2, 1, 1])
    if before.button("Previous", disabled=page == 0, width="stretch"):
        st.session_state["write_page"] = page - 1
        st.rerun()
    if after.button("Next", disabled=first + len(rows) > matches, width="stretch"):
        st.session_state["write_page"] = page + 1
        st.rerun()
    if not opened.button("Open", type="primary", icon=":material/edit_note:", width="stretch"):
        return None
    with context.reading() as db:
        found = product_form.current(db, chosen)
    seen = context.store.versions([chosen]).get(chosen, 0)
    draft = Draft(found.product, found.facts_hash, found.content_hash, seen)
    if found.listing:
        draft.versions.append(TextVersion(found.listing, found.author))
    return draft


def _heading(draft: Draft) -> bool:
    """Draw what is written of. Returns whether another text is asked for."""
    title, again = st.columns([4, 1], vertical_alignment="center")
    title.header(escaping.label(draft.product.product_name), anchor=False)
    label = "Regenerate" if draft.asked else "Write"
    return again.button(label, key="write_again", icon=":material/refresh:", width="stretch")


def _follow(draft: Draft, writing: Writing) -> None:
    """Show the answer as it comes; a page that was left meanwhile goes on here."""
    box = st.empty()
    shown = None
    for _ in writing.looks():
        status, listing = writing.status, writing.stream.listing
        # Once a second without a new word: the time shows that something still happens.
        state = (status, listing, int(writing.seconds))
        if state == shown:
            continue
        shown = state
        with box.container(border=True):
            st.caption(escaping.label(f"{status} {writing.seconds:.0f} s"))
            if listing and (listing.title or listing.description):
                st.html(proof_view.listing_html(listing))
    box.empty()
    draft.writing = None
    written = writing.result()
    if written.listing is None:
        st.error(escaping.label(written.completion.error or "There is no text."), icon=":material/error:")
        text_versions.draw_raw_answer(written.completion.text)
        return
    draft.asked += 1
    draft.versions.append(TextVersion.written(written, writing.order.preferences, follows=writing.follows))
    st.session_state[text_versions.SHOW_LATEST] = True
    # The heading above was drawn before this text came.
    st.rerun()
