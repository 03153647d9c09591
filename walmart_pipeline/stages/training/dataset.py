"""What a dataset holds, and the version that its content has.

Belongs here: fingerprint and figures of a dataset, the next version. Does not: how examples are chosen (selection.py)
or stored (dataset_store.py), or how they are written to files (example_files.py).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from pydantic import AliasChoices, Field

from walmart_pipeline.core.records import Record, TrainingExample, content_hash
from walmart_pipeline.stages.training.split_assignment import Split


class DatasetExample(Record):
    """An example with the product it is about and the split it stands on."""

    product_id: str
    split: Split
    source: str = "accepted"
    example: TrainingExample


class Contents(Record):
    """What is in a dataset, in figures."""

    fingerprint: str = Field(description="32 hex digits.")
    counts: dict[Split, int] = Field(description="Examples of each split; every split is named.")
    sources: dict[str, int] = Field(description="Examples from each source.")
    mean_quality: float | None = Field(description="0 to 100; None for a dataset without examples.")


class Version(Record):
    """A dataset that models are built from, named for good by its content."""

    number: int = Field(ge=1)
    fingerprint: str
    parent: int | None = Field(description="Number of the version before; None for the first.")
    counts: dict[Split, int]
    mean_quality: float | None
    thresholds: dict[str, float] = Field(description="What an example had to reach when the version was made.")
    policy: str = Field(description="Policy under which quality was judged, such as walmart-2025@3f2a….")
    sources: dict[str, int] = Field(default_factory=dict, description="Examples from each source.")
    excluded: dict[str, int] = Field(
        default_factory=dict,
        # A version.json of an earlier release has `left_out`.
        validation_alias=AliasChoices("excluded", "left_out"),
        description="Examples that did not go in, by reason.",
    )

    @property
    def name(self) -> str:
        """As users see it: v3."""
        return f"v{self.number}"


def contents(examples: Iterable[DatasetExample]) -> Contents:
    """Fingerprint and figures, in one pass: 16 bytes are kept for each example.

    The fingerprint covers what a model can learn: product_id, split, input and output of each example. Timestamps,
    generation times, scores and ratings are left out, so a second run over the same texts is the same dataset.
    The order of the examples does not matter.
    """
    digests: list[bytes] = []
    qualities: list[float] = []
    counts: dict[Split, int] = dict.fromkeys(get_args(Split), 0)
    sources: Counter[str] = Counter()
    for row in examples:
        learned = {
            "product_id": row.product_id,
            "side": row.split,
            "input": row.example.input.model_dump(),
            "output": row.example.output.model_dump(),
        }
        digests.append(bytes.fromhex(content_hash(learned)))
        qualities.append(row.example.metadata.quality_score)
        counts[row.split] += 1
        sources[row.source] += 1
    return Contents(
        fingerprint=hashlib.blake2b(b"".join(sorted(digests)), digest_size=16).hexdigest(),
        counts=counts,
        sources=dict(sorted(sources.items())),
        # fsum: exact, so that the order of the examples does not show in the last digit.
        mean_quality=math.fsum(qualities) / len(qualities) if qualities else None,
    )


def next_version(
    previous: Sequence[Version],
    found: Contents,
    *,
    thresholds: dict[str, float],
    policy: str,
    excluded: dict[str, int] | None = None,
) -> Version:
    """The version of a dataset: the one that already has its fingerprint, as it was made, or the next number.

    The parent of a new version is the latest by number, whatever the order of `previous`.
    """
    for version in previous:
        if version.fingerprint == found.fingerprint:
            return version
    latest = max((version.number for version in previous), default=None)
    return Version(
        number=1 if latest is None else latest + 1,
        parent=latest,
        fingerprint=found.fingerprint,
        counts=found.counts,
        mean_quality=found.mean_quality,
        thresholds=thresholds,
        policy=policy,
        sources=found.sources,
        excluded=excluded or {},
    )
