"""A product with a listing as a line of JSON, and the judge's answer to it as another.

Belongs here: reading lines and telling what is wrong with one. Does not: where they come from, or the judgement
(judge.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from walmart_pipeline.core.records import Listing, Product, QualityReport, Record
from walmart_pipeline.judge.duplicates.uniqueness import Signature, signatures
from walmart_pipeline.judge.judge import Judge

# Of a listing until it is known what it resembles.
ALONE = 100.0
# Judged rule by rule; twice as many gain nothing more.
TOGETHER = 100


class Pair(Record):
    """One line: a product and a text about it."""

    product: Product
    listing: Listing


def answers(lines: Sequence[str], judge: Judge) -> list[str]:
    """The answer to each line {"product": …, "listing": …}, as JSON on one line, in order.

    {"report": a QualityReport, "signature": uniqueness.Signature or null}, where the report takes a listing that has a
    signature for unique; or {"error": what is wrong with the line}.
    """
    return [
        told for start in range(0, len(lines), TOGETHER) for told in _answers(lines[start : start + TOGETHER], judge)
    ]


def _answers(lines: Sequence[str], judge: Judge) -> list[str]:
    read = [_read(line) for line in lines]
    cases = judge.cases([(pair.product, pair.listing) for pair in read if isinstance(pair, Pair)])
    marks = signatures(cases)
    reports = judge.verdicts(cases, [ALONE if mark else None for mark in marks])
    judged = zip(reports, marks, strict=True)
    return [_told(*next(judged)) if isinstance(pair, Pair) else pair for pair in read]


def _read(line: str) -> Pair | str:
    """The pair, or the answer to a line that is none."""
    try:
        return Pair.model_validate_json(line)
    except ValidationError as error:
        return json.dumps({"error": "; ".join(_explained(item) for item in error.errors())}, ensure_ascii=False)


def _told(report: QualityReport, mark: Signature | None) -> str:
    # A list of numbers and a name in hexadecimal digits look in JSON as they do here.
    told = (
        f'{{"family":"{mark.family}","text_key":{mark.text_key},"bands":{mark.bands},"bits":{mark.bits}}}'
        if mark
        else "null"
    )
    return f'{{"report":{report.model_dump_json()},"signature":{told}}}'


def _explained(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"not JSON: {error['ctx']['error']}"
    return f"{'.'.join(str(part) for part in error['loc']) or 'line'}: {error['msg']}"
