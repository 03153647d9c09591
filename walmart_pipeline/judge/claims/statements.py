"""Divides a listing into statements: the title, each key feature, each sentence of the description."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from walmart_pipeline.text import sentences


class Statement(NamedTuple):
    """One sentence, feature or title of a listing, with its span in the field."""

    field: str
    start: int
    end: int
    text: str


def statements(fields: Iterable[tuple[str, str]]) -> Iterator[Statement]:
    """The statements of fields, (name, text) each; only a description is divided into sentences."""
    for field, text in fields:
        spans = sentences.spans(text) if field == "description" else ((0, len(text)),)
        for start, end in spans:
            if stripped := text[start:end].strip():
                first = text.index(stripped, start)
                yield Statement(field, first, first + len(stripped), stripped)
