"""The page Write: one product, or several at once."""

from __future__ import annotations

import streamlit as st

from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.pages import write_one, write_several

ONE, SEVERAL = "One product", "Several at once"


def page(context: StudioContext) -> None:
    """Draw the page."""
    st.title("Write")
    chosen = st.segmented_control(
        "What to write", [ONE, SEVERAL], default=ONE, key="write_mode", label_visibility="collapsed"
    )
    if chosen == SEVERAL:
        write_several.draw(context)
    else:
        write_one.draw(context)
