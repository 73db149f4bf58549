"""The Workbench in Python: ask a connection by its name, get Arrow, pandas or polars.

    import wb

    wb.connections()
    frame = wb.query("warehouse", "select * from sales where day >= :since", {"since": day}).df()

Every call acts as the person who runs the notebook; no password is ever in it. Errors are raised
as :class:`wb.QueryError`; see ``wb_server.client`` for the tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wb_kernels import outputs, session
from wb_server.client import (
    AnswerCut,
    AnswerTruncated,
    Client,
    Connections,
    InvalidParameter,
    QueryError,
    Result,
    ServiceUnreachable,
)

__all__ = [
    "AnswerCut",
    "AnswerTruncated",
    "Client",
    "Connections",
    "InvalidParameter",
    "QueryError",
    "Result",
    "ServiceUnreachable",
    "cancel",
    "connections",
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
    """Runs one statement on a connection and returns its answer.

    The answer is read when it is asked for: ``.df()`` (pandas), ``.pl()`` (polars), ``.arrow()``,
    or ``.batches()`` to go through it piece by piece.

    Args:
        connection: the connection's name, as ``wb.connections()`` lists it.
        sql: the statement. Parameters are written ``:name``; their values never become text of it.
        params: the parameters' values by name: numbers, text, Decimal, dates, times, timedeltas,
            bytes, None, or lists of these for ``IN (:names)`` and ``= ANY(:names)``.
        row_limit: at most so many rows.

    Raises:
        QueryError: the query was refused or failed.
    """
    return session.client().query(connection, sql, params, row_limit=row_limit)


def connections() -> Connections:
    """The connections that you may use, with their kind and state.

    Raises:
        QueryError: the service refused or doesn't answer.
    """
    return session.connections()


def cancel(query_id: str) -> bool:
    """Stops a running query of yours, by the id that its result carries.

    Raises:
        QueryError: there is no such query.
    """
    return session.client().cancel(query_id)


def output(name: str, value: Any) -> None:
    """Gives a value to the tasks that follow, where this notebook runs as a task of a pipeline.

    They read it as ``{{ tasks.<task>.outputs.<name> }}``. Elsewhere it is only shown.

    Args:
        name: letters, digits and ``_``, at most 63.
        value: a number, text, a date, None, or lists and dictionaries of these: 64 KiB of JSON at
            most. Dates and decimals become text.

    Raises:
        ValueError: the name isn't one, or the value is too large.
        TypeError: the value can't be written as JSON.
    """
    outputs.output(name, value)
