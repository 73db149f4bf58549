"""The gateway: proxies ``workbench/api/…`` of a user's server to the service, with their token.

It gives the browser a single origin and a single XSRF rule. It isn't a security boundary: the service
verifies the token itself. Only method, path, query, body and content type go upstream, no cookies, and
redirects aren't followed. It uses httpx because Tornado's client buffers the answer for a slow reader and
cuts a large one.
"""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import httpx
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import iostream, web

from ..kit.errors import NotFound, NotSignedIn, TooLarge, Unavailable, WorkbenchError

_RESPONSE_HEADERS = (
    "Content-Type",
    "Cache-Control",
    "Workbench-Query-Id",
    "Retry-After",
    "X-Accel-Buffering",
)
_MAX_BODY = 64 * 2**20


class Upstream:
    """The service, with the HTTP client that a user's server calls it by."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self.client = httpx.AsyncClient(  # noqa: TID251  in a user's server; to the service only
            # Uncompressed, because the answer is passed on as it comes.
            headers={"Authorization": f"token {token}", "Accept-Encoding": "identity"},
            # Queries may take long to answer; the service enforces the timeout.
            timeout=httpx.Timeout(connect=5, read=None, write=60, pool=10),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=8),
            follow_redirects=False,
            trust_env=False,
        )


class GatewayHandler(JupyterHandler):
    """Proxies one request."""

    SUPPORTED_METHODS = ("GET", "POST", "PATCH", "DELETE")

    def initialize(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._pipe: asyncio.Task[None] | None = None

    @web.authenticated
    async def _answer(self, path: str) -> None:
        self._pipe = asyncio.ensure_future(self._run())
        try:
            await self._pipe
        except asyncio.CancelledError:
            # The browser hung up: cancelling closed the upstream request, so the service notices.
            if self._pipe.cancelled():
                return
            raise

    get = post = patch = delete = _answer

    def get_login_url(self) -> str:
        raise web.HTTPError(401)

    async def _run(self) -> None:
        if len(self.request.body) > _MAX_BODY:
            self._fail(TooLarge("The request's body is too large.", code="body_too_large"))
            return
        request = self._request()
        if request is None:
            self._fail(NotFound("The API has no such path.", code="unknown_path"))
            return
        try:
            answer = await self._upstream.client.send(request, stream=True)
        except httpx.HTTPError:
            self._fail(
                Unavailable(
                    "The Workbench service does not answer. Try again. If the problem persists, "
                    "tell an administrator.",
                    code="service_down",
                )
            )
            return
        try:
            self.set_status(answer.status_code)
            self.clear_header("Content-Type")
            for name in _RESPONSE_HEADERS:
                if value := answer.headers.get(name):
                    self.set_header(name, value)
            async for piece in answer.aiter_raw():
                self.write(piece)
                await self.flush()
            self.finish()
        except iostream.StreamClosedError:
            pass
        except httpx.HTTPError:
            # The service's answer was cut: cut ours too, so that the client notices.
            self.detach().close()
        finally:
            await answer.aclose()

    def _request(self) -> httpx.Request | None:
        """The request for the service, or ``None`` if its path could lead out of the API."""
        # The raw path: decoding and re-encoding could change its meaning.
        rest = (self.request.uri or "")[len(url_path_join(self.base_url, "workbench")) :]
        parts = unquote(rest.partition("?")[0]).replace("\\", "/").split("/")
        if {".", ".."} & {*parts}:
            return None
        headers = {}
        if kind := self.request.headers.get("Content-Type"):
            headers[b"Content-Type"] = kind.encode("latin-1", "replace")
        try:
            return self._upstream.client.build_request(
                self.request.method or "GET",
                f"{self._upstream.url}{rest}",
                content=self.request.body or None,
                headers=headers,
            )
        except httpx.InvalidURL:
            return None

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._pipe is not None:
            self._pipe.cancel()

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """Sends the Jupyter server's own errors in the API's shape."""
        if status_code in (401, 403) and not self.current_user:
            self._fail(NotSignedIn("Sign in again.", code="not_signed_in"))
            return
        error = WorkbenchError(self._reason or "The request was refused.", code="http_error")
        self._fail(error, status_code)

    def _fail(self, error: WorkbenchError, status: int | None = None) -> None:
        self.set_status(status or error.status)
        self.set_header("Content-Type", "application/json")
        self.finish(error.to_wire())

    def compute_etag(self) -> str | None:
        return None
