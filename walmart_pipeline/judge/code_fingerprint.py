"""A fingerprint of the judge's code and data: reports of another judge are out of date."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
FOLDERS = ("judge", "text")
SUFFIXES = frozenset({".py", ".yaml", ".json", ".npz", ".onnx"})

# Files that only move reports around. All others count as the judge: a needless judgement costs half a millisecond, a
# missing one leaves a wrong report.
EXCLUDED = frozenset({"scoring.py", "workers.py"})


@cache
def fingerprint() -> str:
    """Hash (32 hex digits) of the judge's code and word lists; profiles have versions of their own."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(path for folder in FOLDERS for path in (PACKAGE / folder).rglob("*")):
        part = path.relative_to(PACKAGE)
        is_profile = part.parts[1] == "policy" and path.suffix == ".yaml"
        if path.suffix in SUFFIXES and part.parts[1] not in EXCLUDED and not is_profile:
            digest.update(f"{part.as_posix()}\0".encode())
            digest.update(hashlib.blake2b(path.read_bytes()).digest())
    return digest.hexdigest()
