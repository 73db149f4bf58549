"""Requests and results of calls of a source's operations, instead of SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, quote_plus, unquote, urlencode

from pydantic import Field, StringConstraints

from ..kit.errors import InvalidInput
from ..kit.request import Request

CallMethod = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
FieldName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
HeaderValue = Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[\t\x20-\x7e]*$")]

OWN_HEADERS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"}
    | {"authorization", "proxy-authorization", "cookie"}
)
"""Headers that frame a request or identify its sender: a caller can't set them."""

_PATH: Final = re.compile(r"/[!-~]*")
_DECODED: Final = 4  # how often a path is looked at: as it is, and decoded up to three times


class CallRequest(Request):
    """One HTTP request on a connection."""

    connection: str = Field(description="A connection's name or id.")
    method: CallMethod = "GET"
    path: str = Field(
        max_length=8_000,
        description="The path below the connection's base URL, beginning with `/` and encoded; perhaps "
        "with a query.",
        examples=["/users/7"],
    )
    query: dict[FieldName, Any] = Field(
        default={}, max_length=100, description="Fields for the query. A list repeats its field."
    )
    headers: dict[HeaderName, HeaderValue] = Field(default={}, max_length=50)
    body: Any = Field(
        default=None, description="The body: text is sent as text, anything else as JSON."
    )
    form: dict[FieldName, Any] = Field(
        default={}, max_length=100, description="Fields to send as a form instead of `body`."
    )

    def target(self) -> str:
        """The path with the whole query.

        Raises:
            InvalidInput: it isn't a path that stays below the base URL (``bad_path``), or a value
                can't be sent (``bad_body``).
        """
        path, _, query = self.path.partition("?")
        parts = [unquote(part) for part in path.split("/")]
        if (
            not _PATH.fullmatch(self.path)
            or "#" in self.path
            or "\\" in path
            or any(part in (".", "..") or "\\" in part for part in parts)
            or _leaves(path)
        ):
            raise InvalidInput(
                "The path must begin with / and stay below the connection's base URL: without “.” or "
                "“..” as a part, and with other letters than ASCII encoded, such as /users/J%C3%BCrg.",
                code="bad_path",
                field="path",
            )
        if not self.query:
            return self.path
        joint = "&" if query else ""
        return f"{path}?{query}{joint}{encoded(self.query, form=False)}"

    def content(self) -> tuple[bytes | None, str]:
        """The encoded body and its media type.

        Raises:
            InvalidInput: it can't be sent, or there is a form besides (``bad_body``).
        """
        if self.form and self.body is not None:
            raise InvalidInput("A request has a body or a form, not both.", code="bad_body")
        return body_bytes(self.body, self.form)


@dataclass(frozen=True)
class CallResult:
    """An answer.

    Attributes:
        headers: without cookies.
        body: its first bytes, up to the limit.
        truncated: True if there were more.
        encoding: the encoding of the text in it.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    truncated: bool
    encoding: str

    @property
    def text(self) -> str:
        """The body as text; bytes that aren't are replaced."""
        try:
            return self.body.decode(self.encoding, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


def body_bytes(body: Any, form: Mapping[str, Any]) -> tuple[bytes | None, str]:
    """A body and its media type: the form if there is one; text as it is, anything else as JSON.

    Raises:
        InvalidInput: it can't be sent (``bad_body``).
    """
    if form:
        return encoded(form, form=True).encode(), "application/x-www-form-urlencoded"
    if body is None:
        return None, ""
    try:
        if isinstance(body, str):
            return body.encode(), ""
        return json.dumps(body, default=str, allow_nan=False).encode(), "application/json"
    except ValueError as error:  # UnicodeError is one
        raise _bad_body() from error


def encoded(fields: Mapping[str, Any], *, form: bool) -> str:
    """Fields as a form, or as a query. A list repeats its field; ``None`` leaves it out.

    Raises:
        InvalidInput: a value can't be sent (``bad_body``).
    """
    pairs = [
        (name, _text(item))
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    try:
        return urlencode(pairs, safe="", quote_via=quote_plus if form else quote)
    except UnicodeEncodeError as error:
        raise _bad_body() from error


def _leaves(path: str) -> bool:
    """Whether a server could resolve a path to one above its beginning.

    Servers differ: some decode ``%2F`` before they resolve ``..``, proxies may decode once more, and some
    leave out what follows ``;`` in a part.
    """
    for _ in range(_DECODED):
        depth = 0
        for part in path.replace("\\", "/").split("/"):
            name = part.partition(";")[0]
            depth += -1 if name == ".." else name not in ("", ".")
            if depth < 0:
                return True
        path = unquote(path)
    return False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _bad_body() -> InvalidInput:
    return InvalidInput(
        "The request can't be sent: it contains a lone surrogate, NaN or Infinity.",
        code="bad_body",
    )
