"""``wb.load``: a frame becomes rows of a connection's table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from wb_kernels import session
from wb_kernels.frames import arrow_table
from wb_kernels.refusals import invalid_input
from wb_server.client import Loaded, LoadMode, QueryError
from wb_server.kit.reserved_names import LOCAL


def load_frame(frame: Any, to: str, mode: LoadMode, key: Sequence[str]) -> Loaded:
    """Loads a frame into a table; ``wb.load`` describes it.

    Raises:
        QueryError: the load was refused or failed.
    """
    connection, _, table = to.partition(".")
    if not (connection and table):
        raise invalid_input(
            f"“{to}” names no table: write connection.table or connection.schema.table.",
            "bad_table",
        )
    if connection == LOCAL:
        raise invalid_input(
            f"local has its tables in this kernel: make {table} there by CREATE TABLE … AS FROM df.",
            "bad_table",
        )
    if mode not in get_args(LoadMode):
        modes = ", ".join(get_args(LoadMode))
        raise invalid_input(f"There is no mode {mode!r}; these are: {modes}.", "bad_mode")
    rows = arrow_table(frame)
    try:
        return session.client().load(connection, table, rows, mode=mode, key=key)
    except QueryError as error:
        if error.code == "unknown_table" and mode == "append":
            error.message = f'There is no table {table} on {connection}. mode="create" makes it.'
            error.args = (error.message,)
        raise
