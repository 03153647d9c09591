"""Serves the cross-encoder: how surely a statement is not supported by the passages of the record beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FOLDER = Path(__file__).parent / "weights"
MODEL, TOKENIZER = FOLDER / "model.onnx", FOLDER / "tokenizer.json"
# The longest pair that the encoder was trained on, in tokens.
MAX_TOKENS = 128
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def logits(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Log odds that a statement is not supported, for pairs of passages and statement, in order.

    One pair at a time: 8-bit activations are scaled by all that is read at once, so that a pair's logit would depend on
    its company. Batches of 8 or 32 are no faster on a core (110 pairs a second).
    """
    return [_logit(*pair) for pair in pairs]


# A text is judged when it is written, for its score, and among the texts that models are compared by, in one process:
# each of its pairs takes 9 ms the first time. 32,768 pairs are 30 MB.
@lru_cache(maxsize=1 << 15)
def _logit(premise: str, statement: str) -> float:
    import numpy as np

    tokens = _tokenizer().encode(premise, statement)
    columns = (tokens.ids, tokens.attention_mask, token_types(tokens.ids, tokens.type_ids))
    inputs = {name: np.array([column], dtype=np.int64) for name, column in zip(INPUTS, columns, strict=True)}
    (output,) = _session().run(["logit"], inputs)
    return float(output[0])


def token_types(ids: Sequence[int], segments: Sequence[int]) -> list[int]:
    """0 for a token of the passages, 1 for one of the statement that the passages have too, 2 for any other."""
    premise = {token for token, segment in zip(ids, segments, strict=True) if segment == 0}
    return [0 if segment == 0 else 1 if token in premise else 2 for token, segment in zip(ids, segments, strict=True)]


@cache
def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.no_padding()
    # The passages are cut, and a statement only where it is longer than they are.
    tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")
    return tokenizer


@cache
def _session() -> Any:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # 0 uses every core; a worker process of the judge has one.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    return InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])
