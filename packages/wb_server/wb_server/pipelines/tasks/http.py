"""The task type ``http``: calls a webhook or another HTTP API."""

from __future__ import annotations

import contextlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ...gate.calls import (
    OWN_HEADERS,
    CallRequest,
    CallResult,
    FieldName,
    HeaderName,
    body_bytes,
    encoded,
)
from ...kit.errors import InvalidInput
from ...kit.network import NetworkPolicy, Peer
from ...kit.sending import Sending, Stopped
from ...queries.broker import Broker
from ..definition.fields import Body, ConnectionName, Url, UrlPath, Value
from ..definition.models import TaskSpec
from ..definition.uses import CheckContext, ConnectionUse, TaskProblem
from .base import Attempt, TaskFailed, TaskResult, TaskType

# The maximum size of an answer, which becomes an output. A longer one fails instead of being cut.
_ANSWER_BYTES = 32 * 1024
# Headers that address the host and frame the body: the task sets them itself.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade"})

_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")


class HttpSpec(TaskSpec):
    """Sends one HTTP request, and fails if the status isn't an expected one."""

    shown: ClassVar[tuple[str, ...]] = ("url",)

    type: Literal["http"]
    connection: ConnectionName | None = Field(
        default=None,
        description="A connection of the kind HTTP API, instead of `url`: it has the address and the "
        "secret. A method other than `GET` takes the right to write.",
        examples=["crm"],
    )
    path: UrlPath | None = Field(
        default=None,
        description="With `connection`: the path below its base URL. A value in it stays one part of "
        "the path.",
        examples=["/users/{{ params.id }}"],
    )
    url: Url | None = Field(
        default=None,
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
        "can read the file, and a `connection` keeps it. `Idempotency-Key` is set to the task run's id, which stays the "
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

    @model_validator(mode="before")
    @classmethod
    def _one_address(cls, value: Any) -> Any:
        if isinstance(value, dict):
            given = {"url", "connection", "path"} & set(value)
            if given not in ({"url"}, {"connection", "path"}):
                raise PydanticCustomError(
                    "one_address",
                    "It needs either a url, or a connection and a path such as /users.",
                )
        return value

    def uses(self) -> Iterable[ConnectionUse]:
        if self.connection is not None:
            yield ConnectionUse(self.connection, write=self.method != "GET")

    def problems(self, context: CheckContext) -> Iterable[TaskProblem]:
        if self.form and self.body is not None:
            yield TaskProblem(
                ("form",), "bad_body", "A request has a `body` or a `form`. Remove one of them."
            )
        if self.url is not None and "{{" not in self.url.partition("/")[0]:
            try:
                # A digit is valid wherever an expression may stand: in a host, port or path.
                _target(_EXPRESSION.sub("1", self.url))
            except TaskFailed as error:
                yield TaskProblem(("url",), error.code, error.message)
        for name, value in self.headers.items():
            if name.lower() in (_OWN_HEADERS if self.connection is None else OWN_HEADERS):
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

    def __init__(self, network: NetworkPolicy, broker: Broker) -> None:
        self._network = network
        self._broker = broker

    def run(self, spec: HttpSpec, attempt: Attempt) -> TaskResult:
        """Sends the request.

        Raises:
            TaskFailed: ``bad_url``, ``bad_header``, ``bad_body``, ``http_failed`` (no answer),
                ``http_status`` (an unexpected status), ``answer_too_large``.
            WorkbenchError: the address isn't allowed or unknown; as for ``Calls.call``.
        """
        if spec.connection is not None:
            host, result = spec.connection, self._called(spec, attempt)
        else:
            host, result = self._sent(spec, attempt)
        return _checked(spec, attempt, host, result)

    def _called(self, spec: HttpSpec, attempt: Attempt) -> CallResult:
        """The answer of a connection's API."""
        try:
            request = CallRequest(
                connection=spec.connection or "",
                method=spec.method,
                path=spec.path or "",
                query=spec.query,
                headers={"Idempotency-Key": attempt.task_run_id, **_headers(spec)},
                body=spec.body,
                form=spec.form,
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise TaskFailed("bad_request", f"{where}: {first['msg']}", retry=False) from None
        attempt.recorder.log(f"{spec.method} {spec.connection}: {spec.path}")
        return self._broker.calls.call(
            attempt.actor, attempt.origin, request, attempt.hang_up, limit=_ANSWER_BYTES
        )

    def _sent(self, spec: HttpSpec, attempt: Attempt) -> tuple[str, CallResult]:
        """The host of the address, and its answer."""
        written = spec.url or ""
        scheme, host, port = _target(written)
        url = _parsed(_with_query(written, spec.query)).copy_with(host=host, port=port)
        headers = _headers(spec)
        # Otherwise httpx would parse the host name, and it accepts fewer names than resolvers do.
        headers["Host"] = url.netloc.decode("ascii")
        headers["Idempotency-Key"] = attempt.task_run_id
        headers.setdefault("User-Agent", "Workbench")
        with _refusals():
            content, media_type = body_bytes(spec.body, spec.form)
        if media_type:
            headers.setdefault("Content-Type", media_type)
        request = httpx.Request(spec.method, url, headers=headers, content=content)

        def check(host: str, port: int) -> Peer:
            peer = self._network.check(host, port)
            attempt.recorder.log(f"{spec.method} {scheme}://{host}:{port} ({peer.address})")
            return peer

        sending = Sending(check, _ANSWER_BYTES)
        attempt.hang_up.then(sending.stop)
        try:
            received = sending.send(request, attempt.seconds_left())
        except Stopped:
            raise TaskFailed("stopped", "The request was cancelled.") from None
        except (httpx.HTTPError, OSError) as error:
            raise TaskFailed(
                "http_failed", f"{host} did not answer: {str(error) or type(error).__name__}."
            ) from error
        answer = received.answer
        return host, CallResult(
            answer.status_code,
            answer.reason_phrase,
            answer.headers,
            received.body,
            received.truncated,
            answer.encoding or "utf-8",
        )


def _checked(spec: HttpSpec, attempt: Attempt, host: str, result: CallResult) -> TaskResult:
    """The outputs of an answer with an expected status.

    Raises:
        TaskFailed: ``http_status``, ``answer_too_large``.
    """
    status = result.status
    size = f"more than {len(result.body):,}" if result.truncated else f"{len(result.body):,}"
    attempt.recorder.log(f"{status} {result.reason}, {size} bytes")
    expected = status in spec.expect if spec.expect else 200 <= status < 300
    text = result.text
    if not expected:
        raise TaskFailed(
            "http_status",
            f"{host} answered with {status} {result.reason}.",
            retry=status >= 500 or status in (408, 409, 425, 429),
            status=status,
            answer=text[:2_000],
        )
    if result.truncated:
        raise TaskFailed(
            "answer_too_large",
            f"The response exceeds {_ANSWER_BYTES // 1024} KiB. Request less.",
            retry=False,
        )
    return TaskResult(outputs={"status": status, "answer": _read(result, text)})


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
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host):
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
    """An address with further fields in its query.

    Raises:
        TaskFailed: a value can't be sent (``bad_body``).
    """
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    with _refusals():
        return f"{address}{joint}{encoded(query, form=False)}{mark}{fragment}"


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        raise TaskFailed(error.code, error.message, retry=False) from error


def _read(result: CallResult, text: str) -> Any:
    if "json" in result.headers.get("content-type", ""):
        try:
            value = json.loads(text)
            json.dumps(value, allow_nan=False)
            return value
        except (ValueError, RecursionError):  # not JSON, NaN or Infinity, or nested too deeply
            pass
    return text
