"""Buckets of the catalog: a static hash of product_id, the same in SQL and Python, on every machine and version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5

# At most so many processes work side by side; a backfill takes any of them. A million ids fall into buckets of 15,300
# to 15,900. More would only make the table of partitions longer: what a process takes is a range of buckets.
BUCKETS = 64


def bucket(product_id: str) -> int:
    """The bucket of a product, 0 to BUCKETS - 1."""
    return int(md5(product_id.encode(), usedforsecurity=False).hexdigest()[:2], 16) % BUCKETS


def bucket_sql(column: str) -> str:
    """SQL for the bucket of a product_id. DuckDB's own hash() may change with its version."""
    return f"(('0x' || left(md5({column}), 2))::integer % {BUCKETS})"


def bucket_name(number: int) -> str:
    """The name of a bucket, as a partition and in files: b00."""
    return f"b{number:02}"


@dataclass(frozen=True)
class Share:
    """A range of buckets that one process takes; by default all of them."""

    first: int = 0
    last: int = BUCKETS - 1

    @property
    def name(self) -> str:
        """Its name, as a step and in files: b00_b15."""
        return f"{bucket_name(self.first)}_{bucket_name(self.last)}"

    @classmethod
    def named(cls, name: str) -> Share:
        """The share of a name."""
        first, last = (int(each.removeprefix("b")) for each in name.split("_"))
        return cls(first, last)

    def holds(self, column: str) -> str:
        """SQL for whether a product_id belongs to the share."""
        if self == EVERYTHING:
            return "true"
        return f"{bucket_sql(column)} between {self.first} and {self.last}"


EVERYTHING = Share()


def count_sql(rows: str) -> str:
    """SQL for the number of rows in each bucket of a query with a product_id."""
    return f"select {bucket_sql('product_id')} as bucket, count(*) as rows from ({rows}) group by all"


def shares(rows: Mapping[int, int], at_least: int) -> list[Share]:
    """Divide the buckets into ranges of at least so many rows each; none without rows.

    rows: number by bucket. The last range may have fewer, if there is no other that it could join.
    """
    found: list[Share] = []
    first, held = 0, 0
    for number in range(BUCKETS):
        held += rows.get(number, 0)
        if held >= at_least:
            found.append(Share(first, number))
            first, held = number + 1, 0
    if held and found:
        found[-1] = Share(found[-1].first, BUCKETS - 1)
    elif held:
        found.append(EVERYTHING)
    return found
