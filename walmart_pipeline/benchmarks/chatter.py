"""Measures how well chatter is told from what is said of a product, and trains the model anew.

Labels of the project's own sentences come with their text. Those of third-party catalogs come as a hash only, and take
part where the catalog is given.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Record
from walmart_pipeline.stages.catalog import feeds, readers
from walmart_pipeline.stages.catalog.columns import Columns, read_mapping
from walmart_pipeline.stages.catalog.products import RejectedRowError, clean_row
from walmart_pipeline.text import chatter, product_text, sentences

LABELS = Path("data/judging/chatter_labels.jsonl")
FOLDS = 5


class LabelledSentence(Record):
    """A sentence of a record with what it is; labelled by language models, no people yet."""

    label: Literal["product", "chatter", "fragment"]
    drawn: Literal["random", "uncertain"]
    product: str
    text: str | None = None
    hash: str | None = None


class ChatterQuality(BaseModel):
    """Quality of the model on held-out products' randomly drawn sentences; intervals of 95 % (Wilson)."""

    labels: int
    without_text: int
    measured: int
    chatter: int
    threshold: float
    precision: float
    precision_interval: tuple[float, float]
    recall: float
    recall_interval: tuple[float, float]
    average_precision: float
    sentences_per_second: float  # of one core


def measure(labels: Path, catalogs: Sequence[Path], *, train: bool = False) -> ChatterQuality:
    """Cross-validate the model by product; with `train`, write the weights of a model of all labels.

    Measured on sentences of the catalogs if there are any, else on the project's own.
    """
    from sklearn.metrics import average_precision_score
    from sklearn.model_selection import GroupKFold

    known = _sentences(catalogs)
    given = read_labels(labels)
    found = [(each, text) for each in given if (text := each.text or known.get(each.hash or ""))]
    texts = [text for _, text in found]
    truth = np.array([each.label == "chatter" for each, _ in found])
    own = not any(each.hash for each, _ in found)
    held_out = np.array([each.drawn == "random" and (own or each.hash is not None) for each, _ in found])
    probability = np.zeros(len(found))
    products = [each.product for each, _ in found]
    for rest, fold in GroupKFold(FOLDS).split(texts, truth, products):
        weights = chatter.fit([texts[place] for place in rest], truth[rest].tolist())
        probability[fold] = chatter.probability([texts[place] for place in fold], weights)
    flagged = probability > chatter.THRESHOLD
    right = int((flagged & truth & held_out).sum())
    if train:
        chatter.save(chatter.fit(texts, truth.tolist()))
    return ChatterQuality(
        labels=len(given),
        without_text=len(given) - len(found),
        measured=int(held_out.sum()),
        chatter=int((truth & held_out).sum()),
        threshold=chatter.THRESHOLD,
        precision=_share(right, int((flagged & held_out).sum())),
        precision_interval=_interval(right, int((flagged & held_out).sum())),
        recall=_share(right, int((truth & held_out).sum())),
        recall_interval=_interval(right, int((truth & held_out).sum())),
        average_precision=round(float(average_precision_score(truth[held_out], probability[held_out])), 3),
        sentences_per_second=_speed(texts),
    )


def read_labels(path: Path) -> list[LabelledSentence]:
    """Read a file of labels. Raises UserError if there is none."""
    if not path.is_file():
        raise UserError(f"there is no file of labels at {path}: name it with --labels")
    return [LabelledSentence.model_validate_json(line) for line in path.read_text("utf-8").splitlines()]


def sentence_hash(text: str) -> str:
    """Hash of a sentence's letters and digits: mended spaces and marks change nothing."""
    return hashlib.blake2b(re.sub(r"[\W_]+", "", text.lower()).encode(), digest_size=8).hexdigest()


def _sentences(catalogs: Iterable[Path]) -> dict[str, str]:
    """The sentences of catalogs by their hash."""
    found: dict[str, str] = {}
    for feed in feeds.find(list(catalogs)):
        columns = Columns(read_mapping(feed.mapping_path))
        with readers.read(feed) as reading:
            for number, row in enumerate(reading.rows, start=1):
                try:
                    product = clean_row(row.raw, columns, source_file=feed.name, source_row=number).product
                except (RejectedRowError, json.JSONDecodeError):
                    continue
                for text in (*product.features, *product.description.splitlines()):
                    for sentence in (*product_text.divided(text), *sentences.split(text)):
                        found.setdefault(sentence_hash(sentence), sentence)
    return found


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0


def _interval(part: int, whole: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    if not whole:
        return 0.0, 1.0
    interval = binomtest(part, whole).proportion_ci(method="wilson")
    return round(interval.low, 3), round(interval.high, 3)


def _speed(texts: Sequence[str]) -> float:
    many = list(texts) * 10
    chatter.probability(many[:1])
    started = time.process_time()
    chatter.probability(many)
    return round(len(many) / (time.process_time() - started))
