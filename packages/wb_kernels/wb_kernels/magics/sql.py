"""``%sql`` and ``%%sql``: jupysql's magic, on connections of the service.

jupysql keeps its syntax, options, snippets, plots and databases opened by URL. On a connection of
the Workbench these things differ:

- a connection is a name, looked up in the service when it is used;
- ``:name`` is a parameter: its value comes from the notebook's variable and is sent apart from the
  text. jupysql's ``{{name}}`` templates would paste it into the text, so they are refused;
- the text reaches the service as written (jupysql joins words and drops comments), so that
  positions in error messages are positions in the cell;
- answers stay in Arrow until a frame is asked for;
- an expected failure is one line.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import os
import time
from collections import ChainMap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import sql.connection.connection
import sql.magic
from sql import display
from sql._current import _set_sql_magic
from sql._patch import patch_ipython_usage_error
from sql.connection import ConnectionManager
from sql.traits import Parameters
from traitlets import Bool

from wb_kernels import session
from wb_kernels.display import outcome, seconds, size, truncation
from wb_kernels.extension import settings
from wb_kernels.magics.connection import (
    LocalConnection,
    NamedConnection,
    WorkbenchConnection,
)
from wb_kernels.magics.errors import Carried, interrupted, one_line
from wb_kernels.magics.head import Head
from wb_kernels.magics.patches import WorkbenchCommand, install
from wb_kernels.magics.plots import PlotMagics
from wb_kernels.magics.result import WorkbenchResultSet
from wb_server.client import QueryError
from wb_server.kit.reserved_names import LOCAL

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class SqlMagic(sql.magic.SqlMagic):  # type: ignore[misc]
    """jupysql's magic, on connections of the Workbench too; ``%config SqlMagic`` configures it."""

    named_parameters = Parameters(
        default_value="enabled",
        config=True,
        help="Take :name from the notebook's variables (enabled), or leave it (disabled, warn).",
    )
    displaycon = Bool(
        default_value=False, config=True, help="Show the connection before each query."
    )

    def __init__(self, shell: InteractiveShell) -> None:
        self.target: Any = None
        self.command: WorkbenchCommand | None = None
        self._interactive: dict[tuple[str, str], Any] = {}
        super().__init__(shell)

    @functools.wraps(sql.magic.SqlMagic.execute)
    def execute(self, line: str = "", cell: str = "", local_ns: Any = None) -> Any:
        return self._execute(line, cell, local_ns)

    execute.__doc__ = """Runs SQL on a connection of the Workbench.

    ::

        %sql                                   lists your connections
        %sql warehouse                         selects one for the cells that follow

        %%sql                                  queries the selected one
        SELECT * FROM sales WHERE day = :day   :day is a variable of this notebook, sent as a parameter

        %%sql lake frame <<                    queries another; the answer becomes a pandas frame
        SELECT * FROM events

        %%sql local                            DuckDB in this notebook: its frames, your files
        SELECT * FROM frame JOIN 'data/targets.csv' USING (region)

        answer = %sql select count(*) from sales
        answer.df()                            or .pl(), .arrow()

    Where no connection is selected, `local` is asked.

    `%config WorkbenchSql.frame = "polars"` (or "arrow", "pandas", "result") sets what `name <<`
    makes of an answer; `%config SqlMagic.displaylimit = 20`, how many rows a table shows.
    Given a database URL instead of a name, jupysql connects from this kernel, without the
    Workbench.
    """

    def _execute(
        self, line: str, cell: str, local_ns: Any, is_interactive_mode: bool = False
    ) -> Any:
        self.command = None
        try:
            return self._answer(line, cell, local_ns, is_interactive_mode)
        except QueryError as error:
            return self._raise(error)
        except Carried as carried:
            return self._raise(carried.error)
        except KeyboardInterrupt:
            if not isinstance(self.target, NamedConnection):
                raise
            raise interrupted(local=isinstance(self.target, LocalConnection)) from None

    def _raise(self, error: BaseException) -> NoReturn:
        if isinstance(error, QueryError) and self.short_errors:
            raise one_line(error) from error
        raise error

    def _answer(self, line: str, cell: str, local_ns: Any, interactive: bool) -> Any:
        if interactive:  # a widget changed: run the same text on its first connection again
            ConnectionManager.current = self.target = self._interactive[line, cell]
            return self._convert(super()._execute(line, cell, local_ns, True), time.monotonic())
        if line.strip() in ("-h", "--help"):
            return print(inspect.cleandoc(type(self).execute.__doc__ or ""))
        known = functools.partial(_holds_connection, {**self.shell.user_ns, **(local_ns or {})})
        head = Head(line, sql.magic.SqlMagic.execute.parser, known)
        args = set(head.options)
        if args & {"-l", "--connections"} or not (line.strip() or cell.strip()):
            return _listing()
        of_jupysql = {"-x", "--close", "-s", "--section", "-c", "--creator", "-A", "--alias"}
        if head.foreign or args & of_jupysql:
            self.target = None
            return super()._execute(line, cell, local_ns)
        if head.connection == LOCAL or isinstance(ConnectionManager.current, LocalConnection):
            ConnectionManager.current = self._local(local_ns)
        if head.connection == LOCAL:
            if not head.rest and not cell.strip():
                display.message("Using local: DuckDB in this notebook, on its frames and files.")
        elif head.connection is not None:
            _select(head.connection, say=not head.rest and not cell.strip())
        elif ConnectionManager.current is None and not os.getenv("DATABASE_URL"):
            return self._unselected(line, cell, local_ns)
        self.target = ConnectionManager.current
        if not isinstance(self.target, NamedConnection):
            return super()._execute(line, cell, local_ns)
        if not head.rest and not cell.strip() and not head.options:
            return None
        options = " ".join(head.options)
        # Passed as a cell, the text stays as written; jupysql joins the words of a line.
        body = f"{head.rest}\n{cell}" if cell else head.rest
        if "--interact" in args:
            self._interactive[options, body] = self.target
        began = time.monotonic()
        return self._convert(super()._execute(options, body, local_ns), began)

    def _local(self, local_ns: Mapping[str, Any] | None) -> LocalConnection:
        variables = ChainMap({**(local_ns or {})}, self.shell.user_ns)
        return LocalConnection(variables, lambda: str(settings(self.shell).local_memory))

    def _unselected(self, line: str, cell: str, local_ns: Any) -> Any:
        """Asks ``local``, which stays unselected."""
        ConnectionManager.current = self._local(local_ns)
        try:
            return self._answer(line, cell, local_ns, False)
        except Carried as carried:
            if isinstance(carried.error, QueryError) and carried.error.code == "unknown_table":
                carried.error.message += (
                    " No connection is selected, so this ran on local, DuckDB in this notebook. "
                    f"Select one with %sql NAME. {_yours()}"
                )
            raise
        finally:
            if isinstance(ConnectionManager.current, LocalConnection):
                ConnectionManager.current = None

    def _convert(self, answer: Any, began: float) -> Any:
        """Makes the frame of ``name << select …``, and reports it.

        Args:
            began: when the query was sent, by the monotonic clock.
        """
        name = self.command.result_var if self.command else None
        if not name:
            return answer
        stored = self.shell.user_ns.get(name)
        if not isinstance(stored, WorkbenchResultSet):
            return answer
        if cut := truncation(stored._result):
            display.message_warning(cut)
        frame = settings(self.shell).frame
        made = {"pandas": stored.df, "polars": stored.pl, "arrow": stored.arrow}.get(frame)
        result = stored._result
        if made is not None:
            stored = self.shell.user_ns[name] = made()
        took = seconds(time.monotonic() - began)
        count = len(result.columns)
        columns = "1 column" if count == 1 else f"{count:,} columns"
        about = outcome(result) or f"{size(result)}, {columns} · {result.provenance['connection']}"
        display.message(f"{name}: {about} · {took}")
        return None if answer is None else stored


def _holds_connection(variables: Mapping[str, Any], word: str) -> bool:
    """True if a word names a connection of jupysql's own: an open one, or one in a variable."""
    if word in ConnectionManager.connections:
        return not isinstance(ConnectionManager.connections[word], NamedConnection)
    if word not in variables:
        return False
    held = variables[word]
    return isinstance(held, sql.connection.connection.Engine) or (
        # A variable may also hold a frame or a module.
        sql.connection.is_pep249_compliant(held) or sql.connection.is_spark(held)
    )


# Notices about connections that were shown already.
_shown: set[str] = set()


def _select(name: str, *, say: bool) -> None:
    """Selects a connection of the service; with ``say``, reports it."""
    if say:
        session.connections()  # an explicit choice refreshes names and rights
    info = session.connection(name)
    conn = ConnectionManager.connections.get(name)
    if not isinstance(conn, WorkbenchConnection) or conn.connector != info.connector:
        conn = WorkbenchConnection(info.name, info.connector)
    ConnectionManager.current = conn
    if say:
        display.message(f"Using {info.name} ({info.connector}).")
    if (notice := session.notice(info)) and notice not in _shown:
        _shown.add(notice)  # once per kernel, not once per cell
        display.message_warning(notice)


def _listing() -> Any:
    """Returns the user's connections, and shows which is selected and what else is open."""
    found = session.connections()
    current = ConnectionManager.current
    others = [
        alias
        for alias, conn in ConnectionManager.connections.items()
        if not isinstance(conn, NamedConnection)
    ]
    if current is not None:
        display.message(f"Selected: {current.alias}.")
    display.message("Besides these: local, DuckDB in this notebook, on its frames and files.")
    if others:
        display.message(f"Opened here by URL: {', '.join(map(str, others))}.")
    return found


def _yours() -> str:
    try:
        names = session.connections().names
    except QueryError:
        return ""  # local needs no service
    return f"Yours are: {', '.join(names)}." if names else "You have none yet."


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Registers the magics, when one of them or its settings is first used."""
    if any(isinstance(each, SqlMagic) for each in shell.configurables):
        return
    install()
    # jupysql registers it with an argument that prints a line for each connection.
    atexit.unregister(ConnectionManager.close_all)
    atexit.register(ConnectionManager.close_all)

    magic = SqlMagic(shell)
    _set_sql_magic(magic)
    shell.register_magics(magic)
    # Not by jupysql's own loader, which looks for settings in files and prints tips about them.
    for each in (sql.magic.RenderMagic, PlotMagics):
        shell.register_magics(each)
    patch_ipython_usage_error(shell)
