"""Reads a list of model servers: addresses separated by commas, each with its weight if it has one."""

from __future__ import annotations

import re

WEIGHT = re.compile(r"=(\d+(?:\.\d+)?)$")


def weights(text: str) -> dict[str, float]:
    """Weight of each server by its address, in their order: `http://a:11434=3, http://b:11434` gives 3 and 1."""
    found: dict[str, float] = {}
    for server in filter(None, map(str.strip, text.split(","))):
        weight = WEIGHT.search(server)
        found[WEIGHT.sub("", server).strip()] = (float(weight[1]) if weight else 0.0) or 1.0
    return found
