"""Lines of products with their listings, judged one by one.

Belongs here: reading the lines and telling which one is wrong.
Does not: the files (cli.py) or the judgement (judge.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.records import Listing, Product, Record


class Pair(Record):
    """One line: a product and a text about it."""

    product: Product
    listing: Listing


def score_pairs(lines: Iterable[str], judge: Judge) -> Iterator[dict[str, Any]]:
    """Each line {"product": …, "listing": …} as a QualityReport in plain JSON values, in order.

    A line that is no such pair gives {"line": n, "error": "…"}, counted from 1; blank lines are passed over.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            pair = Pair.model_validate(json.loads(line))
        except (json.JSONDecodeError, RecursionError) as error:
            yield {"line": number, "error": f"not JSON: {error}"}
        except ValidationError as error:
            yield {"line": number, "error": "; ".join(_explained(item) for item in error.errors())}
        else:
            yield judge.report(pair.product, pair.listing).model_dump(mode="json")


def _explained(error: Any) -> str:
    return f"{'.'.join(str(part) for part in error['loc']) or 'line'}: {error['msg']}"
