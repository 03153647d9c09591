"""The history of exports: who wrote which file when, its checksum, and who wrote and reviewed each text."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.delivery.exporter import PUBLISHABLE, ExportSummary, export

MANIFEST = "manifest.json"

# Read by `sha256sum --check`.
CHECKSUMS = "SHA256SUMS"

# A text is of its reviewer if it is an edit; those who rated it are named as well.
PROVENANCE = f"""
select
    product_id,
    content.content_hash,
    content.facts_hash,
    content.provider,
    content.model,
    content.prompt_version,
    content.written_by,
    content.generated_at::varchar as generated_at,
    scores.policy,
    scores.score,
    edits.reviewer as edited_by,
    ratings.reviewers as rated_by,
    products.source_file,
    products.source_row
from ({PUBLISHABLE}) as publishable
join catalog.products using (product_id)
join quality.listings using (product_id)
join content.generated_content as content using (product_id, content_hash)
join quality.scores using (product_id, content_hash)
left join (
    select product_id, content_hash, arg_max(reviewer, edited_at) as reviewer
    from content.edits
    group by product_id, content_hash
) as edits using (product_id, content_hash)
left join (
    select product_id, content_hash, list(distinct reviewer order by reviewer) as reviewers
    from quality.ratings
    group by product_id, content_hash
) as ratings using (product_id, content_hash)
"""

LATEST = """
select path, unnest(max_by({
    'format': format,
    'rows': row_count,
    'bytes': bytes,
    'sha256': sha256,
    'exported_at': exported_at::varchar,
    'exported_by': exported_by,
    'run_id': run_id
}, exported_at))
from delivery.exports
group by path
order by path
"""


def account() -> str:
    """The account of this machine that runs the program."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number without a name.
        return f"uid {os.getuid()}"


def write_provenance(db: Database, folder: Path, *, selected: bool = False) -> ExportSummary:
    """Write `listings.provenance.jsonl`: who wrote each exported text, from which record, and who reviewed it.

    Beside the exports, not in them: a shop's feed takes no such fields. selected: see exporter.deliver.
    """
    return export(folder / "listings.provenance.jsonl", _origins(db, selected=selected), format="provenance")


def _origins(db: Database, *, selected: bool) -> Iterator[str]:
    chosen = "where product_id in (select product_id from selected_listings)" if selected else ""
    for rows in db.stream(f"select * from ({PROVENANCE}) {chosen} order by product_id"):
        for row in rows:
            yield json.dumps(row) + "\n"


def record(db: Database, exports: Sequence[ExportSummary], run_id: str, *, by: str | None = None) -> int:
    """Add changed files to the history, and write manifest and checksums of their folders. Returns the rows added.

    by: who exports, if not the account that runs the program.
    """
    last = "select arg_max(sha256, exported_at) from delivery.exports where path = ?"
    new = [summary for summary in exports if db.value(last, [summary.path]) != summary.sha256]
    added = db.append(
        "delivery.exports",
        [
            {
                "exported_at": datetime.now(UTC),
                "exported_by": by or account(),
                "format": summary.format,
                "path": summary.path,
                "row_count": summary.rows,
                "bytes": summary.bytes,
                "sha256": summary.sha256,
                "run_id": run_id,
            }
            for summary in new
        ],
    )
    for folder in sorted({Path(summary.path).parent for summary in exports}):
        _write_manifest(db, folder)
    return added


def _write_manifest(db: Database, folder: Path) -> None:
    files = [
        {"name": Path(row["path"]).name} | {name: value for name, value in row.items() if name != "path"}
        for row in db.query(LATEST)
        if Path(row["path"]).parent == folder and Path(row["path"]).is_file()
    ]
    policies = [row["policy"] for row in db.query("select distinct policy from quality.listings order by policy")]
    manifest = {"program": f"walmart-pipeline {version('walmart-pipeline')}", "policies": policies, "files": files}
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    write_atomically(folder / CHECKSUMS, "".join(f"{file['sha256']}  {file['name']}\n" for file in files))
