"""The Workbench in Python: query a connection by its name, get Arrow, pandas or polars.

    import wb

    wb.connections()
    frame = wb.query("warehouse", "select * from sales where day >= :since", {"since": day}).df()
    wb.load(frame, "warehouse.public.recent_sales", mode="replace")

Every call acts as the user who runs the notebook, which never contains a password. Errors are raised
as :class:`wb.QueryError`; see ``wb_server.client`` for the tree.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from wb_kernels import outputs, session
from wb_server.client import (
    AnswerCut,
    AnswerTruncated,
    Client,
    Connections,
    HttpAnswer,
    HttpConnection,
    InvalidParameter,
    Loaded,
    LoadMode,
    QueryError,
    Result,
    ServiceUnreachable,
)
from wb_server.kit.reserved_names import LOCAL

__all__ = [
    "AnswerCut",
    "AnswerTruncated",
    "Client",
    "Connections",
    "HttpAnswer",
    "HttpConnection",
    "InvalidParameter",
    "Loaded",
    "QueryError",
    "Result",
    "ServiceUnreachable",
    "cancel",
    "connections",
    "http",
    "load",
    "output",
    "query",
]


def query(
    connection: str,
    sql: str,
    params: Mapping[str, Any] | None = None,
    *,
    row_limit: int | None = None,
) -> Result:
    """Runs one statement on a connection and returns its result.

    The rows are read on demand: ``.df()`` (pandas), ``.pl()`` (polars), ``.arrow()``, or
    ``.batches()`` to iterate over them in batches.

    Args:
        connection: the connection's name, as ``wb.connections()`` lists it; or ``local`` for DuckDB in
            this process, which sees the caller's frames as tables and files by their paths.
        sql: the statement. Parameters are written ``:name``; their values never become part of its
            text.
        params: the parameters' values by name: numbers, text, Decimal, dates, times, timedeltas,
            bytes, None, or lists of these for ``IN (:names)`` and ``= ANY(:names)``.
        row_limit: the maximum number of rows.

    Raises:
        QueryError: the query was refused or failed.
    """
    if connection == LOCAL:
        from wb_kernels.local.query import query_of_caller

        return query_of_caller(sql, params, row_limit, sys._getframe(1))
    return session.client().query(connection, sql, params, row_limit=row_limit)


def load(
    frame: Any, to: str, mode: LoadMode = "append", *, key: Sequence[str] | str = ()
) -> Loaded:
    """Loads a frame into a table of a connection, all rows or none.

    Columns are matched by name. Columns of a pandas index that have a name are loaded too.

    Args:
        frame: a pandas or polars frame, an Arrow table, a result, or a list of dictionaries.
        to: ``connection.table`` or ``connection.schema.table``.
        mode: ``append`` adds the rows to a table, ``create`` makes the table, ``replace`` puts them in the
            place of its rows, or makes it, and ``upsert`` updates rows by their key and adds the others.
        key: for ``upsert``: the columns that identify a row.

    Returns:
        How many rows were loaded, and how long it took.

    Raises:
        QueryError: the load was refused or failed, and the table is as it was. The message names the
            column, if one is to blame.
    """
    from wb_kernels.loads import load_frame

    return load_frame(frame, to, mode, (key,) if isinstance(key, str) else tuple(key))


def http(connection: str) -> HttpConnection:
    """An HTTP API, by its connection. The service adds the secret, which never reaches the notebook.

        users = wb.http("crm").get("/users", params={"since": day}).raise_for_status().json()

    Args:
        connection: the name of a connection of the kind HTTP API.
    """
    return session.client().http(connection)


def connections() -> Connections:
    """The connections that you may use, with their kind and state.

    Raises:
        QueryError: the service refused or doesn't answer.
    """
    return session.connections()


def cancel(query_id: str) -> bool:
    """Cancels one of your running queries, by the id that its result has.

    Raises:
        QueryError: there is no such query.
    """
    return session.client().cancel(query_id)


def output(name: str, value: Any) -> None:
    """Passes a value to later tasks, if this notebook runs as a task of a pipeline.

    They read it as ``{{ tasks.<task>.outputs.<name> }}``. Otherwise it is only displayed.

    Args:
        name: letters, digits and ``_``, at most 63.
        value: a number, text, a date, None, or lists and dictionaries of these: 64 KiB of JSON at
            most. Dates and decimals become text.

    Raises:
        ValueError: the name is invalid, or the value is too large.
        TypeError: the value can't be represented in JSON.
    """
    outputs.output(name, value)
