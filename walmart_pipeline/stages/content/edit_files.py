"""Import reviewers' texts from JSON lines, as the Studio or another tool wrote them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from walmart_pipeline.core import row_files
from walmart_pipeline.core.records import Listing
from walmart_pipeline.core.row_files import RowImport, RowProblem
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.content import edits
from walmart_pipeline.stages.content.edits import Edit, EditError


class EditImport(RowImport):
    """What became of the rows of a file."""

    kept: int
    unchanged: int = Field(description="The text that the product has already.")
    superseded: int = Field(description="A later row is about the same product.")


class GivenEdit(BaseModel):
    """A row as it came; unknown fields are refused, since one may be a misspelt part of the text."""

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
            counts[edits.keep(db, Edit(**dict(given), edited_at=now))] += 1
        except EditError as error:
            read.problems.append(RowProblem(line=line, reason=str(error)))
    read.problems.sort(key=lambda problem: problem.line)
    return EditImport(rows=read.total, problems=read.problems, **counts)
