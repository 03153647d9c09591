"""A chart of lines that a screen reader can read: Streamlit's own has a layer of marks without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from walmart_pipeline.core.warehouse import Row


def lines(rows: Sequence[Row], *, x: str, series: Mapping[str, str], label: str, name: str) -> None:
    """Draw a line over time for each column of `series`, in its colour. label: of the y axis. name: of the chart."""
    import altair as alt
    import pandas as pd

    points = [{"time": row[x], "value": row[column], "series": column} for row in rows for column in series]
    colours = alt.Scale(domain=list(series), range=list(series.values()))
    chart = (
        alt.Chart(pd.DataFrame(points), description=name)
        .mark_line(point=True)
        .encode(
            x=alt.X("time:T", title=None),
            y=alt.Y("value:Q", title=label),
            color=alt.Color("series:N", scale=colours, legend=alt.Legend(title=None, orient="bottom")),
            tooltip=[alt.Tooltip("time:T"), alt.Tooltip("series:N"), alt.Tooltip("value:Q", format=".2f")],
        )
    )
    st.altair_chart(chart, alt=name)
