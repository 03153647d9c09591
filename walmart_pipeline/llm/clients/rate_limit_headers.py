"""Rate limits that a server announces in its headers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

from walmart_pipeline.llm.calls import Quota

Unit: TypeAlias = Literal["requests", "tokens"]

SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(d|h|ms|m|s)", re.ASCII)
SPAN = re.compile(rf"(?:{PART.pattern})+", re.ASCII)


def quotas(headers: Mapping[str, str]) -> tuple[Quota, ...]:
    """The limits that an answer announces: what remains, and in how many seconds its window resets.

    Reads OpenAI's x-ratelimit-{limit,remaining,reset}-{requests,tokens}
    (developers.openai.com/api/docs/guides/rate-limits), or the RateLimit-{Limit,Remaining,Reset} of the IETF's drafts
    (draft-ietf-httpapi-ratelimit-headers-07), which count requests. What has no remaining or no reset is left out.
    """
    found = [
        _quota(headers, "requests", "x-ratelimit-{}-requests") or _quota(headers, "requests", "ratelimit-{}"),
        _quota(headers, "tokens", "x-ratelimit-{}-tokens"),
    ]
    return tuple(quota for quota in found if quota)


def span(text: str) -> float | None:
    """Seconds of a duration such as `120ms`, `1s`, `6m0s` or `1h2m3.5s`; a bare number is seconds. None if it is none.

    OpenAI writes them as Go does.
    """
    text = text.strip()
    if SPAN.fullmatch(text):
        return sum(float(amount) * SECONDS[unit] for amount, unit in PART.findall(text))
    return number(text)


def number(text: str | None) -> float | None:
    """A header's number that is finite and not negative; None if it is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _quota(headers: Mapping[str, str], unit: Unit, names: str) -> Quota | None:
    remaining = number(headers.get(names.format("remaining")))
    if remaining is None or (reset := span(headers.get(names.format("reset"), ""))) is None:
        return None
    # The drafts let a policy follow the limit: `100, 100;w=60`.
    limit = number(headers.get(names.format("limit"), "").partition(",")[0])
    return Quota(unit, remaining, reset, limit)
