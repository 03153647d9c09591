"""Serves the cross-encoder: how surely a statement is not supported by the passages of the record beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOLDER = Path(__file__).parent / "weights"
MODEL, TOKENIZER = FOLDER / "model.onnx", FOLDER / "tokenizer.json"
# The longest pair that the encoder was trained on, in tokens.
MAX_TOKENS = 128
BATCH = 32


def is_available() -> bool:
    """Whether the weights are there."""
    return MODEL.is_file() and TOKENIZER.is_file()


def logits(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Log odds that a statement is not supported, for pairs of passages and statement, in order."""
    import numpy as np

    found = [0.0] * len(pairs)
    for places, inputs in _batches(pairs):
        (output,) = _session().run(["logit"], inputs)
        for place, value in zip(places, np.asarray(output, dtype=float), strict=True):
            found[place] = float(value)
    return found


def _batches(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[list[int], dict[str, Any]]]:
    """Pairs of similar length together, so that few tokens are padding."""
    import numpy as np

    if not pairs:
        return
    encoded = _tokenizer().encode_batch(list(pairs))
    order = sorted(range(len(pairs)), key=lambda place: len(encoded[place].ids))
    for first in range(0, len(order), BATCH):
        places = order[first : first + BATCH]
        longest = len(encoded[places[-1]].ids)
        inputs = {
            name: np.zeros((len(places), longest), dtype=np.int64)
            for name in ("input_ids", "attention_mask", "token_type_ids")
        }
        for row, place in enumerate(places):
            tokens = encoded[place]
            types = token_types(tokens.ids, tokens.type_ids)
            for name, values in zip(inputs, (tokens.ids, tokens.attention_mask, types), strict=True):
                inputs[name][row, : len(values)] = values
        yield places, inputs


def token_types(ids: Sequence[int], segments: Sequence[int]) -> list[int]:
    """0 for a token of the passages, 1 for one of the statement that the passages have too, 2 for any other."""
    premise = {token for token, segment in zip(ids, segments, strict=True) if segment == 0}
    return [0 if segment == 0 else 1 if token in premise else 2 for token, segment in zip(ids, segments, strict=True)]


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    # The statement is never cut off, only the passages.
    tokenizer.enable_truncation(MAX_TOKENS, strategy="only_first")
    return tokenizer


@cache
def _session() -> Any:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # 0 uses every core; a worker process of the judge has one.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    return InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
