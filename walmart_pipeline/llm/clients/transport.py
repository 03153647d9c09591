"""HTTP clients for model servers: httpx's interface on aiohttp's connections."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx
from httpx_aiohttp import HttpxAiohttpClient
from pydantic import SecretStr

if TYPE_CHECKING:
    import httpx2

# Why this transport: httpx's own scans every connection for every request. Calls of 200 ms against a server in another
# process, on two cores that others used at the same time (load 2.5 to 3.8), 4,000 calls (httpx alone: 1,000).
#
#                                            ms of CPU a call    time / ideal
#   calls at once                                64     256       64     256
#   httpx                                      12.3    21.9      4.9    28.5
#   httpx on this transport                     0.7     0.7     1.07    1.58
#   ollama.py on it                             0.7     0.7     1.11    1.25
#   openai SDK on it, chat.completions          2.5     2.5     1.14    5.52
#   openai.py on it: the SDK's post, raw JSON   1.1     0.9     1.09    1.86

# uvicorn, which vLLM runs on, closes a connection after 5 idle seconds; a POST that meets the close is lost.
KEEPALIVE_SECONDS = 4.0

NO_KEY = SecretStr("")


@dataclass(frozen=True)
class Timeouts:
    """Seconds. A call that takes longer ends as CallError `timeout`.

    read: between two pieces of an answer, so for an answer that is not streamed: until it comes.
    connect: to open one connection. pool: to be given a connection, waiting for a free one included.
    aiohttp has no limit of its own for writing: `read` starts when the request is sent.
    """

    read: float
    connect: float = 5.0
    pool: float = 30.0


@dataclass(frozen=True)
class Address:
    """Where a server is. `url` may hold a user and password; `shown` never does. Neither ends in a slash.

    origin: scheme, host and port: what makes two addresses those of one server.
    """

    url: str
    shown: str
    origin: tuple[str, str, int | None]
    loopback: bool


def address(url: str) -> Address:
    """Read a base URL as people write it: `localhost:11434` is http. Raises ValueError with the remedy."""
    text = url.strip()
    try:
        parsed = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL:
        # httpx names the part that is wrong, which may be part of a password.
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError("the address of a model server is no http(s) URL: write it as http://host:port")
    shown = parsed.copy_with(userinfo=b"", query=None, fragment=None)
    return Address(
        url=str(parsed).rstrip("/"),
        shown=str(shown).rstrip("/"),
        origin=(parsed.scheme, parsed.host, parsed.port),
        loopback=_loopback(parsed.host),
    )


def usable_key(key: SecretStr | None, name: str) -> SecretStr:
    """The key without the blanks around it; empty where there is none. name: of the setting that it comes from.

    Raises ValueError for a key that no header can hold; the message does not hold it either.
    """
    secret = key.get_secret_value().strip() if key else ""
    if not secret.isascii() or not secret.isprintable():
        raise ValueError(f"the key holds characters that no key has: copy {name} anew")
    return SecretStr(secret)


def client(where: Address, *, connections: int, timeouts: Timeouts, key: SecretStr = NO_KEY) -> httpx.AsyncClient:
    """An httpx client of at most `connections` connections; close it with `aclose`. No proxy is used on loopback.

    key: sent as a bearer's with every request.
    """
    secret = key.get_secret_value()
    return HttpxAiohttpClient(
        headers={"Authorization": f"Bearer {secret}"} if secret else None,
        limits=httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect, pool=timeouts.pool),
        trust_env=not where.loopback,
    )


def sdk_client(where: Address, *, connections: int, timeouts: Timeouts) -> httpx2.AsyncClient:
    """The same for the OpenAI SDK, whose httpx is httpx2: `http_client` of AsyncOpenAI."""
    import httpx2
    from openai import DefaultAioHttpClient

    return DefaultAioHttpClient(
        limits=httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        timeout=httpx2.Timeout(timeouts.read, connect=timeouts.connect, pool=timeouts.pool),
        trust_env=not where.loopback,
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    r"""Every line that is not blank, without its end, whatever pieces the bytes come in.

    Only \n ends a line. httpx's aiter_lines also splits at U+0085 and U+2028, which JSON may hold unescaped.
    """
    rest = bytearray()
    async for chunk in chunks:
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            rest += head
            for line in rest.split(b"\n"):
                if line.strip():
                    yield bytes(line)
            rest = bytearray(tail)
        else:
            rest += tail
    if rest.strip():
        yield bytes(rest)
