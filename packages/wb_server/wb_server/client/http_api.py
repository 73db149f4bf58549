"""HTTP APIs through the service, which adds the secret: it never reaches this process."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import QueryError

Send = Callable[[dict[str, Any]], dict[str, Any]]
"""Sends the request's description to the service, and returns its answer."""


@dataclass(frozen=True)
class HttpAnswer:
    """The answer of an API, whatever its status.

    Attributes:
        headers: by name in lower case, without cookies.
    """

    status: int
    reason: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    encoding: str = field(repr=False)

    @property
    def ok(self) -> bool:
        """True for a status below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as text."""
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it isn't JSON.
        """
        return json.loads(self.content)

    def raise_for_status(self) -> HttpAnswer:
        """The answer itself, if it is ``ok``.

        Raises:
            QueryError: the status is an error (``http_status``).
        """
        if not self.ok:
            raise QueryError(
                f"The API answered with {self.status} {self.reason}.",
                code="http_status",
                status=self.status,
                answer=self.text[:2_000],
            )
        return self


class HttpConnection:
    """A connection of the kind HTTP API.

    Args:
        name: the connection's name.
        send: sends a request's description to the service.
    """

    def __init__(self, name: str, send: Send) -> None:
        self._name = name
        self._send = send

    def __repr__(self) -> str:
        return f"<HTTP API {self._name}>"

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        text: str | None = None,
    ) -> HttpAnswer:
        """Sends one request and returns the answer, whatever its status.

        Args:
            path: below the connection's base URL, beginning with ``/``. Encode values in it with
                ``urllib.parse.quote(value, safe="")``.
            params: fields for the query, encoded. A list repeats its field; ``None`` leaves it out.
            json: a value to send as JSON; or ``form``: fields to send as a form; or ``text``.

        Raises:
            QueryError: the request was refused, or there was no answer.
        """
        sent = dict(headers or {})
        if isinstance(json, str) and "content-type" not in {name.lower() for name in sent}:
            sent["Content-Type"] = "application/json"
        found = self._send(
            {
                "connection": self._name,
                "method": method.upper(),
                "path": path,
                "query": _plain(params),
                "headers": sent,
                "body": text if text is not None else _as_json(json),
                "form": _plain(form),
            }
        )
        return HttpAnswer(
            int(found["status"]),
            str(found["reason"]),
            dict(found["headers"]),
            base64.b64decode(found["body"]),
            str(found["encoding"]),
        )

    def get(self, path: str, **more: Any) -> HttpAnswer:
        """Sends a GET: see ``request``."""
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> HttpAnswer:
        """Sends a POST: see ``request``."""
        return self.request("POST", path, **more)

    def put(self, path: str, **more: Any) -> HttpAnswer:
        """Sends a PUT: see ``request``."""
        return self.request("PUT", path, **more)

    def patch(self, path: str, **more: Any) -> HttpAnswer:
        """Sends a PATCH: see ``request``."""
        return self.request("PATCH", path, **more)

    def delete(self, path: str, **more: Any) -> HttpAnswer:
        """Sends a DELETE: see ``request``."""
        return self.request("DELETE", path, **more)


def _plain(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _item(value) for name, value in (fields or {}).items()}


def _item(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_item(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _as_json(value: Any) -> Any:
    # A text would be sent as text: as JSON it has its quotes.
    return json.dumps(value) if isinstance(value, str) else value
