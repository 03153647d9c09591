"""The PARAMETERs that Ollama knows, and which literals each takes.

Belongs here: names, types, literals. Does not: good values for our models (tiers.py).

Source: api.Options and api.FormatParams of Ollama v0.33.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Scalar: TypeAlias = int | float | bool | str
Value: TypeAlias = Scalar | list[str]
Kind: TypeAlias = Literal["int", "float", "bool", "list"]

KINDS: dict[str, Kind] = {
    "num_ctx": "int",
    "num_batch": "int",
    "num_gpu": "int",
    "main_gpu": "int",
    "num_thread": "int",
    "draft_num_predict": "int",
    "num_keep": "int",
    "seed": "int",
    "num_predict": "int",
    "top_k": "int",
    "repeat_last_n": "int",
    "top_p": "float",
    "min_p": "float",
    "typical_p": "float",
    "temperature": "float",
    "repeat_penalty": "float",
    "presence_penalty": "float",
    "frequency_penalty": "float",
    "use_mmap": "bool",
    "stop": "list",
}

# Accepted and ignored, whatever their value.
DEPRECATED = frozenset(
    (
        "penalize_newline",
        "low_vram",
        "f16_kv",
        "logits_all",
        "vocab_only",
        "use_mlock",
        "mirostat",
        "mirostat_tau",
        "mirostat_eta",
    )
)

# Go's strconv.ParseBool, ParseInt(…, 10, 64) and ParseFloat(…, 32), less what JSON, in which a client sends the
# value on, cannot write: NaN, Inf, hexadecimal floats and underscores between digits.
BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LARGEST_INTEGER = 2**63 - 1
# From here on a value no longer rounds to a finite 32-bit float.
FLOAT_LIMIT = 2.0**128 - 2.0**103


def typed(name: str, literal: str) -> Scalar:
    """A literal as the parameter's type; the literal itself where it does not fit or the name is unknown."""
    kind = KINDS.get(name)
    if kind == "bool":
        return BOOLEANS.get(literal, literal)
    if kind == "int" and INTEGER.fullmatch(literal) and -LARGEST_INTEGER - 1 <= int(literal) <= LARGEST_INTEGER:
        return int(literal)
    if kind == "float" and FLOAT.fullmatch(literal) and abs(float(literal)) < FLOAT_LIMIT:
        return float(literal)
    return literal


def literal(value: Scalar) -> str:
    """A value as a PARAMETER line takes it, without quotation marks."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def complaint(name: str, value: Scalar) -> str | None:
    """Why Ollama would refuse a parameter as `typed` returned it; None if it would not."""
    if name in DEPRECATED or KINDS.get(name) == "list":
        return None
    if not name:
        return "unknown parameter '': PARAMETER and the name stand one space apart"
    if name not in KINDS:
        return f"unknown parameter {name!r}"
    if not isinstance(value, str):
        return None
    hint = "; a comment needs a line of its own" if "#" in value else ""
    return f"{name} takes a value of type {KINDS[name]}, not {value!r}{hint}"
