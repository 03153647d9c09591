"""Writes several products at once: a table or feed, a small run with progress, and its results."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from walmart_pipeline.stages.catalog.feeds import SUFFIXES
from walmart_pipeline.stages.delivery.exporter import FORMATS, Accepted
from walmart_pipeline.studio import escaping, resources, small_feeds
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.jobs import Job
from walmart_pipeline.studio.model_choices import ModelChoice
from walmart_pipeline.studio.pages import write_options
from walmart_pipeline.studio.small_feeds import SmallFeed
from walmart_pipeline.studio.writing import SmallRun

PASTED, UPLOADED = "Paste a table", "Upload a feed"
MIME_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl", "txt": "text/plain"}


@dataclass
class ShownRun:
    """A small run, its job, and the feed that it writes."""

    feed: SmallFeed
    run: SmallRun
    job: Job[None]


def draw(context: StudioContext) -> None:
    """Draw it."""
    choice, wanted = write_options.draw(context, "several")
    feed = _feed()
    if feed:
        _draw_feed(feed)
        many = len(feed.products)
        label = "Write 1 text" if many == 1 else f"Write {many:,} texts"
        if st.button(label, type="primary", disabled=not many or choice is None, icon=":material/edit_note:"):
            _start(context, feed, choice, wanted)
    shown: ShownRun | None = st.session_state.get("small_run")
    if shown:
        st.divider()
        _follow(shown)
        _draw_results(shown)
        # After the texts that came before an error.
        shown.job.result()


def _feed() -> SmallFeed | None:
    source = st.segmented_control(
        "Source", [PASTED, UPLOADED], default=PASTED, key="several_source", label_visibility="collapsed"
    )
    if source == UPLOADED:
        file = st.file_uploader(
            "Feed",
            type=[*(suffix.removeprefix(".") for suffix in SUFFIXES), "gz"],
            key="several_file",
            max_upload_size=20,
        )
        return _once(file.file_id, partial(small_feeds.uploaded, file.name, file.getvalue())) if file else None
    text = st.text_area(
        "Table",
        placeholder="name, brand, features, description\n…",
        help="With a header line, as copied from a spreadsheet; JSON and JSON lines too.",
        height=180,
        key="several_table",
    )
    return _once(text, partial(small_feeds.pasted, text)) if text.strip() else None


def _once(key: str, read: Callable[[], SmallFeed]) -> SmallFeed:
    """A feed, read once however often the page is drawn: the sample's 288 rows take 3.7 s on two busy cores."""
    known: tuple[str, SmallFeed] | None = st.session_state.get("several_feed")
    if known is None or known[0] != key:
        known = st.session_state["several_feed"] = (key, read())
    return known[1]


def _draw_feed(feed: SmallFeed) -> None:
    bad = f", {len(feed.bad):,} bad row{'s' if len(feed.bad) > 1 else ''}" if feed.bad else ""
    st.caption(f"{len(feed.products):,} product{'s' if len(feed.products) != 1 else ''}{bad}")
    if feed.left_out:
        st.warning(
            f"{feed.left_out:,} more rows are left out: a small run takes {small_feeds.MOST_PRODUCTS} products. Put a "
            "larger feed into the inbox."
        )
    if feed.bad:
        st.dataframe([row.model_dump() for row in feed.bad], hide_index=True, key="several_bad")


def _start(context: StudioContext, feed: SmallFeed, choice: ModelChoice | None, wanted: dict[str, object]) -> None:
    running: ShownRun | None = st.session_state.get("small_run")
    if running and not running.job.is_done:
        st.warning("Your last run is not done yet: stop it, or wait.")
        return
    order = write_options.order(context, choice, wanted) if choice else None
    if order is None:
        return
    run = SmallRun(feed.products)
    st.session_state["small_run"] = ShownRun(feed, run, run.start(order, resources.judge(context.settings.policy)))


def _follow(shown: ShownRun) -> None:
    if shown.job.is_done:
        return
    run, total = shown.run, len(shown.feed.products)
    st.button("Stop after the texts under way", on_click=run.stop, icon=":material/stop_circle:")
    bar = st.progress(0.0)
    state = None
    for _ in shown.job.looks():
        done = len(run.texts)
        if state != (state := (done, int(shown.job.seconds))):
            cost = f" · ${run.cost_usd:.4f} so far" if run.cost_usd else ""
            bar.progress(done / total, escaping.label(f"{done} of {total} texts, {shown.job.seconds:.0f} s{cost}"))
    st.rerun()


def _draw_results(shown: ShownRun) -> None:
    run = shown.run
    texts = list(run.texts)
    cost = f" · ${run.cost_usd:.4f}" if run.cost_usd else ""
    st.header(f"{len(texts):,} of {len(shown.feed.products):,} texts, {run.accepted:,} to publish{cost}")
    rows: list[dict[str, Any]] = [
        {
            "product": product.product_name,
            "score": written.report.score if written.report else None,
            "publish": bool(written.report and written.report.publishable),
            "title": written.listing.title if written.listing else "",
            "problems": "; ".join(
                dict.fromkeys(each.rule for each in written.report.violations) if written.report else ()
            )
            or written.completion.error
            or "",
            "written by": written.completion.written_by.partition("@")[0],
            "seconds": round(written.completion.seconds, 1),
            "USD": written.completion.cost_usd,
        }
        for product, written in texts
    ]
    rows += [
        {"product": f"row {bad.row}", "publish": False, "problems": f"not a product: {bad.reason}"}
        for bad in shown.feed.bad
    ]
    st.dataframe(rows, hide_index=True, placeholder="–", key="several_results")
    good = [
        (product, written.listing, written.report.score)
        for product, written in texts
        if written.listing and written.report
    ]
    for column, (name, write) in zip(st.columns(len(FORMATS)), FORMATS.items(), strict=True):
        column.download_button(
            f"Download {name.upper()}",
            partial(_file, write, good),
            f"listings.{name}",
            MIME_TYPES.get(name, "application/octet-stream"),
            on_click="ignore",
            disabled=not good,
            width="stretch",
        )


def _file(write: Callable[[Path, Iterable[Accepted]], object], rows: list[Accepted]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="walmart-studio-") as folder:
        path = Path(folder) / "listings"
        write(path, rows)
        return path.read_bytes()
