"""``%sql`` and ``%%sql`` over the service: jupysql's magic, with a connection of our own under it.

jupysql keeps its syntax, options, snippets, plots and other databases by URL. For a connection of
the Workbench this module changes what must differ:

- a connection is a name; the service is asked for it when it is used;
- ``:name`` is a parameter: its value comes from the notebook's variable and travels apart from the
  text. jupysql's ``{{name}}`` templates would paste it into the text, so they are refused;
- the text reaches the service as it was written (jupysql joins words and drops comments), so that
  the place in an error message is the place in the cell;
- answers stay Arrow until a frame is asked for;
- an expected failure is one line.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

os.environ["PLOOMBER_STATS_ENABLED"] = "false"

import sql.command
import sql.connection.connection
import sql.magic
import sql.parse
import sql.run.run
from IPython.core.error import UsageError
from sql import display
from sql._current import _set_sql_magic
from sql._patch import patch_ipython_usage_error
from sql.connection import ConnectionManager
from sql.connection.connection import AbstractConnection, ResultSetCollection
from sql.run.resultset import ResultSet
from sql.traits import Parameters
from traitlets import Bool

from wb_kernels import session
from wb_kernels.display import html_table, rows_affected, text_table, truncation
from wb_kernels.extension import settings
from wb_kernels.magics import statement
from wb_server.client import AnswerTruncated, QueryError, Result, python_values

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars
    import pyarrow as pa
    from IPython.core.interactiveshell import InteractiveShell

_T = TypeVar("_T")

INTERRUPTED = "Query interrupted; it was stopped in the database."

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*(=?)\s*<<")
_WORD = re.compile(r"\s*(\S+)")

# What a statement can begin with: a first word that is none of these names a connection.
_STATEMENTS = frozenset(
    [
        "select",
        "with",
        "insert",
        "update",
        "delete",
        "merge",
        "replace",
        "upsert",
        "values",
        "table",
        "from",
        "show",
        "describe",
        "desc",
        "explain",
        "summarize",
        "pivot",
        "unpivot",
        "create",
        "drop",
        "alter",
        "truncate",
        "rename",
        "comment",
        "grant",
        "revoke",
        "call",
        "exec",
        "execute",
        "do",
        "begin",
        "start",
        "commit",
        "rollback",
        "savepoint",
        "release",
        "set",
        "reset",
        "use",
        "pragma",
        "attach",
        "detach",
        "copy",
        "load",
        "install",
        "export",
        "import",
        "analyze",
        "vacuum",
        "optimize",
        "refresh",
        "cache",
        "prepare",
        "deallocate",
        "declare",
        "fetch",
        "lock",
        "kill",
        "checkpoint",
        "if",
    ]
)


def _one_line(error: QueryError) -> UsageError:
    """The error that IPython shows as one line without a traceback."""
    return _usage(session.one_line(error), type(error).__name__)


def _usage(message: str, kind: str = "UsageError") -> UsageError:
    shown = UsageError(message)
    shown.error_type = kind  # type: ignore[attr-defined]  # what jupysql shows it as
    return shown


class _Carried(BaseException):
    """Takes an error past jupysql's own handler, which would add advice for other databases."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


# --- connection and answer, as jupysql knows them ---------------------------------------------


class _NoResultSets(ResultSetCollection):  # type: ignore[misc]
    """jupysql keeps every result of a connection for good: here none is, they'd fill the memory."""

    def append(self, result: Any) -> None:
        pass


class WorkbenchConnection(AbstractConnection):  # type: ignore[misc]
    """A connection of the service, by name. It holds neither a password nor a socket."""

    is_dbapi_connection = True  # jupysql then asks the result itself for frames
    driver = "workbench"

    def __init__(self, name: str, connector: str) -> None:
        self.name = name
        self.connector = connector
        super().__init__(alias=name)
        self._result_sets = _NoResultSets()

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of the source's SQL."""
        return session.dialect(self.connector)

    @property
    def url(self) -> str:
        """What jupysql lists the connection as; nothing can be opened with it."""
        return f"workbench:{self.name}"

    @property
    def connection_sqlalchemy(self) -> NoReturn:
        raise _usage("This needs a direct database connection; a Workbench connection has none.")

    def ask(self, query: str, variables: Mapping[str, Any] | None) -> Result:
        """Runs one statement and reads its answer; ``:name`` is taken from the variables."""
        params = None
        if variables is not None:
            names = statement.parameters(query, self.connector)
            missing = [name for name in names if name not in variables]
            if missing:
                listed = ", ".join(f":{name}" for name in missing)
                verb = "has no variable" if len(missing) == 1 else "have no variables"
                raise _usage(
                    f"{listed} {verb} of that name in this notebook: set it first.",
                    "UndefinedParameter",
                )
            params = {name: variables[name] for name in names} or None
        result = session.client().query(self.name, query, params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnswerTruncated)  # said in the notebook's own way
            result.arrow()
        return result

    def raw_execute(
        self, query: str, parameters: Mapping[str, Any] | None = None, with_: Any = None
    ) -> _Cursor:
        """What jupysql's plots and profiles call."""
        if with_:
            query = self._resolve_cte(query, with_)
        try:
            return _Cursor(self.ask(query, parameters))
        except QueryError as error:
            raise _one_line(error) from error
        except KeyboardInterrupt:
            raise _usage(INTERRUPTED, "Interrupted") from None

    def _get_database_information(self) -> dict[str, Any]:
        return {"dialect": self.dialect, "driver": self.driver, "server_version_info": None}

    def to_table(self, *args: Any, **options: Any) -> NoReturn:
        raise _usage("--persist isn't available on a Workbench connection.")

    def close(self) -> None:
        """Forgets the connection in this notebook; in the service it stays."""
        if ConnectionManager.current is self:
            ConnectionManager.current = None


class _Cursor:
    """An answer behind the few methods that jupysql asks a native DuckDB result for."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self._rows: Iterator[tuple[Any, ...]] | None = None
        self.description = [
            (field.name, str(field.type), None, None, None, None, field.nullable)
            for field in result.schema
        ]

    def _tuples(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.result.arrow().to_batches(max_chunksize=10_000):
            yield from zip(*map(python_values, batch.columns), strict=True)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        self._rows = self._rows or self._tuples()
        return list(itertools.islice(self._rows, size))

    def fetchone(self) -> tuple[Any, ...] | None:
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        self._rows = self._rows or self._tuples()
        return list(self._rows)

    def execute(self, query: str) -> None:
        """jupysql runs a SELECT again before it asks for a frame: the rows are here already."""

    def df(self) -> pd.DataFrame:
        return self.result.df()

    def pl(self) -> polars.DataFrame:
        return self.result.pl()

    def close(self) -> None:
        self.result.close()


class Answer(ResultSet):  # type: ignore[misc]
    """The result of ``%sql``: jupysql's result set, on Arrow.

    ``.df()``, ``.pl()`` and ``.arrow()`` give frames without a Python object a cell; iterating,
    ``.dict()``, ``.csv()`` and the like work as in jupysql.
    """

    def __init__(self, result: Result, config: Any, query: str, conn: WorkbenchConnection) -> None:
        self._result = result
        super().__init__(_Cursor(result), config, query, conn)

    def df(self) -> pd.DataFrame:
        """A pandas frame; see :meth:`wb_server.client.Result.df` for its types."""
        return _quietly(self._result.df)

    def pl(self) -> polars.DataFrame:
        """A polars frame."""
        return _quietly(self._result.pl)

    def arrow(self) -> pa.Table:
        """An Arrow table; its schema's metadata say where the rows are from."""
        return self._result.arrow()

    def DataFrame(self) -> pd.DataFrame:
        """The same as :meth:`df`, by jupysql's name."""
        return self.df()

    def PolarsDataFrame(self, **options: Any) -> polars.DataFrame:
        """The same as :meth:`pl`, by jupysql's name; its options are for rows, so unused."""
        return self.pl()

    @property
    def truncated(self) -> bool:
        """Whether the row limit cut the answer."""
        return self._result.truncated

    @property
    def query_id(self) -> str:
        """The id of the query in the service's audit."""
        return self._result.query_id

    def __len__(self) -> int:
        return self._result.rows

    def _repr_html_(self) -> str:
        return html_table(self._result, self._config.displaylimit)

    def __str__(self) -> str:
        return text_table(self._result, self._config.displaylimit)

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, ResultSet) else super().__eq__(other)

    __hash__ = object.__hash__


def _quietly(make: Callable[[], _T]) -> _T:
    """Makes a frame without the warning of a cut answer: the notebook has said it already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AnswerTruncated)
        return make()


# --- running ----------------------------------------------------------------------------------

_run_elsewhere = sql.run.run.run_statements


def _run(conn: Any, text: str, config: Any, parameters: Any = None) -> Any:
    """In the place of jupysql's ``run_statements``: it runs ours, and hands on all others."""
    if not isinstance(conn, WorkbenchConnection):
        return _run_elsewhere(conn, text, config, parameters=parameters)
    # jupysql: None is "warn", {} is "disabled"; in both no variable is sent.
    variables = parameters or None
    try:
        statements = statement.split(text, conn.connector)
        answer = None
        for each in statements:
            result = conn.ask(each, variables)
            count = rows_affected(result)
            if count is not None and config.feedback and each is not statements[-1]:
                display.message_success(f"{count:,} rows affected.")
            answer = Answer(result, config, each, conn)
        if answer is None:
            return None
        return sql.run.run.select_df_type(answer, config)
    except QueryError as error:
        raise _Carried(error) from error
    except UsageError as error:
        raise _Carried(error) from error


class _Command(sql.command.SQLCommand):  # type: ignore[misc]
    """jupysql's parsed command; the magic keeps it to see where the answer went."""

    def __init__(self, magic: Any, user_ns: Any, line: str, cell: str) -> None:
        self._magic = magic
        super().__init__(magic, user_ns, line, cell)
        magic.command = self

    def _var_expand(self, text: str, user_ns: Any) -> str:
        if not isinstance(self._magic.target, WorkbenchConnection):
            return str(super()._var_expand(text, user_ns))
        found = statement.template(text, self._magic.target.connector)
        if found:
            raise _usage(
                f"{found} isn't filled in here, because it would become part of the SQL. Write "
                ":name, without quotes around it, and the value is sent as a parameter.",
                "TemplateRefused",
            )
        return text


_parse_elsewhere = sql.parse.parse


def _parse(text: str, path: str) -> dict[str, Any]:
    """jupysql's parse, which takes any ``<<`` for an assignment, a shift in the SQL as well."""
    if "<<" not in text or _ASSIGNMENT.match(text) or "://" in text.split(None, 1)[0]:
        return dict(_parse_elsewhere(text, path))
    held = "\x00shift\x00"
    found = dict(_parse_elsewhere(text.replace("<<", held), path))
    found["sql"] = found["sql"].replace(held, "<<")
    return found


class Head:
    """The first line of a magic, taken apart: options, connection, variable, and SQL as written."""

    def __init__(self, line: str, parser: Any, known: Any) -> None:
        takes = {
            option: action.nargs != 0
            for action in parser._actions
            for option in action.option_strings
        }
        self.connection: str | None = None
        self.options: list[str] = []
        self.foreign = False  # a URL or a variable that holds a connection: jupysql's own
        at = 0
        while (word := _WORD.match(line, at)) and not _ASSIGNMENT.match(line, at):
            token = word[1]
            option = token.partition("=")[0]
            if option.startswith("-") and option in takes:
                at = word.end()
                self.options.append(token)
                if takes[option] and "=" not in token and (value := _WORD.match(line, at)):
                    self.options.append(value[1])
                    at = value.end()
            elif option.startswith("-") and option.strip("-").isidentifier():
                self.options.append(token)  # unknown: jupysql says so
                at = word.end()
            elif self.connection is not None or self.foreign:
                break
            elif "://" in token or (token.startswith("[") and token.endswith("]")) or known(token):
                self.foreign = True
                break
            elif _NAME.match(token.rstrip(";")) and token.lower() not in _STATEMENTS:
                self.connection = token.rstrip(";")
                at = word.end()
            else:
                break
        self.rest = line[at:].strip()


class SqlMagic(sql.magic.SqlMagic):  # type: ignore[misc]
    """jupysql's magic for connections of the Workbench; ``%config SqlMagic`` sets both."""

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
        self.command: _Command | None = None
        self._interactive: dict[tuple[str, str], Any] = {}
        super().__init__(shell)

    @functools.wraps(sql.magic.SqlMagic.execute)
    def execute(self, line: str = "", cell: str = "", local_ns: Any = None) -> Any:
        return self._execute(line, cell, local_ns)

    execute.__doc__ = """Runs SQL on a connection of the Workbench.

    ::

        %sql                                   lists your connections
        %sql warehouse                         selects one for the cells that follow

        %%sql                                  asks the selected one
        SELECT * FROM sales WHERE day = :day   :day is this notebook's variable, sent as parameter

        %%sql lake frame <<                    asks another one; the answer becomes a pandas frame
        SELECT * FROM events

        answer = %sql select count(*) from sales
        answer.df()                            or .pl(), .arrow()

    `%config WorkbenchSql.frame = "polars"` (or "arrow", "pandas", "result") says what `name <<`
    makes of an answer; `%config SqlMagic.displaylimit = 20` how many rows a table shows.
    A database URL in the place of a name is opened by jupysql from this kernel, without the
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
        except _Carried as carried:
            return self._raise(carried.error)
        except KeyboardInterrupt:
            if not isinstance(self.target, WorkbenchConnection):
                raise
            raise _usage(INTERRUPTED, "Interrupted") from None

    def _raise(self, error: BaseException) -> NoReturn:
        if isinstance(error, QueryError) and self.short_errors:
            raise _one_line(error) from error
        raise error

    def _answer(self, line: str, cell: str, local_ns: Any, interactive: bool) -> Any:
        if interactive:  # a widget moved: the same text, on the connection it was written for
            ConnectionManager.current = self.target = self._interactive[line, cell]
            return self._convert(super()._execute(line, cell, local_ns, True))
        known = functools.partial(_holds_connection, {**self.shell.user_ns, **(local_ns or {})})
        head = Head(line, sql.magic.SqlMagic.execute.parser, known)
        args = set(head.options)
        if args & {"-l", "--connections"} or not (line.strip() or cell.strip()):
            return _listing()
        elsewhere = {"-x", "--close", "-s", "--section", "-c", "--creator", "-A", "--alias"}
        if head.foreign or args & elsewhere:
            self.target = None
            return super()._execute(line, cell, local_ns)
        if head.connection is not None:
            _select(head.connection, say=not head.rest and not cell.strip())
        elif ConnectionManager.current is None and not os.getenv("DATABASE_URL"):
            raise _usage(f"No connection is selected: write %sql NAME first. {_yours()}")
        self.target = ConnectionManager.current
        if not isinstance(self.target, WorkbenchConnection):
            return super()._execute(line, cell, local_ns)
        if not head.rest and not cell.strip() and not head.options:
            return None
        options = " ".join(head.options)
        # As a cell the text stays as written; jupysql would join a line's words again.
        body = f"{head.rest}\n{cell}" if cell else head.rest
        if "--interact" in args:
            self._interactive[options, body] = self.target
        return self._convert(super()._execute(options, body, local_ns))

    def _convert(self, answer: Any) -> Any:
        """Makes the frame of ``name << select …`` and says if the answer isn't all."""
        name = self.command.result_var if self.command else None
        if not name:
            return answer
        stored = self.shell.user_ns.get(name)
        if not isinstance(stored, Answer):
            return answer
        if cut := truncation(stored._result):
            display.message_warning(cut)
        frame = settings(self.shell).frame
        made = {"pandas": stored.df, "polars": stored.pl, "arrow": stored.arrow}.get(frame)
        if made is not None:
            stored = self.shell.user_ns[name] = made()
        return None if answer is None else stored


def _holds_connection(variables: Mapping[str, Any], word: str) -> bool:
    """Whether a word means something to jupysql: an open connection of its own, or a variable."""
    if word in ConnectionManager.connections:
        return not isinstance(ConnectionManager.connections[word], WorkbenchConnection)
    if word not in variables:
        return False
    held = variables[word]
    return isinstance(held, sql.magic.sql.connection.connection.Engine) or (
        # A frame or module of that name is no connection.
        sql.connection.is_pep249_compliant(held) or sql.connection.is_spark(held)
    )


# What was said already about connections.
_said: set[str] = set()


def _select(name: str, *, say: bool) -> None:
    """Makes a connection of the service the current one."""
    if say:
        session.connections()  # choosing one asks anew: names and rights change
    info = session.connection(name)
    conn = ConnectionManager.connections.get(name)
    if not isinstance(conn, WorkbenchConnection) or conn.connector != info.connector:
        conn = WorkbenchConnection(info.name, info.connector)
    ConnectionManager.current = conn
    if say:
        display.message(f"Using {info.name} ({info.connector}).")
    if (notice := session.notice(info)) and notice not in _said:
        _said.add(notice)  # once a kernel, not once a cell
        display.message_warning(notice)


def _listing() -> Any:
    """The user's connections, and a line for what is selected or open besides."""
    found = session.connections()
    current = ConnectionManager.current
    others = [
        alias
        for alias, conn in ConnectionManager.connections.items()
        if not isinstance(conn, WorkbenchConnection)
    ]
    if current is not None:
        display.message(f"Selected: {current.alias}.")
    if others:
        display.message(f"Opened here by URL: {', '.join(map(str, others))}.")
    return found


def _yours() -> str:
    names = session.connections().names
    return f"Yours are: {', '.join(names)}." if names else "You have none yet."


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Registers the magics; called when one of them, or its settings, is first used."""
    if any(isinstance(each, SqlMagic) for each in shell.configurables):
        return
    sql.magic.run_statements = _run
    sql.magic.SQLCommand = _Command
    sql.parse.parse = _parse
    # jupysql would print a line for each connection while the kernel goes down.
    atexit.unregister(ConnectionManager.close_all)
    atexit.register(ConnectionManager.close_all)

    magic = SqlMagic(shell)
    _set_sql_magic(magic)
    shell.register_magics(magic)
    # Not jupysql's own loader: it looks for settings in files and prints tips about them.
    for each in (sql.magic.RenderMagic, sql.magic.SqlPlotMagic, sql.magic.SqlCmdMagic):
        shell.register_magics(each)
    patch_ipython_usage_error(shell)
