"""The page Dashboards: what the models do, what it costs, how good the texts are, and who uses what."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.insights import page as formats
from walmart_pipeline.stages.training.data_card import CARD
from walmart_pipeline.studio import charts, dashboard_data, escaping, tables
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.dashboard_data import DashboardData

WINDOWS = {7: "7 days", 30: "30 days", 90: "90 days"}

# Told apart on light and on dark ground, and by those who see no red or green.
BLUE, ORANGE, RED, GREY = "#2f7bf0", "#d9822b", "#d6453d", "#8a94a3"

# By a part of the column's name.
NUMBER_FORMATS = {
    "_rate": "percent",
    "_share": "percent",
    "_usd": "%.4f",
    "response_time": "%.2f s",
    "seconds": "%.2f s",
    "mean": "%.1f",
    "satisfaction": "%.1f",
    "latest": "%.1f",
    "runs": "%d",
    "before": "%.1f",
    "change": "%+.1f",
}

NO_CALLS = (
    "No model was called in this time: the template writer needs none. "
    "`walmart-pipeline run --provider ollama` calls one."
)


def page(context: StudioContext) -> None:
    """Draw the page."""
    st.title("Dashboards")
    if not warehouses.of(context.settings).exists():
        st.info("There is nothing to show yet: `walmart-pipeline run` reads the feeds and writes the first texts.")
        return
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        section = st.segmented_control(
            "Dashboard", list(SECTIONS), default="Overview", required=True, key="dashboard", wrap=True
        )
    with right:
        days = st.selectbox("Time", WINDOWS, index=1, format_func=WINDOWS.__getitem__, key="dashboard_days")
    with context.reading() as db:
        data = _load(str(context.settings.workspace), db.version, days, db)
    if since := context.is_outdated:
        st.caption(f":material/sync: A run is writing: this is as of {since:%H:%M} UTC.")
    SECTIONS[section or "Overview"](context, data)


@st.cache_data(max_entries=8, ttl=300, show_spinner="Reading the figures …")
def _load(workspace: str, version: str, days: int, _db: Database) -> DashboardData:
    """Read once for each state of the warehouse."""
    return dashboard_data.load(_db, datetime.now(UTC), days)


def _overview(_: StudioContext, data: DashboardData) -> None:
    shown, models = data.shown, data.shown.models
    for finding in shown.findings:
        draw, icon = (st.warning, "warning") if finding["severity"] == "warning" else (st.info, "info")
        draw(escaping.label(finding["sentence"]), icon=f":material/{icon}:")
    if not shown.findings:
        st.success(formats.NOTHING, icon=":material/check_circle:")
    tiles = (
        ("Texts", f"{shown.texts['texts']:,}"),
        ("Mean score", formats.points(shown.texts["mean_score"])),
        ("Publishable", _part(shown.texts["publishable"], shown.texts["texts"])),
        ("Model calls", f"{models['calls'] or 0:,}"),
        ("Cost", formats.usd(models["cost_usd"] or 0)),
        ("Response time", formats.seconds(models["response_time"])),
    )
    _tiles(tiles)
    if shown.quality:
        _quality_plot(shown.quality)
    st.caption("Every run brings these figures up to date, and so does `walmart-pipeline insights`. Days are in UTC.")


def _quality(_: StudioContext, data: DashboardData) -> None:
    if not data.shown.quality:
        st.info("No text is judged yet: `walmart-pipeline run` writes and judges them.")
        return
    _quality_plot(data.shown.quality)
    st.header("Categories")
    charts.ranking(
        data.shown.categories[:20], of="category", by="mean", label="mean score", name="Mean score of each category"
    )
    _table("Categories", data.shown.categories)
    st.header("Drift")
    st.caption("The latest mean of each category beside the median of the runs before it, at most 14 of them.")
    _table("Drift", data.drift)


def _performance(_: StudioContext, data: DashboardData) -> None:
    days = [row for row in data.shown.days if row["calls"]]
    if not days:
        st.info(NO_CALLS)
    else:
        models = data.shown.models
        tiles = (
            ("Answered", formats.share(models["success_rate"])),
            ("Median", formats.seconds(models["response_time"])),
            ("95 % within", formats.seconds(models["response_time_p95"])),
            ("Failed calls", f"{models['error_count']:,}"),
            ("Cache hits", f"{models['cache_hits']:,}"),
            ("Stars by reviewers", formats.points(models["user_satisfaction"])),
        )
        _tiles(tiles)
        left, right = st.columns(2)
        with left:
            st.header("Response time")
            timed = [
                {"day": row["day"], "median": row["response_time"], "95 % within": row["response_time_p95"]}
                for row in days
                if row["response_time"] is not None
            ]
            charts.lines(
                timed,
                x="day",
                series={"median": BLUE, "95 % within": ORANGE},
                label="seconds",
                name="Response time by day",
            )
        with right:
            st.header("Calls")
            calls = [
                {"day": row["day"], "calls": count, "outcome": outcome}
                for row in days
                for outcome, count in (
                    ("answered", row["calls"] - row["error_count"]),
                    ("failed", row["error_count"]),
                    ("from the ledger", row["cache_hits"]),
                )
            ]
            charts.bars_by_day(
                calls,
                y="calls",
                stacked="outcome",
                name="Model calls by day",
                colours={"answered": BLUE, "failed": RED, "from the ledger": GREY},
            )
    if data.shown.errors:
        st.header("Failed calls by error")
        _table("Errors", data.shown.errors)
    st.header("By model or writer")
    _table("Performance by model", data.shown.by_model)
    st.header("By category")
    _table("Performance by category", data.shown.by_category)


def _cost(_: StudioContext, data: DashboardData) -> None:
    total = data.shown.models["cost_usd"] or 0
    saved = data.shown.models["saved_usd"] or 0
    tokens = (data.shown.models["prompt_tokens"] or 0) + (data.shown.models["completion_tokens"] or 0)
    _tiles(
        (
            ("Cost", formats.usd(total)),
            ("Saved by answers in the ledger", formats.usd(saved)),
            ("Tokens", f"{tokens:,}"),
        )
    )
    if not total:
        st.info("Nothing was paid for in this time: Ollama, llama.cpp and the template writer cost nothing.")
        return
    by_day = dashboard_data.summed(data.costs, "cost_usd", "day", "model")
    charts.bars_by_day(by_day, y="cost_usd", stacked="model", label="USD", name="Cost by day and model")
    left, right = st.columns(2)
    with left:
        st.header("By model")
        _table("Cost by model", dashboard_data.summed(data.costs, "cost_usd", "model"))
    with right:
        st.header("By category")
        _table("Cost by category", dashboard_data.summed(data.costs, "cost_usd", "category"))
    _table("Cost by day, model and category", dashboard_data.summed(data.costs, "cost_usd", "day", "model", "category"))


def _usage(_: StudioContext, data: DashboardData) -> None:
    if not data.shown.features:
        st.info("Nothing was done in this time: `walmart-pipeline run`, or write a text on the page Write.")
        return
    by_day = dashboard_data.summed(data.activity, "count", "day", "feature")
    charts.bars_by_day(by_day, y="count", stacked="feature", name="What was done by day")
    st.header("Features")
    _table("Features", data.shown.features)
    st.header("Who and when")
    _table("Activity", data.activity)


def _models(context: StudioContext, data: DashboardData) -> None:
    if data.models:
        _table("Models", data.models)
    else:
        st.info("There is no model of our own yet: `walmart-pipeline retrain` builds and compares candidates.")
    if data.evaluations:
        st.header("Evaluations")
        newest = [row for row in data.evaluations if row["evaluation"] == data.evaluations[0]["evaluation"]]
        charts.ranking(
            newest,
            of="contender",
            by="mean_score",
            label="mean score",
            name="Mean score of each contender of the latest evaluation",
        )
        _table("Evaluations", data.evaluations)
    reports = dashboard_data.reports(context.settings)
    if not reports:
        return
    st.header("Reports")
    title = st.selectbox("Report", list(reports), key="dashboard_report")
    path = reports[title]
    st.download_button(
        "Download the report", path.read_bytes, path.name, "text/html", on_click="ignore", icon=":material/download:"
    )
    # By a data URL the page has an origin of its own: whatever it shows can't reach the Studio.
    encoded = base64.b64encode(path.read_bytes()).decode()
    st.iframe(f"data:text/html;base64,{encoded}", height=900, alt=f"Report: {title}")


def _datasets(context: StudioContext, data: DashboardData) -> None:
    if not data.datasets:
        st.info("There is no dataset yet: `walmart-pipeline run` makes one from accepted texts.")
        return
    _table("Datasets", [{name: value for name, value in row.items() if name != "folder"} for row in data.datasets])
    version = st.selectbox("Data card", [row["version"] for row in data.datasets], key="dashboard_card")
    text = dashboard_data.card(context.settings, version)
    if text is None:
        st.info(f"{version} has no card any more: superseded versions are removed by `walmart-pipeline prune`.")
        return
    st.download_button(
        "Download the card",
        text,
        f"{version}-{CARD}",
        "text/markdown",
        on_click="ignore",
        icon=":material/download:",
    )
    # As it is written: names of products in it are no Markdown.
    st.code(text, language=None, wrap_lines=True)


def _quality_plot(rows: Sequence[Row]) -> None:
    st.header("Quality over time")
    points = [
        {"run": row["recorded_at"], "mean score": row["mean"], "publishable, %": row["publishable"]} for row in rows
    ]
    charts.lines(
        points,
        x="run",
        series={"mean score": BLUE, "publishable, %": ORANGE},
        label="points, or per cent",
        name="Mean score and publishable share by run",
    )


def _tiles(tiles: Sequence[tuple[str, str]]) -> None:
    """Draw figures side by side, as many in a row as there is room for."""
    with st.container(horizontal=True, key="dashboard_tiles"):
        for label, value in tiles:
            st.metric(label, value, border=True)


def _table(title: str, rows: Sequence[Row]) -> None:
    """Draw a table, with a button to download all of it."""
    columns = {name: _column(name) for name in (rows[0] if rows else ())}
    st.dataframe(list(rows), hide_index=True, alt=title, column_config=columns, placeholder="–")
    st.download_button(
        f"Download {title.lower()}",
        lambda: tables.as_csv(rows),
        f"{title.lower().replace(' ', '-').replace(',', '')}.csv",
        "text/csv",
        key=f"download_{title}",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
        disabled=not rows,
    )


def _column(name: str) -> Any:
    """A column with its name in words, and its numbers as people write them."""
    label = name.replace("_usd", ", USD").replace("_", " ")
    number_format = next((format for part, format in NUMBER_FORMATS.items() if part in name), None)
    return st.column_config.NumberColumn(label, format=number_format) if number_format else label


def _part(count: int, total: int) -> str:
    return f"{100 * count / total:.0f} %" if total else "–"


SECTIONS: dict[str, Callable[[StudioContext, DashboardData], None]] = {
    "Overview": _overview,
    "Quality": _quality,
    "Performance": _performance,
    "Cost": _cost,
    "Usage": _usage,
    "Models": _models,
    "Datasets": _datasets,
}
