"""A small OpenID Connect provider for tests: discovery, authorization code with PKCE, user info,
and the public keys of the tokens that a test signs.

It signs in the user of :attr:`Provider.person` without asking.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID = "workbench"
CLIENT_SECRET = "a secret of the tests"


@dataclass
class Provider:
    """The provider.

    Attributes:
        jwks: the document of the public keys.
        raw: a status, headers and a body to send in its place.
        jwks_reads: how often the keys were requested.
        gate: answers with keys wait until it is set.
        person: the claims of the next user to sign in.
    """

    issuer: str = ""
    jwks: dict[str, Any] = field(default_factory=dict)
    raw: tuple[int, dict[str, str], bytes] | None = None
    jwks_reads: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    person: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, tuple[dict[str, Any], str, str]] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def authorize(self, query: dict[str, str]) -> str:
        """The URL to redirect the browser to (RFC 6749, 4.1.2)."""
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self.codes[code] = (dict(self.person), query["redirect_uri"], query["code_challenge"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: dict[str, str], basic: str) -> dict[str, str] | None:
        """Exchanges a code, once, for an access token (RFC 6749, 4.1.3; RFC 7636, 4.6)."""
        client = (form.get("client_id"), form.get("client_secret"))
        if basic:
            name, _, secret = base64.b64decode(basic).decode().partition(":")
            client = (name, secret)
        person, redirect, challenge = self.codes.pop(form["code"])
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        answered = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if client != (CLIENT_ID, CLIENT_SECRET) or redirect != form["redirect_uri"]:
            return None
        if answered != challenge:
            return None
        token = secrets.token_urlsafe()
        self.tokens[token] = person
        return {"access_token": token, "token_type": "Bearer"}


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _json(self, status: int, body: object) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def _jwks(self) -> None:
        self.provider.jwks_reads += 1
        self.provider.gate.wait(30)
        if self.provider.raw is None:
            self._json(200, self.provider.jwks)
            return
        status, headers, body = self.provider.raw
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the reader may have hung up
            self.wfile.write(body)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        at = self.provider.issuer
        if url.path == "/.well-known/openid-configuration":
            self._json(
                200,
                {
                    "issuer": at,
                    "authorization_endpoint": f"{at}/authorize",
                    "token_endpoint": f"{at}/token",
                    "userinfo_endpoint": f"{at}/userinfo",
                },
            )
        elif url.path == "/jwks":
            self._jwks()
        elif url.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            self.send_response(302)
            self.send_header("Location", self.provider.authorize(query))
            self.end_headers()
        elif url.path == "/userinfo":
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            person = self.provider.tokens.get(token)
            self._json(200 if person else 401, person or {})
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        answer = self.provider.token(form, basic)
        self._json(200 if answer else 400, answer or {"error": "invalid_grant"})


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider on a loopback port."""
    it = Provider()
    it.gate.set()
    handler = type("Handler", (_Handler,), {"provider": it})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        it.issuer = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
