"""Checks answers against the JSON schema of the request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Bounds, which OpenAI's strict mode and some other servers reject.
BOUNDS = frozenset(("minLength", "maxLength", "minItems", "maxItems"))
HALF_A_PAIR = re.compile("[\ud800-\udfff]")
COUNT_LARGEST = 2**31 - 1


def unfit(text: str, schema: Mapping[str, Any] | None) -> str | None:
    """Why the text is unusable or does not match the schema; None for a good one.

    Checks the outermost object only: servers enforce the schema, so a broken answer is cut or from a server that
    ignores the schema.
    """
    if not text.strip():
        return "the answer is empty"
    if HALF_A_PAIR.search(text):
        return "the answer holds half a character (a lone surrogate)"
    if schema is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"the answer is not JSON: {error}"
    if "\\ud" in text.lower() and HALF_A_PAIR.search(json.dumps(value, ensure_ascii=False)):
        return "the answer holds half a character (a lone surrogate)"
    if not isinstance(value, dict):
        return f"the answer is not a JSON object but {type(value).__name__}"
    missing = [name for name in schema.get("required", ()) if name not in value]
    return f"the answer lacks {', '.join(missing)}" if missing else None


def unbounded(schema: Any) -> Any:
    """The schema without BOUNDS."""
    if isinstance(schema, list):
        return [unbounded(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {name: unbounded(value) for name, value in schema.items() if name not in BOUNDS}


def count(value: Any, most: int = COUNT_LARGEST) -> int:
    """A server's count, limited to what every database stores; 0 if it is no number."""
    try:
        return min(max(int(value or 0), 0), most)
    except (TypeError, ValueError, OverflowError):
        return 0
