"""``wb.query("local", …)``: the kernel's DuckDB from Python."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from types import FrameType
from typing import Any

from wb_kernels.local.database import MEMORY, database
from wb_server.client import InvalidParameter, Result


def query_of_caller(
    sql: str, params: Mapping[str, Any] | None, row_limit: int | None, caller: FrameType
) -> Result:
    """Runs a statement that sees the frames of the code that called.

    Raises:
        QueryError: it failed.
    """
    if row_limit is not None:
        raise InvalidParameter("local has no row limit: write LIMIT into the query.")
    variables = ChainMap(dict(caller.f_locals), caller.f_globals)
    return database(_memory()).query(sql, params, variables)


def _memory() -> str:
    """The limit that the notebook sets; outside a notebook the default."""
    from IPython.core.getipython import get_ipython

    from wb_kernels.extension import settings

    shell = get_ipython()
    return MEMORY if shell is None else str(settings(shell).local_memory)
