"""The script that Streamlit runs at every request: who is there, and which page they see."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from walmart_pipeline.core import settings
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.studio import escaping
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


@st.cache_resource
def _store(url: str) -> ReviewStore:
    return ReviewStore(url)


def main() -> None:
    """Draw the page that was asked for."""
    st.set_page_config(page_title="Walmart Studio", page_icon=":material/storefront:", layout="wide")
    chosen = settings.load()
    user = User(getpass.getuser(), frozenset({"admin"}))
    context = StudioContext(chosen, _store(chosen.reviews_url), user)
    pages = [
        st.Page(partial(_show, draw, context), title=title, icon=f":material/{icon}:", url_path=title.lower())
        for title, icon, draw in PAGES
    ]
    st.navigation(pages).run()


def _show(draw: Callable[[StudioContext], None], context: StudioContext) -> None:
    try:
        draw(context)
    except UserError as error:
        st.error(escaping.label(error), icon=":material/error:")


if __name__ == "__main__":
    # Streamlit puts the script's folder first, where `pages` and others would hide packages of the same name.
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
    main()
