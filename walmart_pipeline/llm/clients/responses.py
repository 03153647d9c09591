"""Interprets errors, rate-limit headers and broken connections, the same for every model server."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

import aiohttp
from pydantic import SecretStr

from walmart_pipeline.llm.calls import ErrorClass, Quota


def unanswered(error: BaseException) -> tuple[ErrorClass, str]:
    """The class of an exception that a transport raised, and what happened in a few words.

    Looks for aiohttp's exception in the chain: httpx-aiohttp 0.2 gives a refused and a dropped connection both as a
    connect timeout.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, aiohttp.ClientError):
        cause = cause.__cause__
    match cause:
        case aiohttp.ConnectionTimeoutError():
            return "timeout", "no connection in time"
        case aiohttp.ServerTimeoutError():
            return "timeout", "no answer in time"
        case aiohttp.ClientConnectorDNSError():
            return "unreachable", "no such host"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return "unreachable", "connection refused"
        case aiohttp.ClientConnectorCertificateError():
            return "unreachable", "its certificate is not trusted"
        case aiohttp.ClientSSLError():
            return "unreachable", "no secure connection: is it https?"
        case aiohttp.ClientConnectorError(os_error=os_error):
            return "unreachable", (os_error.strerror or type(os_error).__name__).lower()
        case aiohttp.ClientHttpProxyError():
            return "unreachable", f"the proxy answers {cause.status}"
    return "dropped", "the connection closed before the answer was whole"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds after which the server wants to be asked again; None where it names none.

    Reads retry-after-ms, Retry-After (seconds or an HTTP date, against the server's own Date), and, without them, the
    reset of whatever limit is used up.
    """
    if (milliseconds := number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if (seconds := number(value)) is not None:
        return seconds
    if value and (until := _date(value)):
        return max(0.0, (until - (_date(headers.get("date", "")) or datetime.now(UTC))).total_seconds())
    return max((quota.reset_seconds for quota in quotas(headers) if quota.remaining == 0), default=None)


def without_key(text: str, key: SecretStr) -> str:
    """The text as it may be shown: some servers echo what they refuse."""
    secret = key.get_secret_value()
    return text.replace(secret, "[key]") if secret else text


def _date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


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
