"""A provider's raw answer into a listing.

Belongs here: what counts as an answer. Does not: whether the listing is any good (quality).
"""

from __future__ import annotations

from pydantic import ValidationError

from walmart_pipeline.core.records import Listing


class UnusableAnswerError(Exception):
    """The answer is not a listing; the message says what is wrong with it."""


# Bumped when the same answer would give another listing: answers that were kept are then read anew, without a call.
VERSION = "1"


def listing(text: str) -> Listing:
    """The listing in a raw answer. Raises UnusableAnswerError."""
    try:
        return Listing.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'answer'}: {item['msg']}" for item in error.errors())
        raise UnusableAnswerError(f"the answer is not a listing: {wrong}") from error
