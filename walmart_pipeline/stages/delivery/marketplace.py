"""Client of Walmart's Marketplace API: feeds, their status, the item spec. Off unless WALMART_MARKETPLACE is true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
from pydantic import SecretStr

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import batches

# Walmart's limits: product types of one request for a spec, items of one page of a feed's status.
TYPES_PER_SPEC = 20
ITEMS_PER_PAGE = 50

# A token lives 15 minutes; it is replaced a minute earlier, so that none ends on its way.
TOKEN_MARGIN_SECONDS = 60

ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 60.0

# A file of 25 MB takes a minute on a slow line.
TIMEOUT = httpx.Timeout(120.0, connect=10.0)


class MarketplaceError(UserError):
    """Walmart did not do what was asked. The message has no secret."""


class Marketplace:
    """The API of one seller account.

    Raises MarketplaceError without credentials, or for an address that would send them unencrypted.
    """

    def __init__(
        self,
        url: str,
        client_id: SecretStr | None,
        client_secret: SecretStr | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not client_id or not client_secret:
            raise MarketplaceError("the Marketplace API needs WALMART_CLIENT_ID and WALMART_CLIENT_SECRET")
        address = urlsplit(url)
        if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise MarketplaceError("WALMART_MARKETPLACE_URL must begin with https://")
        self._login = httpx.BasicAuth(client_id.get_secret_value(), client_secret.get_secret_value())
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT, headers={"Accept": "application/json"})
        self._sleep = sleep
        self._token = ""
        self._token_ends = 0.0

    def __enter__(self) -> Marketplace:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def submit(self, file: Path, *, feed_type: str) -> str:
        """Upload a feed file and return its feedId.

        A call without an answer is not repeated: Walmart may have taken the file.
        """
        content = file.read_bytes()
        try:
            answer = self._send(
                "POST",
                "/v3/feeds",
                repeat=False,
                params={"feedType": feed_type},
                files={"file": (file.name, content, "application/json")},
            )
        except httpx.TransportError as error:
            raise MarketplaceError(
                f"{file.name}: no answer ({_name(error)}), so Walmart may have taken it: look for it in Seller "
                "Center's feeds, and note it with `walmart-pipeline feed sent --feed-id`, or submit it again"
            ) from None
        return str(answer["feedId"])

    def feed_status(self, feed_id: str) -> Iterator[dict[str, Any]]:
        """Yield the pages of a feed's status, with its items."""
        offset = 0
        while True:
            page = self._get_page(feed_id, offset)
            yield page
            items = (page.get("itemDetails") or {}).get("itemIngestionStatus") or []
            offset += len(items)
            if not items or offset >= int(page.get("itemsReceived") or 0):
                return

    def _get_page(self, feed_id: str, offset: int) -> dict[str, Any]:
        # An id has an @, which the path must not.
        path = f"/v3/feeds/{quote(feed_id, safe='')}"
        wanted = {"includeDetails": "true", "offset": offset, "limit": ITEMS_PER_PAGE}
        return self._answered("GET", path, params=wanted)

    def spec(self, product_types: Sequence[str], *, version: str, feed_type: str) -> dict[str, Any]:
        """The item spec of these product types. Raises MarketplaceError if Walmart does not know one of them."""
        merged: dict[str, Any] = {}
        for names in batches([{"name": name} for name in product_types], TYPES_PER_SPEC):
            wanted = {"feedType": feed_type, "version": version, "productTypes": [row["name"] for row in names]}
            answer = self._answered("POST", "/v3/items/spec", json=wanted)
            if errors := answer.get("errors"):
                raise MarketplaceError(f"item spec: {_words(errors)}")
            schema = answer.get("schema", answer)
            if merged:
                _types_of(merged).update(_types_of(schema))
            else:
                merged = schema
        return merged

    def _answered(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            return self._send(method, path, repeat=True, **request)
        except httpx.TransportError as error:
            raise MarketplaceError(f"Walmart does not answer at {self._http.base_url}: {_name(error)}") from None

    def _send(self, method: str, path: str, *, repeat: bool, **request: Any) -> dict[str, Any]:
        """Send a request, again where Walmart asks for patience, and once more with a new token where one has ended.

        repeat: send it again too where it is unknown whether it was carried out.
        """
        renewed = False
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._http.request(method, path, headers=self._headers(), **request)
            except httpx.TransportError:
                if not repeat or attempt == ATTEMPTS:
                    raise
                self._sleep(_pause(None, attempt))
                continue
            if response.status_code == 401 and not renewed:
                renewed, self._token = True, ""
                continue
            is_busy = response.status_code == 429 or (repeat and response.status_code >= 500)
            if is_busy and attempt < ATTEMPTS:
                self._sleep(_pause(response, attempt))
                continue
            return _content(response, path)
        raise MarketplaceError(f"{path}: Walmart accepts no token")

    def _headers(self) -> dict[str, str]:
        if not self._token or time.monotonic() > self._token_ends:
            self._log_in()
        return {"WM_SEC.ACCESS_TOKEN": self._token, **_identity()}

    def _log_in(self) -> None:
        try:
            response = self._http.post(
                "/v3/token", auth=self._login, headers=_identity(), data={"grant_type": "client_credentials"}
            )
        except httpx.TransportError as error:
            raise MarketplaceError(f"Walmart does not answer at {self._http.base_url}: {_name(error)}") from None
        if response.status_code in (400, 401, 403):
            raise MarketplaceError("Walmart refuses WALMART_CLIENT_ID with WALMART_CLIENT_SECRET: check both")
        answer = _content(response, "/v3/token")
        self._token = str(answer.get("access_token", ""))
        self._token_ends = time.monotonic() + float(answer.get("expires_in", 0)) - TOKEN_MARGIN_SECONDS


def connect(settings: Settings) -> Marketplace:
    """The API of the settings. Raises MarketplaceError if it is off."""
    if not settings.marketplace:
        raise MarketplaceError(
            "the Marketplace API is off: set WALMART_MARKETPLACE=true, or upload and read files by hand"
        )
    return Marketplace(settings.marketplace_url, settings.client_id, settings.client_secret)


def _identity() -> dict[str, str]:
    return {"WM_SVC.NAME": "Walmart Marketplace", "WM_QOS.CORRELATION_ID": str(uuid4())}


def _pause(response: httpx.Response | None, attempt: int) -> float:
    stated = response.headers.get("Retry-After", "") if response is not None else ""
    seconds = float(stated) if stated.isdecimal() else 2.0**attempt
    return min(seconds, LONGEST_PAUSE_SECONDS)


def _content(response: httpx.Response, path: str) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        content = None
    if response.is_success and isinstance(content, dict):
        return content
    errors = content.get("errors") or content.get("error") if isinstance(content, dict) else None
    busy = ": it takes no more for now, try again later" if response.status_code == 429 else ""
    raise MarketplaceError(f"Walmart answers {response.status_code} to {path}{busy} {_words(errors or [])}".strip())


def _words(errors: Any) -> str:
    listed = errors if isinstance(errors, list) else [errors]
    return "; ".join(
        " ".join(str(error[name]) for name in ("code", "description") if error.get(name))
        for error in listed
        if isinstance(error, dict)
    )


def _name(error: httpx.TransportError) -> str:
    return type(error).__name__


def _types_of(schema: dict[str, Any]) -> dict[str, Any]:
    types: dict[str, Any] = schema["properties"]["MPItem"]["items"]["properties"]["Visible"]["properties"]
    return types
