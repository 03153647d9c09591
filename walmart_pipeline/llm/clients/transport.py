"""HTTP clients for model servers: httpx's interface on aiohttp's connections."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpx
from httpx_aiohttp import HttpxAiohttpClient
from pydantic import SecretStr

if TYPE_CHECKING:
    import ssl

    import httpx2

# Why this transport: httpx's own scans every connection for every request. 4,000 calls of 200 ms to a server in another
# process, on two busy cores (load 2.5 to 3.8; httpx: 1,000 calls):
#
#                                            ms of CPU a call    time / ideal
#   calls at once                                64     256       64     256
#   httpx                                      12.3    21.9      4.9    28.5
#   httpx on this transport                     0.7     0.7     1.07    1.58
#   ollama.py on it                             0.7     0.7     1.11    1.25
#   openai SDK on it, chat.completions          2.5     2.5     1.14    5.52
#   openai.py on it: the SDK's post, raw JSON   1.1     0.9     1.09    1.86

# uvicorn, used by vLLM, closes connections after 5 idle seconds; a POST sent at that moment is lost.
KEEPALIVE_SECONDS = 4.0

NO_KEY = SecretStr("")


@dataclass(frozen=True)
class Timeouts:
    """Seconds after which a call ends as CallError `timeout`.

    read: between two pieces of a streamed answer, or for a whole one. connect: to open a connection. pool: to get a
    connection from the pool.
    """

    read: float
    connect: float = 5.0
    pool: float = 30.0


@dataclass(frozen=True)
class Address:
    """A server's address. url: may contain user and password. shown: without them. origin: scheme, host and port."""

    url: str
    shown: str
    origin: tuple[str, str, int | None]
    loopback: bool


def address(url: str) -> Address:
    """Parse a base URL, with http as the default scheme. Raises ValueError."""
    text = url.strip()
    try:
        parsed = httpx.URL(text if "://" in text else f"http://{text}")
    except httpx.InvalidURL:
        # httpx's message may contain part of a password.
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
    """The stripped key, empty for None. name: of its setting. Raises ValueError for an invalid key."""
    secret = key.get_secret_value().strip() if key else ""
    if not secret.isascii() or not secret.isprintable():
        raise ValueError(f"the key holds characters that no key has: copy {name} anew")
    return SecretStr(secret)


def client(where: Address, *, connections: int, timeouts: Timeouts, key: SecretStr = NO_KEY) -> httpx.AsyncClient:
    """An httpx client with a pool of `connections`, without a proxy on loopback. key: sent as bearer token."""
    secret = key.get_secret_value()
    return HttpxAiohttpClient(
        verify=_certificates(),
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
        verify=_certificates(),
        limits=httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS
        ),
        timeout=httpx2.Timeout(timeouts.read, connect=timeouts.connect, pool=timeouts.pool),
        trust_env=not where.loopback,
    )


# Read once for all clients: it takes 22 ms.
@cache
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    r"""Lines of a stream that are not blank, split at \n only: httpx's aiter_lines also splits at U+0085 and U+2028."""
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
