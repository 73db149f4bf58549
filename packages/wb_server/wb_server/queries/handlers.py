"""Endpoints of statements, catalogs and connection tests."""

from __future__ import annotations

import base64
import time
from typing import Final

from ..connections.credentials.models import CredentialTest
from ..connectors.models import TableDefinition
from ..gate.calls import CallRequest
from ..gate.loads import LoadRequest
from ..kit.endpoint import Call, Endpoint, validate
from ..kit.errors import TooLarge
from .broker import Broker
from .models import (
    CallAnswer,
    Cancelled,
    ColumnList,
    ColumnsQuery,
    ConnectionPreview,
    ConnectionTest,
    Loaded,
    LoadQuery,
    MatchList,
    PreviewResult,
    QueryFate,
    QueryRequest,
    RowCount,
    RunningList,
    RunningListQuery,
    SchemaList,
    SearchQuery,
    TableList,
    TableRows,
    TablesQuery,
    TestResult,
)
from .sent_rows import sent_rows
from .stream import MEDIA_TYPE, QueryStream

_MAX_LOAD = 2**30  # bytes
MAX_ANSWER_BYTES: Final = 16 * 2**20


def test(call: Call) -> TestResult:
    """Tests a connection before it is saved."""
    return call.service(Broker).tests.test(
        call.actor, call.origin, call.body(ConnectionTest), call.hang_up
    )


def test_saved(call: Call) -> TestResult:
    """Tests a saved connection."""
    return call.service(Broker).tests.test_saved(
        call.actor, call.origin, call.path["id"], call.hang_up
    )


def preview(call: Call) -> PreviewResult:
    """The first rows of a table, before a connection is saved."""
    return call.service(Broker).previews.preview(
        call.actor, call.origin, call.body(ConnectionPreview), call.hang_up
    )


def schemas(call: Call) -> SchemaList:
    """The schemas of a connection."""
    return SchemaList(
        items=call.service(Broker).catalog.schemas(
            call.actor, call.origin, call.path["id"], call.hang_up
        )
    )


def tables(call: Call) -> TableList:
    """The tables of a connection, in one schema or in all."""
    schema = call.query(TablesQuery).schema_
    return TableList(
        items=call.service(Broker).catalog.tables(
            call.actor, call.origin, call.path["id"], schema, call.hang_up
        )
    )


def columns(call: Call) -> ColumnList:
    """The columns of a table."""
    query = call.query(ColumnsQuery)
    return ColumnList(
        items=call.service(Broker).catalog.columns(
            call.actor, call.origin, call.path["id"], query.schema_, query.table, call.hang_up
        )
    )


def search(call: Call) -> MatchList:
    """The schemas, tables and columns whose names contain a text."""
    text = call.query(SearchQuery).text
    return MatchList(
        items=call.service(Broker).catalog.search(
            call.actor, call.origin, call.path["id"], text, call.hang_up
        )
    )


def definition(call: Call) -> TableDefinition:
    """A table's keys, and its definition as SQL."""
    query = call.query(ColumnsQuery)
    return call.service(Broker).catalog.definition(
        call.actor, call.origin, call.path["id"], query.schema_, query.table, call.hang_up
    )


def rows(call: Call) -> TableRows:
    """The first rows of a table as texts, by a query of yours."""
    query = call.query(ColumnsQuery)
    return call.service(Broker).tables.rows(
        call.actor, call.origin, call.path["id"], query.schema_, query.table, call.hang_up
    )


def count(call: Call) -> RowCount:
    """The number of rows of a table, by a query of yours."""
    query = call.query(ColumnsQuery)
    return call.service(Broker).tables.count(
        call.actor, call.origin, call.path["id"], query.schema_, query.table, call.hang_up
    )


def run(call: Call) -> QueryStream:
    """Runs one statement; the answer is an Arrow IPC stream."""
    return call.service(Broker).statements.query(
        call.actor, call.origin, call.body(QueryRequest), call.hang_up
    )


def load(call: Call) -> Loaded:
    """Loads rows, sent as an Arrow IPC stream without compression, into a table: all or none.

    Batches have at most 1,048,576 rows. Strings and bytes have Arrow's plain types, and no column is a
    dictionary.
    """
    query = call.query(LoadQuery)
    request = validate(
        LoadRequest, {**query.model_dump(), "create": query.mode in ("create", "replace")}
    )
    began = time.monotonic()
    with sent_rows(call.upload) as rows:
        done = call.service(Broker).loads.load(call.actor, call.origin, request, rows, call.hang_up)
    table = f"{done.schema}.{done.table}" if done.schema else done.table
    return Loaded(rows=done.rows, table=table, elapsed_ms=(time.monotonic() - began) * 1000)


def call_api(call: Call) -> CallAnswer:
    """Sends a request through a connection, with its secret; the answer may have any status."""
    result = call.service(Broker).calls.call(
        call.actor, call.origin, call.body(CallRequest), call.hang_up, limit=MAX_ANSWER_BYTES
    )
    if result.truncated:
        raise TooLarge(
            f"The answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB. Request less.",
            code="answer_too_large",
            limit=MAX_ANSWER_BYTES,
        )
    return CallAnswer(
        status=result.status,
        reason=result.reason,
        headers=dict(result.headers),
        encoding=result.encoding,
        body=base64.b64encode(result.body).decode(),
    )


def queries(call: Call) -> RunningList:
    """The running and waiting queries, your own or everybody's, oldest first."""
    everybodys = call.query(RunningListQuery).all
    return RunningList(items=call.service(Broker).active.list(call.actor, everybodys=everybodys))


def fate(call: Call) -> QueryFate:
    """What became of one of your queries, if its answer got lost."""
    return call.service(Broker).active.fate(call.actor, call.path["id"])


def cancel(call: Call) -> Cancelled:
    """Stops a running or waiting query."""
    call.service(Broker).active.cancel(call.actor, call.path["id"])
    return Cancelled(cancelled=True)


def test_credential(call: Call) -> TestResult:
    """Tests your own credentials before they are stored."""
    return call.service(Broker).tests.test_login(
        call.actor, call.origin, call.path["id"], call.body(CredentialTest).login
    )


ROUTES = [
    Endpoint(
        "POST",
        "/connections/test",
        "connection.create",
        test,
        "Test a connection before it is saved",
        TestResult,
        body=ConnectionTest,
        audit="connection.test",
        errors=(404, 409, 429),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/connections/preview",
        "connection.create",
        preview,
        "Show the first rows of a table before the connection is saved",
        PreviewResult,
        body=ConnectionPreview,
        audit="connection.preview",
        errors=(404, 409, 422, 429, 502),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/connections/{id}/test",
        "connection.test",
        test_saved,
        "Test a saved connection",
        TestResult,
        audit="connection.test",
        errors=(404, 409, 429),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/schemas",
        "connection.browse",
        schemas,
        "List schemas",
        SchemaList,
        audit="connection.browse",
        errors=(404, 409, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/tables",
        "connection.browse",
        tables,
        "List tables",
        TableList,
        query=TablesQuery,
        audit="connection.browse",
        errors=(404, 409, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/columns",
        "connection.browse",
        columns,
        "List columns",
        ColumnList,
        query=ColumnsQuery,
        audit="connection.browse",
        errors=(404, 409, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/search",
        "connection.browse",
        search,
        "Search the catalog",
        MatchList,
        query=SearchQuery,
        audit="connection.browse",
        errors=(404, 409, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/definition",
        "connection.browse",
        definition,
        "Get the definition of a table",
        TableDefinition,
        query=ColumnsQuery,
        audit="connection.browse",
        errors=(404, 409, 429, 502, 504),
        waits=True,
    ),
    # The broker audits queries itself: it knows the statement, the rows and the outcome.
    Endpoint(
        "POST",
        "/query",
        "query.run",
        run,
        "Run a statement",
        MEDIA_TYPE,
        body=QueryRequest,
        errors=(404, 409, 413, 422, 429, 502, 504),
        waits=True,
    ),
    # The broker audits loads too.
    Endpoint(
        "POST",
        "/load",
        "query.run",
        load,
        "Load rows into a table",
        Loaded,
        query=LoadQuery,
        upload=MEDIA_TYPE,
        max_body=_MAX_LOAD,
        errors=(404, 409, 422, 429, 502, 503, 504),
        waits=True,
    ),
    # The broker audits calls itself too.
    Endpoint(
        "POST",
        "/call",
        "query.run",
        call_api,
        "Send a request to an HTTP API through a connection",
        CallAnswer,
        body=CallRequest,
        errors=(404, 409, 413, 422, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/rows",
        "query.run",
        rows,
        "Get the first rows of a table",
        TableRows,
        query=ColumnsQuery,
        errors=(404, 409, 413, 422, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/count",
        "query.run",
        count,
        "Count the rows of a table",
        RowCount,
        query=ColumnsQuery,
        errors=(404, 409, 413, 422, 429, 502, 504),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/query/{id}",
        "query.list",
        fate,
        "See what became of a query",
        QueryFate,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/queries",
        "query.list",
        queries,
        "List running queries",
        RunningList,
        query=RunningListQuery,
    ),
    Endpoint(
        "DELETE",
        "/query/{id}",
        "query.cancel",
        cancel,
        "Cancel a running query",
        Cancelled,
        audit="query.cancel",
        errors=(404,),
    ),
    Endpoint(
        "POST",
        "/connections/{id}/credential/test",
        "credential.own",
        test_credential,
        "Test your own credentials before they are stored",
        TestResult,
        body=CredentialTest,
        audit="credential.test",
        errors=(404, 422),
    ),
]
