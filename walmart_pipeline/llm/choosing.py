"""Which provider a run generates with.

Belongs here: the names that a user can give, and the choice where none is given.
"""

from __future__ import annotations

from walmart_pipeline.llm.composer_provider import Composer
from walmart_pipeline.llm.provider import Provider
from walmart_pipeline.quality.judge import Judge

PROVIDERS = ("composer",)


class UnknownProviderError(ValueError):
    """No provider has this name."""


def choose(name: str, judge: Judge) -> Provider:
    """The provider of this name; for `auto` the composer, which needs no server and no key.

    Raises UnknownProviderError with the names there are.
    """
    if name in ("auto", "composer"):
        return Composer(judge)
    raise UnknownProviderError(f"there is no provider `{name}`: use {', '.join(PROVIDERS)} or auto")
