"""Which side of the split a family stands on.

Belongs here: the seeded hash that decides. Does not: what a family is (duplicates/families.py), or what a dataset
holds (dataset.py).
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

Side: TypeAlias = Literal["train", "validation", "test"]

_HASH_BYTES = 8


def side(family: str, *, seed: int, validation_share: float = 0.15, test_share: float = 0.15) -> Side:
    """The side of a family: always the same one for the same seed and shares, whatever else is in the dataset.

    Shares are of families, so the shares of examples vary. A larger share only takes families from the other sides,
    it never returns one to them. Raises ValueError for a negative share, or when nothing is left to train on.
    Hash split after the ML Test Score rubric (Breck et al. 2017): stable when rows are added.
    """
    if validation_share < 0 or test_share < 0 or validation_share + test_share >= 1:
        raise ValueError(
            f"validation_share={validation_share} and test_share={test_share} leave nothing to train on: "
            "both must be at least 0 and their sum below 1"
        )
    digest = hashlib.blake2b(f"{seed}:{family}".encode(), digest_size=_HASH_BYTES).digest()
    position = int.from_bytes(digest, "big") / 2 ** (8 * _HASH_BYTES)
    if position < test_share:
        return "test"
    # Counted from the other end, so that a new test share moves no family between validation and training.
    return "validation" if position >= 1 - validation_share else "train"
