"""What a broken connection or a refusal means, the same for every model server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from pydantic import SecretStr

from walmart_pipeline.llm.calls import ErrorClass
from walmart_pipeline.llm.clients.rate_limit_headers import number, quotas


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
