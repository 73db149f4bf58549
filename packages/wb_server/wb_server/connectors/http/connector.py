"""HTTP APIs: requests below a base URL, with a secret that stays in the service.

There is no SQL and no catalog here: operations are called (capability ``call``). A request goes to the
base URL's host only, at the address that the network policy has checked, and no redirect is followed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
from pydantic import ConfigDict, Field, SecretStr, field_validator

from ...gate.calls import OWN_HEADERS, CallResult
from ...gate.permits import CallPermit, Permit
from ...kit.errors import (
    Conflict,
    InvalidInput,
    SourceFailed,
    SourceTimeout,
    WorkbenchError,
)
from ...kit.network import NetworkPolicy
from ...kit.sending import Received, Sending, Stopped
from ..base import Answer, CallSession, Connector, ConnectorConfig, Session, Target, require_fit
from ..models import Capability, ColumnInfo, SchemaInfo, TableInfo
from .secret import Secret

_HEADER: re.Pattern[str] = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SECRET: re.Pattern[str] = re.compile(r"[\x20-\x7e]*")
_TEST_BYTES = 64 * 1024


class HttpConfig(ConnectorConfig):
    """An HTTP API: where it is, and how requests sign in."""

    model_config = ConfigDict(extra="forbid", title="HTTP API")

    base_url: str = Field(
        title="Base URL",
        description="Requests go to paths below it.",
        max_length=1_000,
        json_schema_extra={"examples": ["https://api.example.org/v2"]},
    )
    auth: Literal["none", "bearer", "basic", "header"] = Field(
        "none",
        title="Sign-in",
        json_schema_extra={
            "enum_titles": ["None", "Bearer token", "User and password", "Key in a header"]
        },
    )
    header: str = Field(
        "X-API-Key",
        title="Header",
        description="The name of the header with the key.",
        max_length=100,
        json_schema_extra={"shown_for": {"auth": ["header"]}},
    )
    user: str | None = Field(
        None,
        title="User",
        max_length=200,
        json_schema_extra={"login": True, "shown_for": {"auth": ["basic"]}},
    )
    secret: SecretStr | None = Field(
        None,
        title="Secret",
        description="The token, the password or the key.",
        json_schema_extra={"shown_for": {"auth": ["bearer", "basic", "header"]}},
    )
    test_path: str = Field(
        "",
        title="Path for tests",
        description="A GET of this path tests the connection. Empty: of the base URL.",
        max_length=1_000,
        pattern=r"^(/[!-~]*)?$",
        json_schema_extra={"examples": ["/status"]},
    )

    @field_validator("base_url")
    @classmethod
    def _plain_url(cls, url: str) -> str:
        if not url.isascii() or not url.isprintable() or re.search(r"[\s\\?#]", url):
            raise ValueError(
                "must be an address without a query, such as https://api.example.org/v2"
            )
        parts = urlsplit("")
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            httpx.URL(url)
        except (ValueError, httpx.InvalidURL):
            valid = False
        if not valid:
            raise ValueError("must be an address such as https://api.example.org/v2")
        if parts.username is not None or parts.password is not None:
            raise ValueError("must not contain a user or a password: there are fields for them")
        if any(part in (".", "..") for part in parts.path.split("/")):
            raise ValueError("must not contain . or .. as a part")
        return url.rstrip("/")

    @field_validator("header")
    @classmethod
    def _header_name(cls, name: str) -> str:
        if not _HEADER.fullmatch(name) or name.lower() in OWN_HEADERS - {"authorization"}:
            raise ValueError("isn't a header that can carry a key")
        return name

    @field_validator("secret")
    @classmethod
    def _one_line(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _SECRET.fullmatch(secret.get_secret_value()):
            raise ValueError("must be ASCII text on one line")
        return secret if secret and secret.get_secret_value() else None

    @field_validator("user")
    @classmethod
    def _no_colon(cls, user: str | None) -> str | None:
        if user is not None and (":" in user or not user.isprintable()):
            raise ValueError("must not contain a colon or a line break")
        return user or None

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The host and the port that requests go to."""
        parts = urlsplit(self.base_url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def sign_in(self) -> tuple[str, str] | None:
        """The header that signs a request in.

        Raises:
            SourceFailed: the secret or the user is missing (``sign_in_failed``).
        """
        if self.auth == "none":
            return None
        if self.secret is None or (self.auth == "basic" and self.user is None):
            raise SourceFailed(
                "The connection has no secret for its sign-in. Edit the connection and enter it.",
                code="sign_in_failed",
            )
        secret = self.secret.get_secret_value()
        if self.auth == "bearer":
            return "Authorization", f"Bearer {secret}"
        if self.auth == "header":
            return self.header, secret
        both = base64.b64encode(f"{self.user}:{secret}".encode()).decode()
        return "Authorization", f"Basic {both}"


class HttpConnector(Connector):
    """The connector of HTTP APIs.

    Args:
        policy: decides which addresses may be dialled.
    """

    kind: ClassVar[str] = "http"
    title: ClassVar[str] = "HTTP API"
    description: ClassVar[str] = "Requests to an HTTP API, from pipelines and notebooks."
    dialect: ClassVar[None] = None
    supports_writes: ClassVar[bool] = True
    supports_schemas: ClassVar[bool] = False
    Config: ClassVar[type[ConnectorConfig]] = HttpConfig

    def __init__(self, policy: NetworkPolicy) -> None:
        self._policy = policy

    @classmethod
    def capabilities(cls) -> list[Capability]:
        return ["call"]

    def check(self, config: ConnectorConfig) -> None:
        assert isinstance(config, HttpConfig)
        self._policy.check(*config.host_and_port)

    def destination(self, config: ConnectorConfig) -> object:
        assert isinstance(config, HttpConfig)
        return config.base_url, config.auth, config.header

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        assert isinstance(target.config, HttpConfig)
        if permit.kind != "test":
            raise no_sql()
        return _Test(_Exchange(target.config, self._policy, _TEST_BYTES))

    def open_call(self, permit: CallPermit, target: Target, limit: int) -> CallSession:
        require_fit(permit, target)
        assert isinstance(target.config, HttpConfig)
        return HttpCall(permit, _Exchange(target.config, self._policy, limit))


def no_sql() -> InvalidInput:
    """The error of a statement, or a catalog request, on such a connection."""
    return InvalidInput(
        "This is the connection of an HTTP API, which has no tables and takes no SQL. Use an http "
        "task of a pipeline, or wb.http() in a notebook.",
        code="no_sql",
    )


class _Exchange:
    """One request with the connection's secret."""

    def __init__(self, config: HttpConfig, policy: NetworkPolicy, limit: int) -> None:
        self._config = config
        self._sending = Sending(policy.check, limit)
        self.stop = self._sending.stop

    def send(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        content: bytes | None,
        seconds: float,
    ) -> CallResult:
        config = self._config
        url = httpx.URL(f"{config.base_url}{target}")
        sign_in = config.sign_in()
        sent = httpx.Headers(headers)
        for name in sent:
            if name.lower() in OWN_HEADERS or (sign_in and name.lower() == sign_in[0].lower()):
                raise InvalidInput(
                    f"The header {name} is set by the connection. Remove it.",
                    code="bad_header",
                    field=f"headers.{name}",
                )
        host, port = config.host_and_port
        sent["Host"] = url.netloc.decode("ascii")
        sent.setdefault("User-Agent", "Workbench")
        if sign_in is not None:
            sent[sign_in[0]] = sign_in[1]
        request = httpx.Request(method, url, headers=sent, content=content)
        try:
            received = self._sending.send(request, seconds)
        except Stopped:
            raise Conflict("The request was cancelled.", code="cancelled") from None
        except httpx.TimeoutException:
            raise SourceTimeout(f"{host} didn't answer in time.", code="timeout") from None
        except (httpx.HTTPError, OSError, ValueError) as error:
            if isinstance(error, WorkbenchError):
                raise
            raise SourceFailed(
                f"{host}:{port} can't be reached, or didn't answer as an HTTP server.",
                code="unreachable",
            ) from None
        return self._result(received)

    def _result(self, received: Received) -> CallResult:
        """The answer, without the secret if the server has repeated it."""
        answer = received.answer
        secret = self._secret()
        shown = {
            name: secret.hidden(value)
            for name, value in answer.headers.items()
            if name not in ("set-cookie", "content-encoding", "transfer-encoding", "content-length")
        }
        return CallResult(
            answer.status_code,
            secret.hidden(answer.reason_phrase),
            shown,
            secret.hidden_in(received.body, cut=received.truncated),
            received.truncated,
            answer.encoding or "utf-8",
        )

    def _secret(self) -> Secret:
        sign_in = self._config.sign_in()
        if sign_in is None or self._config.secret is None:
            return Secret()
        return Secret(sign_in[1].rpartition(" ")[2], self._config.secret.get_secret_value())


class HttpCall(CallSession):
    """One permitted request."""

    def __init__(self, permit: CallPermit, exchange: _Exchange) -> None:
        self._permit = permit
        self._exchange = exchange

    def call(self, *, timeout: float) -> CallResult:
        permit = self._permit
        return self._exchange.send(
            permit.method, permit.target, dict(permit.headers), permit.content, timeout
        )

    def cancel(self) -> None:
        self._exchange.stop()

    def close(self) -> None:
        self._exchange.stop()


class _NoRows(Answer):
    schema = pa.schema([])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(())


class _Test(Session):
    """A test: a GET, which has to be answered with success."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange
        self._server: str | None = None

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        path = self._exchange._config.test_path
        result = self._exchange.send("GET", path, {}, None, timeout)
        if result.status in (401, 403, 407):
            raise SourceFailed(
                f"The API refused the sign-in: {result.status} {result.reason}.",
                code="sign_in_failed",
            )
        if result.status >= 300:
            where = path or "the base URL"
            raise SourceFailed(
                f"The API answered {where} with {result.status} {result.reason}. Set a path for "
                "tests that answers with success.",
                code="http_status",
                status=result.status,
            )
        self._server = result.headers.get("server")
        return _NoRows()

    def schemas(self) -> list[SchemaInfo]:
        raise no_sql()

    def tables(self, schema: str | None) -> list[TableInfo]:
        raise no_sql()

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        raise no_sql()

    def server_version(self) -> str | None:
        return self._server

    def cancel(self) -> None:
        self._exchange.stop()

    def close(self) -> None:
        self._exchange.stop()
