"""Ollama's parameters and their types, from api.Options and api.FormatParams of v0.33."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Scalar: TypeAlias = int | float | bool | str
Value: TypeAlias = Scalar | list[str]
Kind: TypeAlias = Literal["int", "float", "bool", "list"]

_NAMES: dict[Kind, str] = {
    "int": "num_ctx num_batch num_gpu main_gpu num_thread draft_num_predict num_keep seed num_predict top_k "
    "repeat_last_n",
    "float": "top_p min_p typical_p temperature repeat_penalty presence_penalty frequency_penalty",
    "bool": "use_mmap",
    "list": "stop",
}
KINDS = {name: kind for kind, names in _NAMES.items() for name in names.split()}

# Accepted and ignored.
DEPRECATED = frozenset(
    "penalize_newline low_vram f16_kv logits_all vocab_only use_mlock mirostat mirostat_tau mirostat_eta".split()
)

# Go's strconv.ParseBool, ParseInt(…, 10, 64) and ParseFloat(…, 32), without what JSON does not support: NaN, Inf,
# hexadecimal floats and underscores between digits.
BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LARGEST_INTEGER = 2**63 - 1
# Larger values do not round to a finite 32-bit float.
FLOAT_LIMIT = 2.0**128 - 2.0**103


def typed(name: str, literal: str) -> Scalar:
    """Convert a literal to the parameter's type; unchanged if it does not fit or the name is unknown."""
    kind = KINDS.get(name)
    if kind == "bool":
        return BOOLEANS.get(literal, literal)
    if kind == "int" and INTEGER.fullmatch(literal) and -LARGEST_INTEGER - 1 <= int(literal) <= LARGEST_INTEGER:
        return int(literal)
    if kind == "float" and FLOAT.fullmatch(literal) and abs(float(literal)) < FLOAT_LIMIT:
        return float(literal)
    return literal


def literal(value: Scalar) -> str:
    """Format a value for a PARAMETER line, without quotation marks."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def complaint(name: str, value: Scalar) -> str | None:
    """Return why Ollama would reject a parameter as returned by `typed`; None if it would not."""
    if name in DEPRECATED or KINDS.get(name) == "list":
        return None
    if not name:
        return "unknown parameter '': PARAMETER and the name must be separated by one space"
    if name not in KINDS:
        return f"unknown parameter {name!r}"
    if not isinstance(value, str):
        return None
    hint = "; a comment needs a line of its own" if "#" in value else ""
    return f"{name} takes a value of type {KINDS[name]}, not {value!r}{hint}"
