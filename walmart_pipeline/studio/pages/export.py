"""The page Export."""

from __future__ import annotations

import streamlit as st

from walmart_pipeline.studio.context import StudioContext


def page(context: StudioContext) -> None:
    """Draw the page."""
    st.header("Export")
