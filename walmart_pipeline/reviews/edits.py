"""Reviewers' edits, which replace generated texts: `content.generated_content` and `content.edits`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from walmart_pipeline.core import row_files
from walmart_pipeline.core.records import Listing, Record
from walmart_pipeline.core.row_files import RowImport, RowProblem
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.core.workspace import EDITS_FILE
from walmart_pipeline.generation import parsing

# The provider of an edited text.
REVIEWER = "reviewer"

EditOutcome: TypeAlias = Literal["kept", "unchanged"]

CURRENT = f"""
select
    products.facts_hash,
    coalesce(content.revision, 0) as revision,
    content.provider,
    content.model,
    content.content_hash,
    case when content.status = 'complete' then {struct("content", Listing)} end as listing
from catalog.products
left join content.generated_content as content using (product_id)
where products.product_id = $product_id
"""


class EditError(ValueError):
    """An edit is rejected; the message is the reason."""


class Edit(Record):
    """A listing as edited by a reviewer."""

    product_id: str
    listing: Listing
    reviewer: str
    comment: str = ""
    user_preferences: dict[str, str] = Field(default_factory=dict, description="That a model was told for this text.")
    edited_at: datetime


def problem(text: Listing) -> str | None:
    """Return why a listing can't be an edit, or None."""
    if blank := [name for name in ("title", "description") if not getattr(text, name).strip()]:
        return f"the listing has no {' and no '.join(blank)}: give the whole text"
    if parsing.CONTROL.search("".join([text.title, text.description, *text.key_features, *text.seo_keywords])):
        return "the listing holds control characters: remove them"
    return None


def apply(db: Database, edit: Edit) -> EditOutcome:
    """Replace a product's text by an edit. `unchanged`: the product already has this text.

    Raises EditError for an unknown product, and for a listing without title or description.
    """
    current = next(iter(db.query(CURRENT, {"product_id": edit.product_id})), None)
    if current is None:
        raise EditError(f"there is no product {edit.product_id}: correct product_id")
    if reason := problem(edit.listing):
        raise EditError(reason)
    replaced = Listing(**current["listing"]) if current["listing"] else None
    if replaced == edit.listing:
        return "unchanged"
    written = edit.listing.model_dump() | {
        "product_id": edit.product_id,
        "content_hash": edit.listing.content_hash,
        "facts_hash": current["facts_hash"],
    }
    by = {"provider": REVIEWER, "model": edit.reviewer, "prompt_version": REVIEWER, "generated_at": edit.edited_at}
    # The revision of the previous text: if the edit is rejected, the next request is a new one.
    by |= {"status": "complete", "revision": current["revision"], "parser_version": parsing.VERSION}
    by |= {"written_by": edit.reviewer, "user_preferences": json.dumps(edit.user_preferences)}
    db.upsert("content.generated_content", [written | by | {"seconds": 0.0, "cost_usd": 0.0}], ["product_id"])
    row = {name: written[name] for name in ("product_id", "content_hash", "facts_hash")}
    row |= edit.model_dump(include={"reviewer", "comment", "edited_at"})
    row["user_preferences"] = by["user_preferences"]
    if replaced:
        row |= {
            "replaced": replaced.model_dump_json(),
            "replaced_content_hash": current["content_hash"],
            "replaced_provider": current["provider"],
            "replaced_model": current["model"],
        }
    db.append("content.edits", [row])
    return "kept"


class EditImport(RowImport):
    """Result of importing edits."""

    kept: int
    unchanged: int = Field(description="The product already has this text.")
    superseded: int = Field(description="A later row has the same product.")


class GivenEdit(BaseModel):
    """A row of a file. Unknown fields are rejected: one may be a misspelt part of the text."""

    model_config = ConfigDict(extra="forbid")

    product_id: str = Field(min_length=1)
    listing: Listing
    reviewer: str = Field(min_length=1)
    comment: str = ""
    user_preferences: dict[str, str] = Field(default_factory=dict)


def files_beside(paths: Iterable[Path]) -> list[Path]:
    """Return the files of edits in these folders of feeds."""
    return [path / EDITS_FILE for path in paths if (path / EDITS_FILE).is_file()]


def import_file(
    db: Database,
    path: Path,
    *,
    now: datetime,
    once: bool = False,
    refusal: Callable[[GivenEdit], str | None] = lambda _: None,
) -> EditImport:
    """Apply the last edit of each product in a file, except unusable rows. Idempotent.

    path: rows of {product_id, listing, reviewer, comment?}. now: time of the edits. once: skip edits that were applied
    before, whatever replaced them since. refusal: why a row is not wanted. Raises RowFileError if the file as a whole
    can't be read.
    """
    read = row_files.read(path, GivenEdit, refusal=refusal)
    last = {given.product_id: (line, given) for line, given in read.rows}
    counts = {"kept": 0, "unchanged": 0, "superseded": len(read.rows) - len(last)}
    applied = set()
    if once:
        applied = {tuple(row.values()) for row in db.query("select product_id, content_hash from content.edits")}
    for line, given in last.values():
        if (given.product_id, given.listing.content_hash) in applied:
            counts["unchanged"] += 1
            continue
        try:
            counts[apply(db, Edit(**dict(given), edited_at=now))] += 1
        except EditError as error:
            read.problems.append(RowProblem(line=line, reason=str(error)))
    read.problems.sort(key=lambda problem: problem.line)
    return EditImport(rows=read.total, problems=read.problems, **counts)
