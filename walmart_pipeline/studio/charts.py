"""Charts that a screen reader can read and a phone can show: Streamlit's own have marks without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import streamlit as st

from walmart_pipeline.core.warehouse import Row

if TYPE_CHECKING:
    import altair as alt

# A legend below the chart, in columns: in one line a phone cuts it off after the third of Usage's names.
LEGEND_COLUMNS = 2
# Of a bar of a ranking, so that the names beside them don't touch.
BAR_HEIGHT = 26
# On either side of the only point in time: Vega labels an empty span with its milliseconds.
PADDING = timedelta(days=1)


def lines(rows: Sequence[Row], *, x: str, series: Mapping[str, str], label: str, name: str) -> None:
    """Draw a line over time for each column of `series`, in its colour. label: of the y axis. name: of the chart."""
    import altair as alt

    points = [{"time": row[x], "value": row[column], "series": column} for row in rows for column in series]
    colours = alt.Scale(domain=list(series), range=list(series.values()))
    _draw(
        alt.Chart(_frame(points), description=name)
        .mark_line(point=True)
        .encode(
            x=alt.X("time:T", title=None, scale=_span([point["time"] for point in points])),
            y=alt.Y("value:Q", title=label),
            color=alt.Color("series:N", scale=colours, legend=_legend()),
            tooltip=[alt.Tooltip("time:T"), alt.Tooltip("series:N"), alt.Tooltip("value:Q", format=".2f")],
        ),
        name,
    )


def bars_by_day(
    rows: Sequence[Row],
    *,
    y: str,
    stacked: str,
    name: str,
    label: str | None = None,
    colours: Mapping[str, str] | None = None,
) -> None:
    """Draw a bar for each `day` of the column `y`, stacked by the names in another column, in their colours."""
    import altair as alt

    bars = [{"day": f"{row['day']:%Y-%m-%d}", "value": row[y], "name": row[stacked]} for row in rows]
    scale = alt.Scale(domain=list(colours), range=list(colours.values())) if colours else alt.Undefined
    _draw(
        alt.Chart(_frame(bars), description=name)
        .mark_bar(size=BAR_HEIGHT)
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("value:Q", title=label or y),
            color=alt.Color("name:N", scale=scale, legend=_legend()),
            tooltip=[alt.Tooltip("day:O"), alt.Tooltip("name:N"), alt.Tooltip("value:Q")],
        ),
        name,
    )


def ranking(rows: Sequence[Row], *, of: str, by: str, label: str, name: str) -> None:
    """Draw a bar for each name in the column `of`, the longest first. label: of the column `by`."""
    import altair as alt

    bars = [{"name": row[of], "value": row[by]} for row in rows]
    _draw(
        alt.Chart(_frame(bars), description=name, height=alt.Step(BAR_HEIGHT))
        .mark_bar()
        .encode(
            x=alt.X("value:Q", title=label),
            y=alt.Y("name:N", title=None, sort="-x", axis=alt.Axis(labelLimit=180)),
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("value:Q", format=".2f")],
        ),
        name,
    )


def _legend() -> alt.Legend:
    import altair as alt

    return alt.Legend(title=None, orient="bottom", columns=LEGEND_COLUMNS, labelLimit=150)


def _span(times: Sequence[datetime]) -> Any:
    import altair as alt

    if len(set(times)) != 1:
        return alt.Undefined
    return alt.Scale(domain=[(times[0] - PADDING).isoformat(), (times[0] + PADDING).isoformat()])


def _frame(rows: Sequence[Mapping[str, object]]) -> Any:
    import pandas as pd

    return pd.DataFrame(rows)


def _draw(chart: alt.Chart, name: str) -> None:
    st.altair_chart(chart, alt=name)
