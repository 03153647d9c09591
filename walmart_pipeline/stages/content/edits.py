"""Reviewers' texts, put in place of generated ones: `content.generated_content` and `content.edits`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from walmart_pipeline.core import row_files
from walmart_pipeline.core.records import Listing, Record
from walmart_pipeline.core.row_files import RowImport, RowProblem
from walmart_pipeline.core.warehouse import Database, struct
from walmart_pipeline.generation import parsing

# Who wrote it, where a provider's name stands.
REVIEWER = "reviewer"

Kept: TypeAlias = Literal["kept", "unchanged"]

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
    """An edit can't be kept; the message says why."""


class Edit(Record):
    """A listing as a reviewer wants it."""

    product_id: str
    listing: Listing
    reviewer: str
    comment: str = ""
    edited_at: datetime


def keep(db: Database, edit: Edit) -> Kept:
    """Put a reviewer's text in the place of the product's. `unchanged`: it is the text that the product has.

    Raises EditError for a product that is not in the catalog, and for a listing without title and description.
    """
    current = next(iter(db.query(CURRENT, {"product_id": edit.product_id})), None)
    if current is None:
        raise EditError(f"there is no product {edit.product_id}: correct product_id")
    if blank := [name for name in ("title", "description") if not getattr(edit.listing, name).strip()]:
        raise EditError(f"the listing has no {' and no '.join(blank)}: give the whole text")
    text = edit.listing
    if parsing.CONTROL.search("".join([text.title, text.description, *text.key_features, *text.seo_keywords])):
        raise EditError("the listing holds control characters: remove them")
    replaced = Listing(**current["listing"]) if current["listing"] else None
    if replaced == edit.listing:
        return "unchanged"
    written = edit.listing.model_dump() | {
        "product_id": edit.product_id,
        "content_hash": edit.listing.content_hash,
        "facts_hash": current["facts_hash"],
    }
    by = {"provider": REVIEWER, "model": edit.reviewer, "prompt_version": REVIEWER, "generated_at": edit.edited_at}
    # Of the text before, so that a rejected edit is asked for as a question that was not asked yet.
    by |= {"status": "complete", "revision": current["revision"], "parser_version": parsing.VERSION}
    by |= {"written_by": edit.reviewer}
    db.upsert("content.generated_content", [written | by | {"seconds": 0.0, "cost_usd": 0.0}], ["product_id"])
    kept = {name: written[name] for name in ("product_id", "content_hash", "facts_hash")}
    kept |= edit.model_dump(include={"reviewer", "comment", "edited_at"})
    if replaced:
        kept |= {
            "replaced": replaced.model_dump_json(),
            "replaced_content_hash": current["content_hash"],
            "replaced_provider": current["provider"],
            "replaced_model": current["model"],
        }
    db.append("content.edits", [kept])
    return "kept"


class EditImport(RowImport):
    """What became of the rows of a file."""

    kept: int
    unchanged: int = Field(description="The product has this text already.")
    superseded: int = Field(description="A later row is about the same product.")


class GivenEdit(BaseModel):
    """A row of a file. Unknown fields are refused: one may be a misspelt part of the text."""

    model_config = ConfigDict(extra="forbid")

    product_id: str = Field(min_length=1)
    listing: Listing
    reviewer: str = Field(min_length=1)
    comment: str = ""


def import_file(db: Database, path: Path, *, now: datetime) -> EditImport:
    """Keep the last edit of each product in a file, but for rows that can't be used. A file twice changes nothing.

    path: rows of {product_id, listing, reviewer, comment?}. now: when they were made.
    Raises RowFileError if the file as a whole can't be read.
    """
    read = row_files.read(path, GivenEdit)
    last = {given.product_id: (line, given) for line, given in read.rows}
    counts = {"kept": 0, "unchanged": 0, "superseded": len(read.rows) - len(last)}
    for line, given in last.values():
        try:
            counts[keep(db, Edit(**dict(given), edited_at=now))] += 1
        except EditError as error:
            read.problems.append(RowProblem(line=line, reason=str(error)))
    read.problems.sort(key=lambda problem: problem.line)
    return EditImport(rows=read.total, problems=read.problems, **counts)
