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
    """Error class and short description of a transport's exception.

    Looks for aiohttp's exception in the chain: httpx-aiohttp 0.2 reports both a refused and a dropped connection as a
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


def class_of_status(status: int) -> ErrorClass:
    """Error class of an HTTP status."""
    match status:
        case 401 | 403:
            return "unauthorized"
        case 404:
            return "missing_model"
        case 408:
            return "timeout"
        case 429 | 503:
            return "refused"
        case _:
            return "server" if status == 409 or status >= 500 else "rejected"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until a retry is allowed, or None.

    Reads retry-after-ms, Retry-After (seconds, or an HTTP date relative to the server's Date), and otherwise the reset
    of an exhausted limit.
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
    """The text with the key masked, since some servers echo it."""
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
    """Rate limits in the headers of a response.

    Reads OpenAI's x-ratelimit-{limit,remaining,reset}-{requests,tokens} or the RateLimit-{Limit,Remaining,Reset} of
    draft-ietf-httpapi-ratelimit-headers-07, which count requests. Limits without remaining or reset are ignored.
    """
    found = [
        _quota(headers, "requests", "x-ratelimit-{}-requests") or _quota(headers, "requests", "ratelimit-{}"),
        _quota(headers, "tokens", "x-ratelimit-{}-tokens"),
    ]
    return tuple(quota for quota in found if quota)


def span(text: str) -> float | None:
    """Seconds of a duration in Go's format, such as `120ms` or `1h2m3.5s`, or a number of seconds; None if invalid."""
    text = text.strip()
    if SPAN.fullmatch(text):
        return sum(float(amount) * SECONDS[unit] for amount, unit in PART.findall(text))
    return number(text)


def number(text: str | None) -> float | None:
    """A header's number if it is finite and not negative, else None."""
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
