"""How an endpoint is declared: once, with everything that belongs to it.

An ``Endpoint`` names the method, path, request and response models, the required right and the audit
action. Routing, validation, authorisation, audit and OpenAPI follow from it, so no endpoint can
forget one of them. Handlers are plain functions of a ``Call``; the hosts run them in a thread.
"""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal, Protocol, TypeVar, cast, runtime_checkable

from pydantic import BaseModel, ValidationError

from .actor import Actor
from .errors import InvalidInput

Method = Literal["GET", "POST", "PATCH", "DELETE"]
# How a request, or a query, ended.
Outcome = Literal["ok", "failed", "cancelled", "hung_up", "refused", "unknown"]
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Origin:
    """Where a request came from: the address and the request's id, for audit and logs.

    Attributes:
        attempt: the attempt of a pipeline's task, as the kernel claims; never trusted unverified.
        deadline: when the task that requests it must end, by ``clock.monotonic``; from workers only.
    """

    address: str
    request_id: str
    attempt: str | None = None
    deadline: float | None = None


class HangUp:
    """Notifies those working on a request that its client hung up. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gone = False
        self._then: list[Callable[[], None]] = []

    def then(self, stop: Callable[[], None]) -> None:
        """Calls ``stop`` when the client hangs up; at once if it already has."""
        with self._lock:
            if not self._gone:
                self._then.append(stop)
                return
        stop()

    def now(self) -> None:
        """The host calls it when the client has hung up."""
        with self._lock:
            self._gone = True
            then, self._then = self._then, []
        for stop in then:
            stop()


class Services:
    """The parts of a process, by class; the rooms add them."""

    def __init__(self) -> None:
        self._by_class: dict[type, object] = {}

    def add(self, service: T, kind: type[T] | None = None) -> None:
        """Adds a part, under its own class or ``kind``."""
        self._by_class[kind or type(service)] = service

    def get(self, kind: type[T]) -> T:
        """The part of this class."""
        return cast(T, self._by_class[kind])


@dataclass
class Call:
    """One request, as a handler gets it: verified and parsed, with the services."""

    actor: Actor
    origin: Origin
    services: Services
    path: dict[str, str] = field(default_factory=dict)
    hang_up: HangUp = field(default_factory=HangUp)
    _body: BaseModel | None = None
    _upload: BinaryIO | None = None
    _query: BaseModel | None = None

    def service(self, kind: type[T]) -> T:
        """A service by its class."""
        return self.services.get(kind)

    def body(self, model: type[M]) -> M:
        """The validated body; ``model`` is the one that the endpoint declares."""
        assert isinstance(self._body, model)
        return self._body

    @property
    def upload(self) -> BinaryIO:
        """The file that was sent, if the endpoint declares one; the host closes it at the end."""
        assert self._upload is not None
        return self._upload

    def query(self, model: type[M]) -> M:
        """The validated query parameters; ``model`` is the one that the endpoint declares."""
        assert isinstance(self._query, model)
        return self._query


class ByteStream(ABC):
    """An answer that is sent as it is produced. The host pulls, so a slow reader slows the source."""

    media_type: str
    headers: dict[str, str]

    @abstractmethod
    def __iter__(self) -> Iterator[bytes]:
        """Yields the body in pieces; called in worker threads, one piece at a time."""

    @abstractmethod
    def close(self) -> None:
        """Frees what the stream holds; the host always calls it at the end."""


@dataclass(frozen=True)
class EventStream:
    """An answer of server-sent events on these topics, sent by the host."""

    topics: frozenset[str]


@dataclass(frozen=True)
class Endpoint:
    """One endpoint of the API.

    Attributes:
        path: below ``/api/v1``, with ``{name}`` for a variable part.
        action: the name of the required right, from the rooms' ``actions``. ``None`` opens it to
            everyone, without a token.
        handle: takes the call and returns the answer (a model or a stream).
        answer: the model of the answer, or the media type of a stream.
        audit: the action under which the host writes ``started`` and ``finished``; ``None`` where
            nothing is accessed or changed, or where the service writes a more detailed record.
        errors: its error statuses besides those that all endpoints share.
        waits: whether the handler may wait long, for a source or for its turn. Such handlers have
            their own threads, so that the others are answered however many wait.
        max_body: maximum size of its body in bytes, if larger than the others'.
        upload: the media type of its body, if that is a file, which is kept on disk.
    """

    method: Method
    path: str
    action: str | None
    handle: Callable[[Call], BaseModel | ByteStream | EventStream | dict[str, Any]]
    summary: str
    answer: type[BaseModel] | str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    audit: str | None = None
    status: int = 200
    errors: tuple[int, ...] = ()
    waits: bool = False
    max_body: int = 0
    upload: str = ""

    @property
    def name(self) -> str:
        """The operation's id: the room and the handler's name."""
        return f"{self.room}_{self.handle.__name__}"

    @property
    def room(self) -> str:
        """Its room: the first part of its path."""
        return self.path.split("/")[1]

    @property
    def path_names(self) -> list[str]:
        """The names of the path's variable parts."""
        return re.findall(r"{(\w+)}", self.path)

    def pattern(self) -> str:
        """The path as a regular expression with a group for each variable part."""
        return re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path)


class Recorder(Protocol):
    """What a host needs of the audit log."""

    def started(
        self, actor: Actor, origin: Origin, action: str, *, target: str | None = None
    ) -> str: ...

    def finished(
        self, record: str, outcome: Outcome, *, code: str | None = None, target: str | None = None
    ) -> None: ...

    def refused(
        self,
        actor: Actor | None,
        origin: Origin,
        action: str,
        *,
        code: str,
        target: str | None = None,
    ) -> None: ...


@runtime_checkable
class HasAuditTarget(Protocol):
    """A body that names its target more precisely than the path does."""

    def audit_target(self) -> str:
        """The target of the request, besides the path's parts; never a secret."""


@dataclass(frozen=True)
class Api:
    """Everything that a host needs to serve the endpoints.

    Attributes:
        max_body: maximum size of a body in bytes.
        max_waits: maximum number of waiting handlers (``Endpoint.waits``) at the same time.
    """

    endpoints: tuple[Endpoint, ...]
    services: Services
    authorise: Callable[[Actor, str], None]
    recorder: Recorder
    max_body: int
    max_waits: int


def parse_body(model: type[M], raw: bytes) -> M:
    """Parses and validates a body.

    Raises:
        InvalidInput: it isn't JSON (``not_json``) or doesn't fit (``invalid_field``, with
            ``details.field`` and ``details.fields``).
    """
    try:
        value = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not valid JSON.", code="not_json") from error
    if not isinstance(value, dict):
        raise InvalidInput("The body must be a JSON object.", code="not_json")
    if _ESCAPED.search(raw):
        for name, part in value.items():
            _check_text([name, part], name)
    return validate(model, value)


# JSON escapes of what no database can store as text: an unpaired surrogate, and NUL.
_ESCAPED = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")


def _check_text(value: Any, field: str) -> None:
    """Refuses texts that can't be stored or passed on.

    NUL is allowed in a statement's parameters: some databases accept it.

    Raises:
        InvalidInput: ``invalid_field``.
    """
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            wrong = "it contains an unpaired surrogate"
        elif "\0" in value and field != "params":
            wrong = "it contains a NUL character"
        else:
            return
        raise InvalidInput(
            f"{field}: {wrong}.", code="invalid_field", field=field, fields={field: wrong}
        )
    for name in value if isinstance(value, dict) else ():
        _check_text(name, field)
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, str | dict | list):
            _check_text(part, field)


def validate(model: type[M], value: dict[str, Any], within: str = "") -> M:
    """Validates a dictionary as its model.

    Args:
        within: prefixed to the fields' names in messages, such as ``config``.

    Raises:
        InvalidInput: ``invalid_field``, or ``unknown_field`` for one that the model doesn't have.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _field_error(error, within) from None


def _field_error(error: ValidationError, within: str) -> InvalidInput:
    # The rejected value is left out of the message: it may be a secret.
    fields = {}
    unknown = False
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"])
        place = ".".join(part for part in (within, place) if part) or "body"
        if problem["type"] == "extra_forbidden":
            unknown = True
            fields[place] = "there is no such field"
        else:
            fields[place] = problem["msg"].removeprefix("Value error, ")
    first, reason = next(iter(fields.items()))
    more = f" ({len(fields) - 1} more)" if len(fields) > 1 else ""
    return InvalidInput(
        f"{first}: {reason}.{more}",
        code="unknown_field" if unknown else "invalid_field",
        field=first,
        fields=fields,
    )
