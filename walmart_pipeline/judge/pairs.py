"""A product with a listing as a line of JSON, and the judge's answer to it as another."""

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


class Answer(Record):
    """The report of a pair, which takes a listing that has a signature for unique."""

    report: QualityReport
    signature: Signature | None


def answers(lines: Sequence[str], judge: Judge) -> list[str]:
    """The answer to each line {"product": …, "listing": …}, as JSON on one line, in order.

    An Answer, or {"error": what is wrong with the line}.
    """
    return [_answer(line, judge) for line in lines]


def _answer(line: str, judge: Judge) -> str:
    try:
        pair = Pair.model_validate_json(line)
    except ValidationError as error:
        return json.dumps({"error": "; ".join(_explained(item) for item in error.errors())}, ensure_ascii=False)
    case = judge.case(pair.product, pair.listing)
    found = signature(case)
    return Answer(report=judge.verdict(case, ALONE if found else None), signature=found).model_dump_json()


def _explained(error: Any) -> str:
    if error["type"] == "json_invalid":
        return f"not JSON: {error['ctx']['error']}"
    return f"{'.'.join(str(part) for part in error['loc']) or 'line'}: {error['msg']}"
