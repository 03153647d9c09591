"""Imports examples from a training_data.json, each judged against its own input: `training.imports`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Listing, Product, QualityReport, Record, TrainingExample, content_hash
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import near_duplicates, published_schema
from walmart_pipeline.stages.training.near_duplicates import Corpus
from walmart_pipeline.stages.training.published_schema import Flaw
from walmart_pipeline.stages.training.selection import QUALITY_AT_LEAST

Verdict = Literal["accepted", "refused"]

# Stored reasons of a refusal.
MAX_REASONS = 5

KNOWN = "select count(*) from training.imports where source_file = $source_file and digest = $digest"

ROWS = """
select source_row, verdict, reasons, flaws
from training.imports
where source_file = $source_file
order by source_row
"""

# The first row of the same example may be in another file.
EXACT_COPIES = """
update training.imports
set
    verdict = 'refused',
    reasons = ['exact copy of row ' || first.source_row || ' of ' || first.source_file],
    flaws = list_append(flaws, {'kind': 'exact copy', 'detail': first.source_file || ':' || first.source_row})
from (
    select product_id, min(struct_pack(imported_at, source_file, source_row)) as first
    from training.imports
    where product_id is not null
    group by product_id
    having count(*) > 1
) as copies
where imports.product_id = copies.product_id
    and imports.source_file = $source_file
    and (imports.source_file, imports.source_row) <> (copies.first.source_file, copies.first.source_row)
"""

NEAR_COPIES = """
update training.imports
set flaws = list_append(flaws, {'kind': 'near-copy', 'detail': 'of row ' || copies.first})
from (
    select product_id, min(source_row) over (partition by coalesce(root, sketch_key)) as first
    from imported_texts
    left join connected on node = sketch_key
    join training.imports using (product_id)
    where sketch_key is not null and source_file = $source_file and verdict = 'accepted'
) as copies
where imports.product_id = copies.product_id
    and imports.source_file = $source_file
    and imports.verdict = 'accepted'
    and imports.source_row <> copies.first
"""

ACCEPTED = """
select product_id, example::varchar as text
from training.imports
where verdict = 'accepted' and source_file = $source_file
"""

IMPORTED_TEXTS = Corpus(
    name="import",
    table="imported_texts",
    texts="select product_id, example::varchar as text from training.imports "
    "semi join texts_to_compare using (product_id)",
    read=near_duplicates.example_output,
)

UNJUDGED = """
select source_file, source_row, product::varchar as product, example::varchar as example
from training.imports
where example is not null
    and policy is distinct from $policy
    and not list_contains(list_transform(flaws, flaw -> flaw.kind), 'exact copy')
"""


class ImportFileError(UserError, ValueError):
    """The file as a whole can't be read."""


class ImportedRow(Record):
    """The result of one row, numbered from 1."""

    row: int
    verdict: Verdict
    reasons: list[str]
    flaws: list[Flaw]


class ExampleImport(Record):
    """The result of a file."""

    source_file: str
    is_new: bool = Field(description="False if the same file was imported before and nothing changed.")
    rows: int
    accepted: int
    refused: int
    flaws: dict[str, int] = Field(description="Number of rows by kind of flaw.")
    # The JSON key is published.
    problems: list[ImportedRow] = Field(serialization_alias="told", description="Rows refused or with a flaw.")


def import_file(
    db: Database, path: Path, judge: Judge, *, now: datetime, name: str = "", rows: Iterable[Row] | None = None
) -> ExampleImport:
    """Read, judge and store the examples of a file.

    A known file changes nothing; a newer one of the same name replaces its rows. A row is accepted if its text is
    publishable against its own input, with a score of at least 70. name: what it is stored as, if not its own name.
    rows: of `judged`, where nobody shall wait for the judge. Raises ImportFileError if the file is no JSON list; the
    caller must then roll back the transaction.
    """
    source_file, digest = name or path.name, _digest(path)
    is_new = not db.value(KNOWN, {"source_file": source_file, "digest": digest})
    if is_new:
        db.execute("delete from training.imports where source_file = ?", [source_file])
        about = {"source_file": source_file, "digest": digest, "imported_at": now}
        db.append("training.imports", (about | row for row in rows or judged(path, judge, now=now)))
        db.execute(EXACT_COPIES, {"source_file": source_file})
        _note_near_copies(db, judge, source_file)
    return _result(db, source_file, is_new)


def judge_again(db: Database, judge: Judge) -> None:
    """Rescore imported examples that were judged under another policy."""
    keys = ["source_file", "source_row"]
    for page in db.pages(UNJUDGED, {"policy": judge.policy.label}):
        for row in page:
            product = Product.model_validate_json(row["product"])
            example = TrainingExample.model_validate_json(row["example"])
            db.execute(
                "update training.imports set verdict = $verdict, reasons = $reasons, score = $score, policy = $policy "
                "where source_file = $source_file and source_row = $source_row",
                _verdict(judge.report(product, _listing(example))) | {key: row[key] for key in keys},
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def judged(path: Path, judge: Judge, *, now: datetime) -> Iterator[Row]:
    """Yield the rows of a file with their verdicts. Raises ImportFileError if the file is no JSON list."""
    least = judge.policy.limits.description_min_words
    for number, raw in enumerate(_items(path), start=1):
        example, flaws = published_schema.read(raw, description_min_words=least, now=now)
        row = {"source_row": number, "flaws": [flaw.model_dump() for flaw in flaws]}
        if example is None:
            yield row | {"verdict": "refused", "reasons": [f"{flaws[-1].kind}: {flaws[-1].detail}"]}
            continue
        product = _product(example)
        yield row | {
            "product_id": product.product_id,
            "facts_hash": product.facts_hash,
            "product": product.model_dump_json(),
            "example": example.model_dump_json(),
            **_verdict(judge.report(product, _listing(example))),
        }


def _items(path: Path) -> Iterator[Any]:
    import ijson

    with path.open("rb") as file:
        if file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"[":
            raise ImportFileError(f"{path}: not a JSON list: give a list of {{timestamp, input, output, metadata}}")
        file.seek(0)
        if file.read(3) != b"\xef\xbb\xbf":
            file.seek(0)
        try:
            yield from ijson.items(file, "item", use_float=True)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise ImportFileError(f"{path}: not JSON to its end ({error}): correct it, or export it again") from error


def _product(example: TrainingExample) -> Product:
    """Return the product of an input, with the brand from a feature `Brand: …`, as in our own exports."""
    given = example.input
    brand = next((line.removeprefix("Brand: ") for line in given.features if line.startswith("Brand: ")), None)
    learned = {"input": given.model_dump(), "output": example.output.model_dump()}
    return Product(
        product_id=f"import-{content_hash(learned)[:16]}",
        product_name=given.product_name,
        brand=brand,
        category=prompt.lines(given.category.split(">")),
        features=[line for line in given.features if not line.startswith("Brand: ")],
    )


def _listing(example: TrainingExample) -> Listing:
    return Listing.model_validate(prompt.answer(example.output))


def _verdict(report: QualityReport) -> Row:
    reasons = [f"{found.rule}: {found.message}" for found in report.violations if found.severity == "blocking"]
    if report.score < QUALITY_AT_LEAST:
        reasons.append(f"the score of {report.score:.1f} is below {QUALITY_AT_LEAST:.0f}")
    elif not report.publishable and not reasons:
        reasons.append(f"the score of {report.score:.1f} is below the policy's threshold")
    return {
        "verdict": "refused" if reasons else "accepted",
        "reasons": reasons[:MAX_REASONS],
        "score": report.score,
        "policy": report.policy,
    }


def _note_near_copies(db: Database, judge: Judge, source_file: str) -> None:
    """Add a flaw to each accepted row that is a near-copy of an earlier one."""
    db.execute("create or replace temp table imported_texts as from training.outputs limit 0")
    for page in db.pages(ACCEPTED, {"source_file": source_file}):
        texts = ((row["product_id"], near_duplicates.example_output(row["text"])) for row in page)
        db.append("imported_texts", ({"product_id": key} | near_duplicates.sketch(judge, text) for key, text in texts))
    near_duplicates.update(db, IMPORTED_TEXTS)
    near_duplicates.connect(db, "select one, other from training.near_copies where corpus = 'import'")
    db.execute(NEAR_COPIES, {"source_file": source_file})
    db.execute("delete from training.near_copies where corpus = 'import'")


def _result(db: Database, source_file: str, is_new: bool) -> ExampleImport:
    verdicts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    problems = []
    for rows in db.stream(ROWS, {"source_file": source_file}):
        for row in rows:
            found = ImportedRow(
                row=row["source_row"],
                **{name: row[name] or [] for name in ("reasons", "flaws")},
                verdict=row["verdict"],
            )
            verdicts[found.verdict] += 1
            kinds.update({flaw.kind for flaw in found.flaws})
            if found.reasons or found.flaws:
                problems.append(found)
    return ExampleImport(
        source_file=source_file,
        is_new=is_new,
        rows=verdicts.total(),
        accepted=verdicts["accepted"],
        refused=verdicts["refused"],
        flaws=dict(sorted(kinds.items())),
        problems=problems,
    )
