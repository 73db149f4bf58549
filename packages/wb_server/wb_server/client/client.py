"""The client: sends requests to the service as a user, and raises errors for failures."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import httpx
import pyarrow as pa

from .closing import Closing
from .connections import ConnectionInfo, Connections
from .errors import QueryError, ServiceUnreachable, error_from
from .http_api import HttpConnection
from .loads import Loaded, LoadMode, stream_file
from .parameters import encode_params
from .patience import Patience
from .result import Result
from .stream import Stream
from .wire import ARROW_STREAM, json_object

CONNECT_SECONDS = 10.0
CANCEL_SECONDS = 3.0  # a cancel after an interrupt is a courtesy: don't make the user wait for it
IDLE_SECONDS = 60.0
# Longer than any query, but finite: with a timeout Python waits in poll(), which a signal always
# interrupts. Without one it waits in recv(), which restarts after SIGINT once polars is imported, so the
# stop button would do nothing.
READ_SECONDS = 7 * 24 * 3600.0
_CHUNK_BYTES = 1 << 20


class Client(Closing):
    """Talks to the Workbench service as the user whose token it has.

    It keeps its connections to the service open between queries, and is thread-safe.

    Args:
        url: the address of the service, without ``/api/v1/…``; defaults to ``WORKBENCH_URL``.
        token: the user's token; defaults to ``WORKBENCH_TOKEN`` or ``JUPYTERHUB_API_TOKEN``.

    Raises:
        ServiceUnreachable: no address was given and none is in the environment.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        url = url or os.environ.get("WORKBENCH_URL")
        if not url:
            raise ServiceUnreachable(
                "No address of the Workbench service: WORKBENCH_URL isn't set in this process."
            )
        token = token or os.environ.get("WORKBENCH_TOKEN") or os.environ.get("JUPYTERHUB_API_TOKEN")
        # Without user info, because errors quote the address.
        self._url = str(httpx.URL(url).copy_with(userinfo=b"")).rstrip("/")
        secure = self._url.lower().startswith("https:")
        # A query may take long before it answers, so no read timeout is useful; keepalive probes
        # detect a dead peer.
        alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        if hasattr(socket, "TCP_KEEPIDLE"):
            alive += [
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            ]
        transport = httpx.HTTPTransport(  # noqa: TID251  in a kernel, which has no kit
            verify=secure,  # loading certificates is slow, and plain HTTP needs none
            limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=IDLE_SECONDS),
            socket_options=alive,
        )
        self._http = httpx.Client(  # noqa: TID251
            base_url=f"{self._url}/api/v1/",
            headers={"Accept-Encoding": "identity", "User-Agent": "workbench-client"},
            timeout=httpx.Timeout(CONNECT_SECONDS, read=READ_SECONDS),
            transport=transport,
            # No proxy and no .netrc: the token must go to the service only.
            trust_env=False,
            follow_redirects=False,
        )
        if token:
            self._http.headers["Authorization"] = f"token {token}"
        # In the kernel of a pipeline task: the service refuses requests once the attempt is stale.
        attempt = os.environ.get("WORKBENCH_ATTEMPT")
        self._in_task = bool(attempt)
        if attempt:
            self._http.headers["Workbench-Attempt"] = attempt

    def __repr__(self) -> str:
        return f"<Client of {self._url}>"

    def query(
        self,
        connection: str,
        sql: str,
        params: Mapping[str, Any] | None = None,
        *,
        row_limit: int | None = None,
        query_id: str | None = None,
    ) -> Result:
        """Runs a statement and returns once the first bytes of its answer have arrived.

        An interrupt (Ctrl-C, the kernel's stop button) stops the query in the database.

        Args:
            connection: name or id of the connection.
            sql: one statement; parameters are written ``:name``.
            params: the values of the parameters, sent separately from the text.
            row_limit: the maximum number of rows; the service's own limit applies too.
            query_id: a UUID; generated if omitted.

        In the kernel of a pipeline's task it waits while the service is away.

        Raises:
            QueryError: the service refused the query, or it failed.
        """
        payload = {
            "connection": connection,
            "sql": sql,
            "params": encode_params(params),
            "row_limit": row_limit,
        }
        stream, query_id = self._started(
            payload, query_id or str(uuid.uuid4()), Patience(self._in_task)
        )
        again = partial(self._again, payload, query_id) if self._in_task else None
        return Result(stream, query_id, again)

    def _started(
        self, payload: dict[str, Any], query_id: str, patience: Patience
    ) -> tuple[Stream, str]:
        """Starts a query, and returns its rows and its id."""
        while True:
            try:
                return self._sent(payload, query_id)
            except QueryError as error:
                patience.after(error)
                never_sent = isinstance(error, ServiceUnreachable) and not error.sent
                if not never_sent and patience.may_repeat(partial(self._fate, query_id)):
                    query_id = str(uuid.uuid4())

    def _again(self, payload: dict[str, Any], query_id: str) -> Stream | None:
        """The rows of a query once more, if its answer was cut; ``None`` if it never started."""
        patience = Patience(self._in_task)
        if not patience.may_repeat(partial(self._fate, query_id)):
            return None
        return self._started(payload, str(uuid.uuid4()), patience)[0]

    def _fate(self, query_id: str) -> dict[str, Any]:
        return self._decoded(self._send("GET", f"query/{query_id}"))

    def _sent(self, payload: dict[str, Any], query_id: str) -> tuple[Stream, str]:
        """Sends a statement, and returns its rows once their first bytes have arrived, and its id."""
        payload = {**payload, "query_id": query_id}
        response: httpx.Response | None = None
        try:
            response = self._send(
                "POST", "query", payload, accept=ARROW_STREAM, stream=True, query_id=query_id
            )
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind != ARROW_STREAM:
                raise ServiceUnreachable(
                    f"{self._url} answered with {kind or 'nothing'} instead of rows. "
                    "Is it the address of the Workbench service?",
                    code="not_the_service",
                )
            query_id = response.headers.get("Workbench-Query-Id", query_id)
            return Stream(response, query_id, partial(self._cancel_quietly, query_id)), query_id
        except BaseException as problem:
            if response is not None:
                response.close()
            if isinstance(problem, KeyboardInterrupt):
                self._cancel_quietly(query_id)
            raise

    def load(
        self,
        connection: str,
        table: str,
        rows: pa.Table,
        *,
        mode: LoadMode = "append",
        key: Sequence[str] = (),
    ) -> Loaded:
        """Loads rows into a table, all or none; they are committed when this returns.

        An interrupt (Ctrl-C, the kernel's stop button) stops the load, and leaves the table as it was.

        Args:
            connection: name or id of the connection.
            table: ``schema.table`` or ``table``.
            rows: the rows; their columns are matched to the table's by name.
            mode: ``append`` adds them to a table, ``create`` makes the table, ``replace`` puts them in the
                place of its rows, or makes it, and ``upsert`` updates rows by their key and adds the
                others.
            key: for ``upsert``: the columns that identify a row.

        Raises:
            QueryError: the load was refused or failed; the table is as it was.
        """
        where = {"connection": connection, "table": table, "mode": mode}
        query = httpx.QueryParams({**where, "key": json.dumps(list(key))})
        began = time.monotonic()
        with stream_file(rows) as file:
            size = file.tell()

            def send() -> httpx.Response:
                file.seek(0)
                return self._send("POST", f"load?{query}", file=file, size=size)

            response = Patience(self._in_task).call_once(send)
        done = self._decoded(response)
        return Loaded(
            rows=int(done["rows"]),
            table=f"{connection}.{done['table']}",
            mode=mode,
            seconds=time.monotonic() - began,
        )

    def connections(self) -> Connections:
        """The connections that the user may see, by name."""
        response = Patience(self._in_task).call(lambda: self._send("GET", "connections"))
        items = self._decoded(response).get("items") or []
        infos = [
            ConnectionInfo(
                name=str(item["name"]),
                connector=str(item.get("connector") or ""),
                description=str(item.get("description") or ""),
                level=str(item.get("level") or ""),
                status=str((item.get("state") or {}).get("status") or ""),
                view=item,
            )
            for item in items
        ]
        return Connections(sorted(infos, key=lambda info: info.name))

    def http(self, connection: str) -> HttpConnection:
        """The HTTP API of a connection, called through the service.

        Args:
            connection: name or id of a connection of the kind HTTP API.
        """

        def send(payload: dict[str, Any]) -> dict[str, Any]:
            ask = partial(self._send, "POST", "call", payload)
            return self._decoded(Patience(self._in_task).call_once(ask))

        return HttpConnection(connection, send)

    def connectors(self) -> list[dict[str, Any]]:
        """The kinds of sources as the service describes them: their SQL and their capabilities."""
        response = Patience(self._in_task).call(lambda: self._send("GET", "connectors"))
        return list(self._decoded(response).get("items") or [])

    def cancel(self, query_id: str) -> bool:
        """Stops a running query in its database.

        Raises:
            QueryError: there is no such query of this user.
        """
        response = self._send("DELETE", f"query/{uuid.UUID(query_id)}")
        return bool(self._decoded(response).get("cancelled"))

    def close(self) -> None:
        """Closes the connections to the service."""
        self._http.close()

    def _send(
        self,
        method: str,
        path: str,
        payload: dict[str, Any] | None = None,
        *,
        accept: str = "application/json",
        stream: bool = False,
        query_id: str | None = None,
        file: BinaryIO | None = None,
        size: int = 0,
    ) -> httpx.Response:
        """Sends one request; raises an error for any answer that isn't a success.

        Args:
            payload: the body, as JSON.
            file: the body, as an Arrow stream of ``size`` bytes.
        """
        content: Any = None if payload is None else json.dumps(payload, allow_nan=False).encode()
        headers = {"Accept": f"{accept}, application/json;q=0.9"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if file is not None:
            content = iter(partial(file.read, _CHUNK_BYTES), b"")
            headers |= {"Content-Type": ARROW_STREAM, "Content-Length": str(size)}
        request = self._http.build_request(method, path, content=content, headers=headers)
        try:
            response = self._http.send(request, stream=stream)
            if response.status_code != 200 and stream:
                with contextlib.closing(response):
                    response.read()
        except httpx.TransportError as problem:
            error = ServiceUnreachable(
                f"The Workbench service at {self._url} doesn't answer "
                f"({type(problem).__name__}). Is it running?"
            )
            error.query_id = query_id
            error.sent = not isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout)
            raise error from problem
        of_proxy = response.status_code in (502, 503, 504) and (
            "error" not in json_object(response.content)
        )
        if self._in_task and of_proxy:
            raise ServiceUnreachable(
                f"The Workbench service at {self._url} doesn't answer: a proxy in front of it says "
                f"HTTP {response.status_code}."
            )
        if response.status_code != 200:
            raise error_from(
                json_object(response.content),
                response.status_code,
                query_id=query_id,
                fallback=f"The service answered with HTTP status {response.status_code}.",
            )
        return response

    def _decoded(self, response: httpx.Response) -> dict[str, Any]:
        return json_object(response.content)

    def _cancel_quietly(self, query_id: str) -> None:
        """Requests a cancel and ignores failures: hanging up has cancelled the query already."""
        with contextlib.suppress(Exception):
            self._http.delete(f"query/{query_id}", timeout=CANCEL_SECONDS)
