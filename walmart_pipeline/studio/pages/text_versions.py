"""The versions of a product's text: proof, score, comparison, editing and saving."""

from __future__ import annotations

import json

import streamlit as st

from walmart_pipeline.core.records import Completion, Listing, QualityReport
from walmart_pipeline.generation import preferences
from walmart_pipeline.studio import drafts, escaping, model_choices, proof_view, resources, score_view, text_diff
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.drafts import Draft, TextVersion

# Of the session: that the next run shows the latest version, and what it tells about the last save.
SHOW_LATEST, _SAVED = "write_show_latest", "write_saved"


def draw(context: StudioContext, draft: Draft) -> None:
    """Draw the chosen version."""
    product, versions = draft.product, draft.versions
    judge = resources.judge(context.settings.policy)
    chosen, compared = _pick(draft)
    version = versions[chosen]
    is_editing = st.toggle("Edit", key="write_editing", help="Ctrl+Enter, or leaving a field, scores what you wrote.")
    text, score = st.columns([7, 3], gap="large")
    with text:
        listing = _editor(version.listing, f"write_edit_{draft.draft_id}_{chosen}") if is_editing else version.listing
        report, proof = judge.examine(product, listing)
        st.html(proof_view.proof_html(listing, report.violations, proof, prefix=f"v{chosen}"))
    with score:
        _draw_origin(version)
        st.html(score_view.score_html(report))
        if version.preferences.for_prompt() and not version.follows:
            st.caption(model_choices.FOLLOWS_NONE)
        for departure in preferences.departures(version.preferences, product, listing):
            st.caption(escaping.label(departure))
    current = version if listing == version.listing else version.edited(listing)
    if compared is not None:
        names = (_name(draft, compared), f"{chosen + 1} · {current.author}")
        st.html(text_diff.diff_html(versions[compared].listing, listing, names))
    _save_bar(context, draft, current, report)
    if version.completion:
        draw_raw_answer(version.completion.text)


def _pick(draft: Draft) -> tuple[int, int | None]:
    """Draw the choice of a version and of another one to compare it with. Returns their places."""
    places = list(range(len(draft.versions)))
    if st.session_state.pop(SHOW_LATEST, False) or st.session_state.get("write_version") not in places:
        st.session_state["write_version"] = places[-1]
    if len(places) == 1:
        return 0, None
    left, right = st.columns(2)
    chosen = left.selectbox("Version", places, format_func=lambda place: _name(draft, place), key="write_version")
    others = [None, *(place for place in places if place != chosen)]
    compared = right.selectbox(
        "Compare with",
        others,
        format_func=lambda place: "nothing" if place is None else _name(draft, place),
        key=f"write_compared_{draft.draft_id}_{chosen}",
    )
    return chosen, compared


def _name(draft: Draft, place: int) -> str:
    version = draft.versions[place]
    is_current = draft.is_in_catalog and version.listing.content_hash == draft.content_hash
    return f"{place + 1} · {version.author}{', in the catalog' if is_current else ''}"


def _editor(listing: Listing, key: str) -> Listing:
    """The fields of a listing to be changed. Returns what they hold. key: by which the widgets keep their text."""
    title = st.text_input("Title", listing.title, key=f"{key}_title")
    features = st.text_area(
        "Key features", "\n".join(listing.key_features), help="One a line.", height=140, key=f"{key}_features"
    )
    description = st.text_area("Description text", listing.description, height=260, key=f"{key}_description")
    keywords = st.text_area(
        "Search keywords", "\n".join(listing.seo_keywords), help="One a line.", key=f"{key}_keywords"
    )
    edited = Listing(
        title=title.strip(),
        key_features=_lines(features),
        description=description.strip(),
        seo_keywords=_lines(keywords),
    )
    # What nobody touched is the text itself, however its white space is.
    return listing if edited == _tidy(listing) else edited


def _tidy(listing: Listing) -> Listing:
    return Listing(
        title=listing.title.strip(),
        key_features=_lines("\n".join(listing.key_features)),
        description=listing.description.strip(),
        seo_keywords=_lines("\n".join(listing.seo_keywords)),
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _draw_origin(version: TextVersion) -> None:
    st.caption(escaping.label(f"Written by {version.author}{_price(version.completion)}"))
    if version.completion and version.completion.fallback and not version.is_edit:
        reason = f"The template writer's text stands in for the model's: {version.completion.fallback}"
        st.warning(escaping.label(reason), icon=":material/swap_horiz:")


def _price(completion: Completion | None) -> str:
    if completion is None:
        return ""
    tokens = completion.prompt_tokens + completion.completion_tokens
    parts = [f"{completion.seconds:.1f} s"]
    parts += [f"{tokens:,} tokens"] if tokens else []
    parts += [f"${completion.cost_usd:.4f}"] if completion.cost_usd else []
    return f" · {' · '.join(parts)}"


def _save_bar(context: StudioContext, draft: Draft, version: TextVersion, report: QualityReport) -> None:
    save, download, _ = st.columns([1, 1, 2])
    is_current = draft.is_in_catalog and version.listing.content_hash == draft.content_hash
    if save.button(
        "Save",
        type="primary",
        icon=":material/save:",
        disabled=is_current,
        help="This is the product's text already." if is_current else None,
        width="stretch",
    ):
        drafts.save(context.store, context.user, draft, version)
        where = "The next run takes it over as your edit." if draft.is_in_catalog else "Find it under Saved texts."
        note = "" if report.publishable else " It can't be published as it is."
        st.session_state.update({SHOW_LATEST: version.is_edit, _SAVED: f"Saved. {where}{note}"})
        st.rerun()
    if told := st.session_state.pop(_SAVED, None):
        st.success(escaping.label(told), icon=":material/check:")
    download.download_button(
        "Download",
        json.dumps(
            {"product": draft.product.model_dump(), "listing": version.listing.model_dump()}, ensure_ascii=False
        ),
        "listing.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
    )


def draw_saved(context: StudioContext) -> None:
    """Draw the user's saved texts, on demand."""
    with st.expander("Saved texts"):
        saved = context.store.saved_texts(context.user.name)
        if not saved:
            st.caption("None yet: a text of a product outside the catalog is kept here.")
            return
        for text in saved:
            st.html(
                f"<p><b>{escaping.markup(text.listing.title)}</b> <small>{text.saved_at:%Y-%m-%d %H:%M} UTC</small></p>"
            )
        st.download_button(
            "Download all",
            "".join(f"{text.model_dump_json()}\n" for text in saved),
            "saved_texts.jsonl",
            "application/jsonl",
            icon=":material/download:",
            on_click="ignore",
        )


def draw_raw_answer(text: str) -> None:
    """Draw the model's answer as it came, on demand."""
    with st.expander("Raw answer"):
        st.code(text or "(empty)", language="json", wrap_lines=True)
