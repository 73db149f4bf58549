"""The task type ``http``: calls a webhook or another HTTP API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote, quote_plus, urlencode, urlsplit

import httpx
from pydantic import Field, StringConstraints

from ...kit.http import Check, async_client, read_at_most
from ...kit.network import NetworkPolicy, Peer
from ..definition.fields import Body, Url, Value
from ..definition.filters import as_text
from ..definition.models import CheckContext, TaskProblem, TaskSpec
from .base import Attempt, TaskFailed, TaskResult, TaskType

# The maximum size of an answer, which becomes an output. A longer one fails instead of being cut.
_ANSWER_BYTES = 32 * 1024
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Headers that address the host and frame the body: the task sets them itself.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})

_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

FieldName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class HttpSpec(TaskSpec):
    """Sends one HTTP request, and fails if the status isn't an expected one."""

    type: Literal["http"]
    url: Url = Field(
        description="The `https://` or `http://` address, without a user name or password. A value in it "
        "is encoded for its place: one in the path stays one part of the path. The rules for "
        "connections' addresses apply; redirects are not followed.",
        examples=["https://hooks.example.org/sales"],
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        "POST", description="The request's method.", examples=["POST"]
    )
    headers: dict[HeaderName, Annotated[str, StringConstraints(max_length=4_000)]] = Field(
        default={},
        max_length=50,
        description="Headers of the request. Never put a secret here: everyone who may see the pipeline "
        "can read the file. `Idempotency-Key` is set to the task run's id, which stays the "
        "same over retries.",
        examples=[{"Accept": "application/json"}],
    )
    query: dict[FieldName, Value] = Field(
        default={},
        max_length=100,
        description="Fields to add to the address after `?`, encoded. A list repeats its field; null "
        "leaves it out.",
        examples=[{"since": "{{ run.date }}"}],
    )
    body: Body = Field(
        None,
        description="The request's body: text is sent as text, anything else as JSON. In a text that is "
        "JSON, values are encoded as JSON.",
        examples=[{"rows": "{{ tasks.load.outputs.rows }}"}],
    )
    form: dict[FieldName, Value] = Field(
        default={},
        max_length=100,
        description="Fields to send as a form instead of `body`, encoded like `query`.",
        examples=[{"text": "{{ tasks.load.outputs.rows }} rows"}],
    )
    expect: list[Annotated[int, Field(ge=100, le=599)]] = Field(
        default=[],
        max_length=20,
        description="Status codes that count as success (default: 200 to 299).",
        examples=[[200, 202]],
    )

    def problems(self, context: CheckContext) -> Iterable[TaskProblem]:
        if self.form and self.body is not None:
            yield TaskProblem(
                ("form",), "bad_body", "A request has a `body` or a `form`. Remove one of them."
            )
        if "{{" not in self.url.partition("/")[0]:
            try:
                # A digit is valid wherever an expression may stand: in a host, port or path.
                _target(_EXPRESSION.sub("1", self.url))
            except TaskFailed as error:
                yield TaskProblem(("url",), error.code, error.message)
        for name, value in self.headers.items():
            if name.lower() in _OWN_HEADERS:
                yield TaskProblem(
                    ("headers", name), "bad_header", f"The task sets {name} itself. Remove it."
                )
            elif "{{" not in value and not _HEADER_VALUE.fullmatch(value.strip()):
                yield TaskProblem(("headers", name), "bad_header", _bad_header(name))

    def outputs(self) -> tuple[str, ...]:
        return ("status", "answer")

    def artifacts(self) -> tuple[str, ...]:
        return ()


class HttpTask(TaskType):
    """The task type ``http``.

    Args:
        network: which addresses may be dialled.
    """

    name: ClassVar[str] = "http"
    title: ClassVar[str] = "HTTP request"
    description: ClassVar[str] = "Calls a webhook or an API."
    Spec: ClassVar[type[TaskSpec]] = HttpSpec

    def __init__(self, network: NetworkPolicy) -> None:
        self._network = network

    def run(self, spec: HttpSpec, attempt: Attempt) -> TaskResult:
        """Sends the request.

        Raises:
            TaskFailed: ``bad_url``, ``bad_header``, ``bad_body``, ``http_failed`` (no answer),
                ``http_status`` (an unexpected status), ``answer_too_large``.
            Unprocessable: the address isn't allowed.
            SourceFailed: the host is unknown.
        """
        scheme, host, port = _target(spec.url)
        url = _parsed(_with_query(spec.url, spec.query)).copy_with(host=host, port=port)
        headers = _headers(spec)
        # Otherwise httpx would parse the host name, and it accepts fewer names than resolvers do.
        headers["Host"] = url.netloc.decode("ascii")
        headers["Idempotency-Key"] = attempt.task_run_id
        headers.setdefault("User-Agent", "Workbench")
        content, media_type = _content(spec)
        if media_type:
            headers.setdefault("Content-Type", media_type)
        request = httpx.Request(spec.method, url, headers=headers, content=content)

        def check(host: str, port: int) -> Peer:
            peer = self._network.check(host, port)
            attempt.recorder.log(f"{spec.method} {scheme}://{host}:{port} ({peer.address})")
            return peer

        try:
            answer, body, truncated = asyncio.run(_sent(request, check, attempt))
        except (httpx.HTTPError, OSError) as error:
            raise TaskFailed(
                "http_failed", f"{host} did not answer: {str(error) or type(error).__name__}."
            ) from error
        status = answer.status_code
        size = f"more than {len(body):,}" if truncated else f"{len(body):,}"
        attempt.recorder.log(f"{status} {answer.reason_phrase}, {size} bytes")
        expected = status in spec.expect if spec.expect else 200 <= status < 300
        text = body.decode(answer.encoding or "utf-8", "replace")
        if not expected:
            raise TaskFailed(
                "http_status",
                f"{host} answered with {status} {answer.reason_phrase}.",
                retry=status >= 500 or status in (408, 409, 425, 429),
                status=status,
                answer=text[:2_000],
            )
        if truncated:
            raise TaskFailed(
                "answer_too_large",
                f"The response exceeds {_ANSWER_BYTES // 1024} KiB. Request less.",
                retry=False,
            )
        return TaskResult(outputs={"status": status, "answer": _read(answer, text)})


async def _sent(
    request: httpx.Request, check: Check, attempt: Attempt
) -> tuple[httpx.Response, bytes, bool]:
    """The answer, the start of its body, and whether there is more.

    Raises:
        TaskFailed: the attempt must end (``stopped``).
    """
    loop = asyncio.get_running_loop()
    asking = loop.create_task(_ask(request, check, attempt.seconds_left()))

    def stop() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(asking.cancel)

    attempt.hang_up.then(stop)
    try:
        return await asking
    except asyncio.CancelledError:
        raise TaskFailed("stopped", "The request was cancelled.") from None


async def _ask(
    request: httpx.Request, check: Check, seconds: float
) -> tuple[httpx.Response, bytes, bool]:
    request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
    async with async_client(check) as client:
        answer = await client.send(request, stream=True)
        try:
            return answer, *await read_at_most(answer, _ANSWER_BYTES)
        finally:
            await answer.aclose()


def _target(url: str) -> tuple[str, str, int]:
    """The scheme, host and port of an address.

    Raises:
        TaskFailed: it isn't an address that may be called (``bad_url``).
    """
    _parsed(url)
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        # TLS and the Host header take only ASCII.
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError:  # UnicodeError is one
        parts, host, port = urlsplit(""), "", 0
    if parts.scheme not in ("http", "https") or not host:
        raise TaskFailed(
            "bad_url",
            "It must be an address, such as https://hooks.example.org/sales.",
            retry=False,
        )
    if parts.username is not None or parts.password is not None:
        raise TaskFailed(
            "bad_url",
            "The address must not contain a user name or password: everyone who may see the "
            "pipeline could read it.",
            retry=False,
        )
    return parts.scheme, host, port


def _parsed(url: str) -> httpx.URL:
    """An address in the form in which it is sent.

    Raises:
        TaskFailed: it can't be sent (``bad_url``).
    """
    # The standard library's parser silently drops some control characters.
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in url):
        raise TaskFailed(
            "bad_url",
            "The address contains a line break or another control character. Write a line break "
            "in a value as %0A, as in https://hooks.example.org/?text=a%0Ab.",
            retry=False,
        )
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise TaskFailed("bad_url", f"This isn't an address: {error}", retry=False) from error


def _headers(spec: HttpSpec) -> httpx.Headers:
    """The headers from the file, with case-insensitive names.

    Raises:
        TaskFailed: a value can't be sent (``bad_header``).
    """
    headers = httpx.Headers()
    for name, value in spec.headers.items():
        if not _HEADER_VALUE.fullmatch(value.strip()):
            raise TaskFailed("bad_header", _bad_header(name), retry=False)
        if name.lower() not in _OWN_HEADERS:
            headers[name] = value.strip()
    return headers


def _bad_header(name: str) -> str:
    return (
        f"The value of {name} contains a line break or non-ASCII characters, which a header "
        "can't carry."
    )


def _with_query(url: str, query: Mapping[str, Any]) -> str:
    """An address with further fields in its query."""
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return f"{address}{joint}{_encoded(query, quote)}{mark}{fragment}"


def _encoded(fields: Mapping[str, Any], quote_via: Callable[..., str]) -> str:
    """Fields as a query or a form.

    Raises:
        TaskFailed: a value can't be sent (``bad_body``).
    """
    pairs = [
        (name, as_text(item))
        for name, value in fields.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    try:
        return urlencode(pairs, safe="", quote_via=quote_via)
    except UnicodeEncodeError as error:
        raise _bad_body() from error


def _content(spec: HttpSpec) -> tuple[bytes | None, str]:
    """The encoded body and its media type.

    Raises:
        TaskFailed: the body can't be sent (``bad_body``).
    """
    if spec.form:
        return _encoded(spec.form, quote_plus).encode(), "application/x-www-form-urlencoded"
    body = spec.body
    if body is None:
        return None, ""
    try:
        if isinstance(body, str):
            return body.encode(), ""
        return json.dumps(body, default=str, allow_nan=False).encode(), "application/json"
    except ValueError as error:  # UnicodeError is one
        raise _bad_body() from error


def _bad_body() -> TaskFailed:
    return TaskFailed(
        "bad_body",
        "The body can't be sent: it contains a lone surrogate, NaN or Infinity.",
        retry=False,
    )


def _read(answer: httpx.Response, text: str) -> Any:
    if "json" in answer.headers.get("Content-Type", ""):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):  # not JSON, or nested too deeply
            pass
    return text
