"""The listing with which the benchmarks' server answers: the facts of the request, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

# Of the sample's products the judge gives whole listings 79 points, lean ones 78, and terse ones, which are not
# publishable, 66.
LEAN_CHARACTERS, TERSE_FEATURES = 700, 2


def write(messages: Sequence[dict[str, str]], *, shouting: bool = False, lean: bool = False, terse: str = "") -> str:
    """The JSON of a listing of the product that the last message with facts is about.

    shouting: the title breaks a rule, until that is complained about. lean: without an example before the request, stop
    early. terse: of a product whose facts have this text, list few features.
    """
    asked = [found for message in messages if (found := _facts(message["content"]))]
    if asked:
        facts = asked[-1]
    else:
        words = re.findall(r"[\w.%-]+", messages[-1]["content"]) or ["item"]
        facts = {"product_name": " ".join(words[:12]), "features": [" ".join(words[:8])] * 4}
    is_repair = messages[-1]["role"] == "user" and _facts(messages[-1]["content"]) is None and len(messages) > 2
    title = f"{facts['product_name']} FREE SHIPPING" if shouting and not is_repair else facts["product_name"]
    stated = facts.get("features") or [facts["product_name"]]
    # Paragraphs of the record; what else it says is too short for a sentence.
    prose = [text for text in stated if text.endswith(".")]
    features = [text for text in stated if text not in prose] or stated
    description = "\n\n".join(prose) or " ".join(f"{text}." for text in features)
    if lean and len(asked) == 1:
        description = _shortened(description)
    if terse and terse in json.dumps(facts, ensure_ascii=False):
        features = features[:TERSE_FEATURES]
    return json.dumps(
        {"title": title, "key_features": features[:5], "description": description, "seo_keywords": ["kettle"]}
    )


def _shortened(text: str) -> str:
    """The first sentences of a text."""
    return text[: text.find(". ", LEAN_CHARACTERS) + 1] or text


def _facts(content: str) -> dict[str, Any] | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "product_name" in value else None
