"""A small OpenID Connect provider on loopback: discovery, authorization code with PKCE or a secret, token, keys."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "studio", "a secret of the tests"


@dataclass
class OpenIdProvider:
    """Where it is, and what it states about whoever signs in next."""

    url: str
    claims: dict[str, Any] = field(default_factory=dict)
    # Of each code that was given out: the query of its request.
    requests: dict[str, dict[str, str]] = field(default_factory=dict)
    # What the next ID token is signed with, if not the key that is published.
    forged_with: RSAKey | None = None


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    key = RSAKey.generate_key(2048, {"kid": "1", "alg": "RS256", "use": "sig"})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            match url.path:
                case "/.well-known/openid-configuration":
                    self._answer(200, _metadata(provider.url))
                case "/jwks":
                    self._answer(200, {"keys": [key.as_dict(private=False)]})
                case "/authorize":
                    self._authorize({name: values[0] for name, values in parse_qs(url.query).items()})
                case _:
                    self._answer(404, {"error": "not found"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[0] for name, values in parse_qs(body).items()}
            asked = provider.requests.pop(given.get("code", ""), None)
            if asked is None or not self._knows_the_client(given) or not _proves(asked, given):
                self._answer(400, {"error": "invalid_grant"})
                return
            now = int(time.time())
            claims = {"iss": provider.url, "sub": "1", "aud": CLIENT, "iat": now, "exp": now + 600} | provider.claims
            claims |= {"nonce": asked["nonce"]} if "nonce" in asked else {}
            token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, provider.forged_with or key)
            self._answer(200, {"access_token": "none", "token_type": "Bearer", "expires_in": 600, "id_token": token})

        def _authorize(self, asked: dict[str, str]) -> None:
            code = secrets.token_urlsafe()
            provider.requests[code] = asked
            self.send_response(302)
            query = urlencode({"code": code, "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{query}")
            self.end_headers()

        def _knows_the_client(self, given: dict[str, str]) -> bool:
            basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            return given.get("client_secret") == SECRET or self.headers["Authorization"] == f"Basic {basic}"

        def _answer(self, status: int, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Tests print nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = OpenIdProvider(f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def _metadata(url: str) -> dict[str, object]:
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "jwks_uri": f"{url}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
    }


def _proves(asked: dict[str, str], given: dict[str, str]) -> bool:
    """Whether who brings the code is who asked for it, where PKCE was used."""
    challenge = asked.get("code_challenge")
    digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
    return challenge is None or base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
