"""Edits from a file of JSON lines, as the Studio or another tool wrote them.

Belongs here: reading a file, and telling each row that can't be used by its line and reason. Does not: keeping an edit
(edits.py).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from walmart_pipeline.core.records import Listing, Record
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.content import edits
from walmart_pipeline.stages.content.edits import Edit, EditError


class Problem(Record):
    """A row that was left out."""

    line: int
    reason: str


class Imported(Record):
    """What became of the rows of a file."""

    rows: int
    kept: int
    unchanged: int = Field(description="The text that the product has already.")
    superseded: int = Field(description="A later row is about the same product.")
    problems: list[Problem]


class GivenEdit(BaseModel):
    """A row as it came; unknown fields are refused, since one may be a misspelt part of the text."""

    model_config = ConfigDict(extra="forbid")

    product_id: str = Field(min_length=1)
    listing: Listing
    reviewer: str = Field(min_length=1)
    comment: str = ""


def import_file(db: Database, path: Path, *, now: datetime) -> Imported:
    """Keep the edits of a file, of each product the last; a bad row is told and the others are kept.

    path: JSON lines {product_id, listing, reviewer, comment?}. now: when they were made. The same file again changes
    nothing. Raises OSError and UnicodeDecodeError.
    """
    rows, superseded, problems = 0, 0, []
    wanted: dict[str, tuple[int, GivenEdit]] = {}
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            rows += 1
            try:
                given = GivenEdit.model_validate_json(text)
            except ValidationError as error:
                problems.append(Problem(line=line, reason="; ".join(map(_explained, error.errors()))))
                continue
            superseded += given.product_id in wanted
            wanted[given.product_id] = line, given
    counts = {"kept": 0, "unchanged": 0}
    for line, given in wanted.values():
        try:
            counts[edits.keep(db, Edit(**dict(given), edited_at=now))] += 1
        except EditError as error:
            problems.append(Problem(line=line, reason=str(error)))
    problems.sort(key=lambda problem: problem.line)
    return Imported(rows=rows, superseded=superseded, problems=problems, **counts)


def _explained(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"not JSON: {error['ctx']['error']}"
    return f"{'.'.join(map(str, error['loc'])) or 'row'}: {error['msg']}"
