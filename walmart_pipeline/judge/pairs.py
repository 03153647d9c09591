"""Judges pairs of a product and a listing, as JSON lines in and out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from walmart_pipeline.core.records import Listing, Product, QualityReport, Record
from walmart_pipeline.judge.duplicates.uniqueness import Signature, signature
from walmart_pipeline.judge.judge import Judge

# Uniqueness of a listing until its nearest copy is known.
ALONE = 100.0


class Pair(Record):
    """One line: a product and a text about it."""

    product: Product
    listing: Listing


class PairReport(Record):
    """The report of a pair: until copies are known, a listing with a signature counts as unique."""

    report: QualityReport
    signature: Signature | None


def reports(lines: Sequence[str], judge: Judge) -> list[str]:
    """Judge each line {"product": …, "listing": …}; returns a PairReport or {"error": reason} as JSON, in order."""
    return [_report(line, judge) for line in lines]


def _report(line: str, judge: Judge) -> str:
    try:
        pair = Pair.model_validate_json(line)
    except ValidationError as error:
        return json.dumps({"error": "; ".join(_explained(item) for item in error.errors())}, ensure_ascii=False)
    case = judge.case(pair.product, pair.listing)
    found = signature(case)
    return PairReport(report=judge.judge(case, ALONE if found else None), signature=found).model_dump_json()


def _explained(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"not JSON: {error['ctx']['error']}"
    return f"{'.'.join(str(part) for part in error['loc']) or 'line'}: {error['msg']}"
