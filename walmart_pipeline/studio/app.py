"""What every request of the Studio begins with: who is there, and which page they see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from walmart_pipeline.core import settings
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.studio import escaping, sign_in
from walmart_pipeline.studio.access import User
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.pages import dashboards, export, preferences, review, write

PAGES = (
    ("Write", "edit_note", write.page),
    ("Review", "rate_review", review.page),
    ("Dashboards", "monitoring", dashboards.page),
    ("Export", "download", export.page),
    ("Preferences", "tune", preferences.page),
)

# A file, because Streamlit would fetch an icon of its own from the internet.
ICON = Path(__file__).with_name("favicon.png")
# Streamlit leaves a hand's breadth around the page, its titles are for a page of three lines, and its captions,
# selected segments and pills, hints of keys and values of JSON have less than the contrast of 4.5 that axe asks for.
STYLE = """<style>
.stMainBlockContainer { padding: 3rem 2rem; }
@media (max-width: 700px) { .stMainBlockContainer { padding: 3.5rem 1rem; } }
.stMainBlockContainer h1 { font-size: 1.7rem; padding: 0 0 0.5rem; }
.stMainBlockContainer h2 { font-size: 1.3rem; padding: 0.6rem 0 0.3rem; }
[data-testid="stSidebarHeader"]::before { content: "Walmart Studio"; font-weight: 700; font-size: 1.15rem; }
.st-key-dashboard_tiles > * { flex: 1 1 8rem; min-width: 8rem; }
[data-testid="stCaptionContainer"], .stButtonGroup button, .stButton kbd, .stJson * {
  color: inherit !important; opacity: 1 !important;
}
</style>"""


@st.cache_resource
def _store(url: str) -> ReviewStore:
    return ReviewStore(url)


def main() -> None:
    """Draw the page that was asked for."""
    st.set_page_config(page_title="Walmart Studio", page_icon=str(ICON), layout="wide")
    st.html(STYLE)
    chosen = settings.load()
    user = _user(chosen)
    context = StudioContext(chosen, _store(chosen.reviews_url), user) if user else None
    pages = [
        st.Page(partial(_show, draw, context), title=title, icon=f":material/{icon}:", url_path=title.lower())
        for title, icon, draw in PAGES
    ]
    # The default page lives at / only, and Streamlit finds none at its own address.
    start = st.Page(
        partial(st.switch_page, pages[0]), title="Start", url_path="start", default=True, visibility="hidden"
    )
    # Also for who has yet to sign in: the page that was asked for is open afterwards.
    page = st.navigation([start, *pages], position="sidebar" if user else "hidden")
    if user is None:
        return
    with st.sidebar:
        st.caption(f":material/person: {escaping.label(user.name)} ({', '.join(sorted(user.roles)) or 'no role'})")
        if sign_in.is_needed(chosen):
            st.button("Sign out", on_click=sign_in.sign_out, type="tertiary")
    page.run()


def _user(chosen: Settings) -> User | None:
    """Who is signed in and may make this request; otherwise why nobody is in, or the form, is drawn."""
    try:
        user = sign_in.user(chosen)
        if user is None:
            return None
        limit = sign_in.request_limit()
        limit.count(user.name)
    except UserError as error:
        st.error(escaping.label(error), icon=":material/lock:")
        return None
    return replace(user, count=limit.count)


def _show(draw: Callable[[StudioContext], None], context: StudioContext | None) -> None:
    if context is None:
        return
    try:
        draw(context)
    except UserError as error:
        st.error(escaping.label(error), icon=":material/error:")
