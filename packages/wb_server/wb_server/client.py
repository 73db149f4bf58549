"""The Python client of the service: it sends a connection's name and a query, and reads Arrow.

This is what kernels, scripts and notebooks use, so it belongs to the base install and imports
nothing of the service but the names of its errors. pandas and polars are imported when a frame
is asked for::

    from wb_server.client import Client

    client = Client()                                  # address and token from the environment
    answer = client.query("warehouse", "select * from sales where day = :day", {"day": day})
    frame = answer.df()                                # or .pl(), .arrow(), .batches()

Every expected failure is a :class:`QueryError`, and also the class of ``wb_server.kit.errors`` that
the service raised, so ``except errors.NotFound`` works on both sides of the wire::

    WorkbenchError
    └── QueryError
        ├── NotFound, Forbidden, …   one for each class in kit/errors
        ├── ServiceUnreachable       no answer at all: wrong address, service down (also Unavailable)
        ├── AnswerCut                the answer ended early or has another number of rows than promised
        └── InvalidParameter         a value that can't be sent as a parameter (also InvalidInput)
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import html
import json
import math
import os
import socket
import uuid
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import httpx
import pyarrow as pa

from wb_server.kit import errors
from wb_server.kit.errors import WorkbenchError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars

__all__ = [
    "AnswerCut",
    "AnswerTruncated",
    "Client",
    "ConnectionInfo",
    "Connections",
    "InvalidParameter",
    "QueryError",
    "Result",
    "ServiceUnreachable",
]

ARROW_STREAM = "application/vnd.apache.arrow.stream"
PROVENANCE = b"workbench"  # the metadata key in schemas and in the last batch
CONNECT_SECONDS = 10.0
CANCEL_SECONDS = 3.0  # a cancel is a courtesy after an interrupt: nobody should wait for it
IDLE_SECONDS = 60.0
# Longer than any query, but not endless: with a limit Python waits in poll(), which a signal always
# ends. Without one it waits in recv(), and importing polars makes SIGINT restart that: the stop
# button would do nothing.
READ_SECONDS = 7 * 24 * 3600.0


# --- errors -----------------------------------------------------------------------------------


class QueryError(WorkbenchError):
    """The service refused a request, or it failed.

    Attributes:
        message: one or two sentences for a person.
        code: a stable name for programs.
        details: what a program can use, such as near names or the place of a syntax error.
        status: the HTTP status of the error's kind.
        query_id: the query it belongs to, if there was one.
    """

    query_id: str | None = None


class ServiceUnreachable(QueryError, errors.Unavailable):
    """The service gave no answer: it is down, or the address is wrong."""

    default_code = "service_unreachable"


class AnswerCut(QueryError, errors.Unavailable):
    """The answer ended early: its rows must not be used."""

    default_code = "answer_cut"


class InvalidParameter(QueryError, errors.InvalidInput):
    """A Python value that can't be sent as a query parameter."""

    default_code = "invalid_parameter"


class AnswerTruncated(UserWarning):
    """The answer stops at the row limit; the source has more rows."""


def _kinds() -> dict[int, type[QueryError]]:
    """A class for each status: a QueryError that is also the service's own class."""
    kinds: dict[int, type[QueryError]] = {}
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, WorkbenchError) and cls is not WorkbenchError:
            kinds[cls.status] = type(cls.__name__, (QueryError, cls), {"__doc__": cls.__doc__})
    return kinds


_BY_STATUS = _kinds()
_BY_CODE = {kind.default_code: kind for kind in _BY_STATUS.values()}


def _error(
    wire: Any, status: int | None = None, *, query_id: str | None = None, fallback: str = ""
) -> QueryError:
    """The exception for an ``{"error": …}`` object of the service.

    Args:
        wire: the decoded body; anything that isn't the agreed shape gives the fallback text.
        status: the HTTP status; None for an error in the middle of a stream.
        query_id: the query it belongs to.
        fallback: the message if the body holds none, as when a proxy answered.
    """
    inner = wire.get("error") if isinstance(wire, dict) else None
    inner = inner if isinstance(inner, dict) else {}
    code = inner.get("code")
    details = inner.get("details")
    kind = _BY_CODE.get(str(code))
    if status is not None:
        kind = _BY_STATUS.get(status) or _BY_STATUS[400 if 400 <= status < 500 else 503]
    kind = kind or _BY_STATUS[502]
    message = str(inner.get("message") or fallback or "The service failed without a reason.")
    error = kind(message, code=str(code) if code else None)
    # Set, not passed: a detail may be called "code" or "message" as well.
    error.details = dict(details) if isinstance(details, dict) else {}
    error.query_id = query_id
    return error


# --- parameters -------------------------------------------------------------------------------


def encode_params(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Python values as the wire has them: JSON's own types, or ``{"type", "value"}``.

    Args:
        params: values by name. None, bool, int, float, str, Decimal, date, datetime, time, bytes,
            UUID, numpy scalars, pandas timestamps; and lists, tuples, sets, arrays and series
            of these.

    Raises:
        InvalidParameter: for anything else, and for NaN and infinity.
    """
    if params is None:
        return None
    return {str(name): _encode(name, value, nested=False) for name, value in params.items()}


def _encode(name: str, value: Any, *, nested: bool) -> Any:
    kind = type(value).__name__
    if value is None or kind in ("NaTType", "NAType"):  # pandas' own names for a missing value
        return None
    if isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidParameter(f"Parameter :{name} is {value}; use None for a missing value.")
        return float(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise InvalidParameter(f"Parameter :{name} is {value}; use None for a missing value.")
        return {"type": "decimal", "value": format(value, "f")}
    if isinstance(value, dt.datetime):
        return {"type": "timestamp", "value": value.isoformat()}
    if isinstance(value, dt.date):
        return {"type": "date", "value": value.isoformat()}
    if isinstance(value, dt.time):
        return {"type": "time", "value": value.isoformat()}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"type": "bytes", "value": base64.b64encode(value).decode("ascii")}
    if isinstance(value, uuid.UUID):
        return str(value)
    if kind == "datetime64":  # numpy's: .item() of nanoseconds would be a bare integer
        return _encode(name, value.astype("datetime64[us]").item(), nested=nested)
    if hasattr(value, "dtype") and getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _encode(name, value.item(), nested=nested)
    if hasattr(value, "as_py"):  # a pyarrow scalar
        return _encode(name, value.as_py(), nested=nested)
    if not nested:
        values = _sequence(value)
        if values is not None:
            return [_encode(name, item, nested=True) for item in values]
    what = "a list in a list" if nested and _sequence(value) is not None else kind
    raise InvalidParameter(
        f"Parameter :{name} is {what}, which can't be sent to a database: use a number, a text, "
        "a date or time, bytes, None, or a list of these."
    )


def _sequence(value: Any) -> Iterable[Any] | None:
    if isinstance(value, list | tuple | set | frozenset | range):
        return value
    for method in ("to_pylist", "to_list", "tolist"):  # pyarrow, polars and pandas, numpy
        convert = getattr(value, method, None)
        # a frame has none of these methods, a class has them unbound
        if callable(convert) and not isinstance(value, type):
            items = convert()
            return items if isinstance(items, list) else None
    return None


# --- connections ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """A connection as its user sees it: never with secrets.

    Attributes:
        name: what queries call it by.
        connector: the kind of source, such as ``postgres``.
        description: its owner's words.
        level: what the user may do: ``use``, ``write`` or ``manage``.
        status: ``ok``, ``failed`` or ``untested``.
        view: the whole answer of the service.
    """

    name: str
    connector: str
    description: str = ""
    level: str = ""
    status: str = ""
    view: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Connections(list[ConnectionInfo]):
    """The user's connections: a list that shows itself as a table."""

    _HEADS = ("name", "connector", "level", "status", "description")

    @property
    def names(self) -> list[str]:
        """The names alone."""
        return [each.name for each in self]

    def _cells(self) -> list[tuple[str, ...]]:
        return [(c.name, c.connector, c.level, c.status, c.description) for c in self]

    def __repr__(self) -> str:
        if not self:
            return "No connections."
        rows = [self._HEADS, *self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self._HEADS))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        if not self:
            return "<p>No connections.</p>"
        style = ' style="text-align:left"'
        head = "".join(f"<th{style}>{each}</th>" for each in self._HEADS)
        body = "".join(
            "<tr>" + "".join(f"<td{style}>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._cells()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


# --- the answer -------------------------------------------------------------------------------


class _Body:
    """A file over the body of a response, for Arrow's stream reader.

    Arrow asks for whole message bodies with ``read_buffer``. Each is filled straight from the
    chunks that the socket gave, so the data are copied once here, and the batches lie in these
    buffers: no more than one message is held.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks = response.iter_raw()
        self._chunk = memoryview(b"")
        self.closed = False

    def readable(self) -> bool:
        return True

    def read_buffer(self, size: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(size)
        target = memoryview(cast(Any, buffer)).cast("B")
        filled = 0
        chunk = self._chunk
        while filled < size:
            if not chunk:
                chunk = memoryview(next(self._chunks, b""))
                if not chunk:
                    break
            taken = min(len(chunk), size - filled)
            target[filled : filled + taken] = chunk[:taken]
            chunk = chunk[taken:]
            filled += taken
        self._chunk = chunk
        return buffer if filled == size else buffer.slice(0, filled)

    def read(self, size: int = -1) -> bytes:
        if size < 0:  # Arrow never asks for this
            return b"".join([bytes(self._chunk), *self._chunks])
        return bytes(self.read_buffer(size).to_pybytes())

    def drain(self) -> bool:
        """Reads to the end, so that the connection can be used again; False if data were left."""
        clean = not self._chunk
        for chunk in self._chunks:
            clean = clean and not chunk
            if not clean:
                break
        return clean

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._response.close()


class Result:
    """The answer to a query. It is read from the service once, when it is first asked for.

    ``df()``, ``pl()`` and ``arrow()`` read the whole answer and keep it as Arrow; ``batches()``
    gives it piece by piece and keeps nothing. Close a result that you don't read to the end
    (or use it in a ``with``): that stops its query in the database.
    """

    def __init__(self, client: Client, response: httpx.Response, query_id: str) -> None:
        self._client = client
        self._query_id = query_id
        self._body: _Body | None = _Body(response)
        self._reader: pa.RecordBatchStreamReader | None = None
        self._table: pa.Table | None = None
        self._final: dict[str, Any] | None = None
        self._streamed = False
        self._count = 0
        self._schema: pa.Schema = None  # until the first bytes are read, the query is query()'s
        with self._reading():
            self._reader = pa.ipc.open_stream(pa.PythonFile(self._body, mode="r"))
            self._schema = self._reader.schema
        self._provenance = _json_object((self._schema.metadata or {}).get(PROVENANCE))

    # -- what it is

    @property
    def query_id(self) -> str:
        """The id under which the service knows, cancels and audits the query."""
        return self._query_id

    @property
    def schema(self) -> pa.Schema:
        """The columns and their Arrow types; known before the rows are read."""
        return self._schema

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._schema.names)

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the rows come from: query, connection, limit, policies, and rows when read."""
        return {**self._provenance, **(self._final or {})}

    @property
    def rows(self) -> int:
        """The number of rows. Reads the answer if that wasn't done."""
        self._finish()
        return self._count

    @property
    def truncated(self) -> bool:
        """Whether the row limit cut the answer. Reads the answer if that wasn't done."""
        self._finish()
        return bool((self._final or {}).get("truncated"))

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        where = self._provenance.get("connection")
        size = f"{self._count} rows" if self._final else "not read yet"
        source = f" on {where}" if where else ""
        return f"<Result{source}: {len(self._schema.names)} columns, {size}, id {self._query_id}>"

    # -- the rows

    def arrow(self) -> pa.Table:
        """The answer as an Arrow table; ``schema.metadata[b"workbench"]`` says where it is from.

        Raises:
            AnswerCut: the answer ended early.
            QueryError: the query failed while its rows were sent.
        """
        if self._table is None:
            if self._streamed:
                raise QueryError(
                    "The rows of this answer were read with batches() and not kept; "
                    "run the query again.",
                    code="already_streamed",
                )
            batches = list(self._stream())
            metadata = {
                **(self._schema.metadata or {}),
                PROVENANCE: json.dumps(self.provenance).encode(),
            }
            table = pa.Table.from_batches(batches, schema=self._schema)
            self._table = table.replace_schema_metadata(metadata)
            self._warn()
        return self._table

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The answer as record batches, holding one at a time.

        The rows aren't kept: after this, ``df()``, ``pl()`` and ``arrow()`` can't be asked for. If
        the answer was read before, its kept rows are given again. The last step checks that the
        answer was whole, so use no row of it before the iteration has ended well.
        """
        if self._table is not None:
            yield from self._table.to_batches()
            return
        if self._streamed:
            self.arrow()  # says why not
        self._streamed = True
        yield from self._stream()
        self._warn()

    def df(self) -> pd.DataFrame:
        """The answer as a pandas frame, made from Arrow without a Python object a cell.

        ============================  =========================================================
        in Arrow                      in pandas
        ============================  =========================================================
        decimal                       ``ArrowDtype(decimal128(p, s))``: sums stay exact
        integer, boolean              numpy's; ``Int64`` … and ``boolean`` where there are nulls
        float                         ``float64``; null is NaN
        string                        pandas' ``str``
        date                          ``datetime64[ms]``
        timestamp                     ``datetime64[us]``, with the zone if it has one
        time                          ``ArrowDtype(time64)``
        binary, list, struct          Python objects
        ============================  =========================================================

        ``frame.attrs["workbench"]`` says where the rows are from.
        """
        frame = to_pandas(self.arrow())
        frame.attrs["workbench"] = self.provenance
        return frame

    def pl(self) -> polars.DataFrame:
        """The answer as a polars frame, on the same memory as the Arrow table where types allow."""
        import polars

        table = self.arrow()
        names = _distinct(table.column_names)  # polars refuses two columns of one name
        return cast("polars.DataFrame", polars.from_arrow(table.rename_columns(names)))

    # -- reading

    def _stream(self) -> Iterator[pa.RecordBatch]:
        """Reads batches up to the one that ends the answer, and checks the number of rows."""
        reader, body = self._reader, self._body
        if reader is None or body is None:
            raise QueryError(
                "This answer was closed before it was read; run the query again.",
                code="already_closed",
            )
        final: dict[str, Any] | None = None
        whole = False
        try:
            while True:
                with self._reading():
                    try:
                        batch, metadata = reader.read_next_batch_with_custom_metadata()
                    except StopIteration:
                        whole = body.drain()
                        break
                if final is not None:
                    raise self._cut("it goes on after its end")
                if metadata is not None and PROVENANCE in metadata:
                    final = _json_object(metadata[PROVENANCE])
                    if "error" in final:
                        raise _error(final, query_id=self._query_id)
                elif batch.num_rows:
                    self._count += batch.num_rows
                    yield batch
            if final is None:
                raise self._cut("its last part is missing")
            if final.get("rows") != self._count:
                raise self._cut(f"{self._count} of {final.get('rows')} rows arrived")
            if not whole:
                raise self._cut("it goes on after its end")
            self._final = final
        finally:
            self.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Turns what can go wrong while bytes come in into the client's errors."""
        try:
            yield
        except KeyboardInterrupt:
            self.close()  # the hang-up cancels in the database; the request tells it again
            if self._schema is not None:
                self._client._cancel_quietly(self._query_id)
            raise
        except (httpx.HTTPError, httpx.StreamError, pa.ArrowException, OSError) as problem:
            self.close()
            raise self._cut("the connection to the service broke") from problem
        except BaseException:
            self.close()
            raise

    def _cut(self, why: str) -> AnswerCut:
        error = AnswerCut(f"The answer was cut: {why}. Run the query again.")
        error.query_id = self._query_id
        return error

    def _finish(self) -> None:
        if self._final is None:
            self.arrow()

    def _warn(self) -> None:
        if self.truncated:
            limit = self._provenance.get("row_limit")
            warnings.warn(
                f"The answer stops at the row limit of {limit or self._count:,} rows; "
                "the source has more.",
                AnswerTruncated,
                stacklevel=4,
            )

    def close(self) -> None:
        """Lets go of the connection; a query that still runs is stopped in the database."""
        self._reader = None
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def __enter__(self) -> Result:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A forgotten result would hold one of the user's few places for running queries.
        with contextlib.suppress(Exception):
            self.close()


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A pandas frame with the types that :meth:`Result.df` promises."""
    import pandas as pd

    masked: dict[pa.DataType, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }

    def exact(kind: pa.DataType) -> Any:
        return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) or pa.types.is_time(kind) else None

    def with_nulls(kind: pa.DataType) -> Any:
        return masked.get(kind) or exact(kind)

    def convert(part: pa.Table, mapper: Any) -> pd.DataFrame:
        return cast(
            "pd.DataFrame",
            part.to_pandas(types_mapper=mapper, date_as_object=False, ignore_metadata=True),
        )

    names = table.column_names
    # numpy has no missing integer: it would become a float, and large keys would lose digits.
    holed = [i for i, col in enumerate(table.columns) if col.null_count and col.type in masked]
    if not holed and len(set(names)) == len(names):
        return convert(table, exact)
    numbered = table.rename_columns([str(i) for i in range(len(names))])
    rest = [i for i in range(len(names)) if i not in set(holed)]
    parts = [
        convert(numbered.select(rest), exact),
        convert(numbered.select(holed), with_nulls),
    ]
    frame = pd.concat([part for part in parts if part.shape[1]], axis="columns")
    frame = frame[[str(i) for i in range(len(names))]]
    frame.columns = pd.Index(names)
    return frame


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number added to those that come again."""
    seen: set[str] = set()
    taken = set(names)
    distinct = []
    for name in names:
        new, number = name, 0
        while new in seen or (number and new in taken):
            number += 1
            new = f"{name}_{number}"
        seen.add(new)
        distinct.append(new)
    return distinct


def _json_object(text: bytes | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# --- the client -------------------------------------------------------------------------------


class Client:
    """Talks to the Workbench service as the user whose token it has.

    One client keeps its connections to the service open between queries; it may be used from
    several threads.

    Args:
        url: the address of the service, to which ``/api/v1/…`` is added; ``WORKBENCH_URL`` if left
            out.
        token: the user's token; ``WORKBENCH_TOKEN`` or ``JUPYTERHUB_API_TOKEN`` if left out.

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
        # Without a user's part: errors name the address.
        self._url = str(httpx.URL(url).copy_with(userinfo=b"")).rstrip("/")
        secure = self._url.lower().startswith("https:")
        # A query may think for long, so reads have no useful limit; these probes find a dead peer.
        alive = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        if hasattr(socket, "TCP_KEEPIDLE"):
            alive += [
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
            ]
        transport = httpx.HTTPTransport(
            verify=secure,  # reading the certificates takes long and plain HTTP needs none
            limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=IDLE_SECONDS),
            socket_options=alive,
        )
        self._http = httpx.Client(
            base_url=f"{self._url}/api/v1/",
            headers={"Accept-Encoding": "identity", "User-Agent": "workbench-client"},
            timeout=httpx.Timeout(CONNECT_SECONDS, read=READ_SECONDS),
            transport=transport,
            # No proxy and no .netrc: the token goes to the service and nowhere else.
            trust_env=False,
            follow_redirects=False,
        )
        if token:
            self._http.headers["Authorization"] = f"token {token}"

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
        """Runs a statement and returns when the first bytes of its answer are there.

        An interrupt (Ctrl-C, the kernel's stop button) stops the query in the database.

        Args:
            connection: name or id of the connection.
            sql: one statement; parameters are written ``:name``.
            params: their values, sent apart from the text.
            row_limit: at most so many rows; the service's own limit holds as well.
            query_id: a UUID of the caller's own; made here if left out.

        Raises:
            QueryError: the service refused the query, or it failed.
        """
        query_id = query_id or str(uuid.uuid4())
        payload = {
            "connection": connection,
            "sql": sql,
            "params": encode_params(params),
            "row_limit": row_limit,
            "query_id": query_id,
        }
        response: httpx.Response | None = None
        try:
            response = self._send(
                "POST", "query", payload, accept=ARROW_STREAM, stream=True, query_id=query_id
            )
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind != ARROW_STREAM:
                raise ServiceUnreachable(
                    f"{self._url} answered with {kind or 'nothing'} instead of rows: "
                    "is it the address of the Workbench service?"
                )
            query_id = response.headers.get("Workbench-Query-Id", query_id)
            return Result(self, response, query_id)
        except BaseException as problem:
            if response is not None:
                response.close()
            if isinstance(problem, KeyboardInterrupt):
                self._cancel_quietly(query_id)
            raise

    def connections(self) -> Connections:
        """The connections that the user may see, by name."""
        response = self._send("GET", "connections")
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

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(
        self,
        method: str,
        path: str,
        payload: dict[str, Any] | None = None,
        *,
        accept: str = "application/json",
        stream: bool = False,
        query_id: str | None = None,
    ) -> httpx.Response:
        """One request; an answer that isn't a success is raised."""
        content = None if payload is None else json.dumps(payload, allow_nan=False).encode()
        headers = {"Accept": f"{accept}, application/json;q=0.9"}
        if content is not None:
            headers["Content-Type"] = "application/json"
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
            raise error from problem
        if response.status_code != 200:
            raise _error(
                _json_object(response.content),
                response.status_code,
                query_id=query_id,
                fallback=f"The service answered with HTTP status {response.status_code}.",
            )
        return response

    def _decoded(self, response: httpx.Response) -> dict[str, Any]:
        return _json_object(response.content)

    def _cancel_quietly(self, query_id: str) -> None:
        """Asks for a cancel and doesn't mind how that goes: the hang-up has told already."""
        with contextlib.suppress(Exception):
            self._http.delete(f"query/{query_id}", timeout=CANCEL_SECONDS)
