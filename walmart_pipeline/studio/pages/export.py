"""The page Export: chosen listings as files, what was exported before, and files that come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.row_files import SUFFIXES
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.delivery.exporter import ListingSelection
from walmart_pipeline.studio import escaping, exporting, resources
from walmart_pipeline.studio.context import StudioContext
from walmart_pipeline.studio.exporting import Exported, ImportedFile

TITLES = {
    "txt": "TXT",
    "jsonl": "JSON lines",
    "csv": "CSV",
    "xlsx": "Excel",
    exporting.FEED: "Walmart item feed",
}
MIME_TYPES = {".csv": "text/csv", ".jsonl": "application/jsonl", ".txt": "text/plain", ".json": "application/json"}

# Of a browser's download: it passes through the memory of this process.
DOWNLOAD_BYTES = 200_000_000
UPLOAD_MB = 20

HISTORY_COLUMNS: dict[str, Any] = {
    "exported_at": st.column_config.DatetimeColumn("when (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"),
    "exported_by": "by",
    "row_count": st.column_config.NumberColumn("rows", format="localized"),
    "bytes": st.column_config.NumberColumn("bytes", format="localized"),
    "sha256": st.column_config.TextColumn("SHA-256", width="small"),
    "available": "can be downloaded",
}

EXAMPLES, EDITS, RATINGS = "Training examples", "Edits", "Ratings"
EXPECTED = {
    EXAMPLES: "A `training_data.json`: a list of `{timestamp, input, output, metadata}`. Each example is judged "
    "against its own input; the next run adds the good ones to the dataset. It replaces your earlier file of the same "
    "name.",
    EDITS: "JSON lines with `product_id`, `listing`, `reviewer` and perhaps `comment`. With the next run an edit "
    "replaces the current text, and is judged; what somebody else has decided since the last run stays.",
    RATINGS: "CSV or JSON lines with `product_id`, `stars` (1 to 5), `reviewer`, and perhaps `comment`, `rated_at`, "
    "`content_hash` (without it, of the current text).",
}


def page(context: StudioContext) -> None:
    """Draw the page."""
    st.title("Export")
    if not warehouses.of(context.settings).exists():
        st.info("There is nothing to export yet: `walmart-pipeline run` reads the feeds and writes the first texts.")
        return
    export, history, imports = st.tabs(["Export", "History", "Import"])
    with export:
        _draw_export(context)
    with history:
        _draw_history(context)
    with imports:
        _draw_import(context)


def _draw_export(context: StudioContext) -> None:
    with context.reading() as db:
        choices = exporting.choices(db)
    left, right = st.columns(2)
    categories = left.multiselect("Categories", choices["categories"], key="export_categories", placeholder="All")
    models = right.multiselect("Written by", choices["models"], key="export_models", placeholder="Anybody")
    left, right = st.columns(2)
    feeds = left.multiselect("Feeds", choices["feeds"], key="export_feeds", placeholder="All")
    score = right.slider("Score at least", 0, 100, 0, key="export_score")
    ids = st.text_area(
        "Product ids", key="export_ids", height=80, placeholder="All; or ids, separated by spaces, commas or lines"
    )
    selection = ListingSelection(
        ids=exporting.parsed_ids(ids), categories=categories, feeds=feeds, models=models, score_at_least=score
    )
    with context.reading() as db:
        count, first = exporting.preview(db, selection)
    st.header(f"{count:,} listings" if count != 1 else "1 listing")
    if not count:
        st.info("No publishable listing meets all conditions. Others wait on the page Review, or break a rule.")
        return
    st.dataframe(first, hide_index=True, alt="The first listings of the selection", key="export_preview")
    if count > len(first):
        st.caption(f"The first {len(first)} by product id.")
    formats = st.pills(
        "Formats", list(TITLES), selection_mode="multi", default=["xlsx"], format_func=TITLES.__getitem__, key="formats"
    )
    if exporting.FEED in formats:
        st.caption(
            "The item feed holds what is new or changed since it was sent, variants with their siblings. It "
            "replaces a file that waits."
        )
    if st.button("Export", type="primary", icon=":material/file_export:", disabled=not formats):
        with st.spinner("Writing the files …"):
            st.session_state["exported"] = exporting.export(context.settings, context.user, selection, formats)
    done: Exported | None = st.session_state.get("exported")
    if done:
        _draw_files(done)


def _draw_files(done: Exported) -> None:
    for note in done.notes:
        st.info(escaping.label(note))
    for file in done.files:
        _download(Path(file.path), f"{file.rows:,} listings, {file.bytes:,} bytes", key=f"exported_{file.path}")


def _draw_history(context: StudioContext) -> None:
    with context.reading() as db:
        rows = exporting.history(db, context.settings)
    if not rows:
        st.info("Nothing was exported yet.")
        return
    shown = [{name: value for name, value in row.items() if name != "path"} for row in rows]
    st.dataframe(shown, hide_index=True, alt="Export history", key="export_history", column_config=HISTORY_COLUMNS)
    st.caption(f"The latest {exporting.HISTORY_ROWS}; a file that did not change has no row of its own.")
    if not context.user.has("writer"):
        st.caption("The role writer may download them.")
        return
    available = [row for row in rows if row["available"]]
    chosen: Row | None = st.selectbox(
        "File", available, format_func=_named, index=None, placeholder="Choose one to download", key="history_file"
    )
    if chosen:
        _download(Path(chosen["path"]), f"{chosen['row_count']:,} rows", key="history_download")


def _draw_import(context: StudioContext) -> None:
    kind = st.segmented_control(
        "What to import", list(EXPECTED), default=EXAMPLES, required=True, key="import_kind", wrap=True
    )
    st.markdown(EXPECTED[kind])
    types = ["json"] if kind == EXAMPLES else [suffix.removeprefix(".") for suffix in SUFFIXES]
    file = st.file_uploader("File", types, key=f"import_{kind}", max_upload_size=UPLOAD_MB)
    if st.button("Import", type="primary", icon=":material/upload:", disabled=file is None) and file:
        with st.spinner("Reading the file …"):
            st.session_state["imported"] = _import(context, kind, file.name, file.getvalue())
    done: ImportedFile | None = st.session_state.get("imported")
    if done:
        _draw_imported(done)


def _import(context: StudioContext, kind: str, name: str, content: bytes) -> ImportedFile:
    if kind == EXAMPLES:
        judge = resources.judge(context.settings.policy)
        return exporting.import_examples(context.settings, context.user, name, content, judge)
    read = exporting.import_edits if kind == EDITS else exporting.import_ratings
    return read(context.settings, context.user, name, content)


def _draw_imported(done: ImportedFile) -> None:
    counts = ", ".join(f"{count:,} {name}" for name, count in done.counts.items())
    draw: Callable[..., object] = st.warning if done.problems else st.success
    draw(escaping.label(f"{done.name}: {done.rows:,} rows: {counts}. {done.note}"))
    if done.problems:
        st.dataframe(done.problems, hide_index=True, alt="Rows that were refused or have a flaw", key="import_problems")


def _download(path: Path, what: str, *, key: str) -> None:
    if not path.is_file():
        st.caption(escaping.label(f"{path.name} was replaced or removed since."))
        return
    if path.stat().st_size > DOWNLOAD_BYTES:
        st.caption(escaping.label(f"{path.name} ({what}) is too large for a browser: it lies at {path}"))
        return
    st.download_button(
        escaping.label(f"Download {path.name} ({what})"),
        path.read_bytes,
        path.name,
        MIME_TYPES.get(path.suffix, "application/octet-stream"),
        key=key,
        on_click="ignore",
        icon=":material/download:",
    )


def _named(row: Row) -> str:
    return f"{row['exported_at']:%Y-%m-%d %H:%M} UTC, {Path(row['path']).name}, {row['row_count']:,} rows"
