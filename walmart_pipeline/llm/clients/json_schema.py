"""Whether an answer is the JSON that was asked for.

Belongs here: what makes an answer worth asking for once more. Does not: reading it (generation/parsing.py), or its
quality.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def unfit(text: str, schema: Mapping[str, Any] | None) -> str | None:
    """Why the text is not what the schema asks for, for a user; None where it is, or where no schema was given.

    Looks at the outermost object only: servers hold a model to the schema while it writes, so what reaches us broken
    is cut short or written by a server that ignored the schema.
    """
    if not text.strip():
        return "the answer is empty"
    if schema is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"the answer is not JSON: {error}"
    if not isinstance(value, dict):
        return f"the answer is not a JSON object but {type(value).__name__}"
    missing = [name for name in schema.get("required", ()) if name not in value]
    return f"the answer lacks {', '.join(missing)}" if missing else None
