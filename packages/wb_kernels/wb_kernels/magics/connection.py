"""Connections of ``%sql`` as connections of jupysql: those of the service, and ``local``."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from sql.connection import ConnectionManager
from sql.connection.connection import AbstractConnection, ResultSetCollection

from wb_kernels import session
from wb_kernels.magics.errors import interrupted, one_line, usage_error
from wb_kernels.magics.result import Cursor
from wb_kernels.magics.statement import Lexer
from wb_server.client import AnswerTruncated, QueryError, Result
from wb_server.kit.reserved_names import LOCAL


class _NoResultSets(ResultSetCollection):  # type: ignore[misc]
    """Keeps no results: jupysql would hold every result of a connection in memory for good."""

    def append(self, result: Any) -> None:
        pass


class NamedConnection(AbstractConnection):  # type: ignore[misc]
    """A connection that ``%sql`` knows by its name, and asks with the text as written."""

    is_dbapi_connection = True  # makes jupysql ask the result itself for frames
    driver = "workbench"

    def __init__(self, name: str, connector: str) -> None:
        self.name = name
        self.connector = connector
        super().__init__(alias=name)
        self._result_sets = _NoResultSets()

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name for the source's dialect."""
        return self.connector

    @property
    def lexer(self) -> Lexer:
        """The lexer of the source's dialect."""
        return Lexer()

    @abstractmethod
    def run(self, query: str, params: Mapping[str, Any] | None) -> Result:
        """Runs one statement.

        Raises:
            QueryError: the statement failed.
        """

    @property
    def url(self) -> str:
        """What jupysql shows in its list; nothing can be opened with it."""
        return f"workbench:{self.name}"

    @property
    def connection_sqlalchemy(self) -> NoReturn:
        raise usage_error(
            "This needs a direct database connection, which a Workbench connection doesn't have."
        )

    def ask(self, query: str, variables: Mapping[str, Any] | None) -> Result:
        """Runs one statement and reads its whole answer.

        Args:
            query: one statement.
            variables: values for its ``:name`` parameters; None sends none.

        Raises:
            UsageError: a parameter has no variable of its name.
            QueryError: the statement failed.
        """
        params = None
        if variables is not None:
            names = self.lexer.parameters(query)
            missing = [name for name in names if name not in variables]
            if missing:
                listed = ", ".join(f":{name}" for name in missing)
                what = "isn't a variable" if len(missing) == 1 else "aren't variables"
                raise usage_error(
                    f"{listed} {what} of this notebook. Set a value first.", "UndefinedParameter"
                )
            params = {name: variables[name] for name in names} or None
        result = self.run(query, params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AnswerTruncated)  # the notebook shows its own warning
            result.arrow()
        return result

    def raw_execute(
        self, query: str, parameters: Mapping[str, Any] | None = None, with_: Any = None
    ) -> Cursor:
        """Runs a statement for jupysql's own commands."""
        if with_:
            query = self._resolve_cte(query, with_)
        try:
            return Cursor(self.ask(query, parameters))
        except QueryError as error:
            raise one_line(error) from error
        except KeyboardInterrupt:
            raise interrupted() from None

    def _get_database_information(self) -> dict[str, Any]:
        return {"dialect": self.dialect, "driver": self.driver, "server_version_info": None}

    def to_table(self, *args: Any, **options: Any) -> NoReturn:
        raise usage_error("--persist isn't available on a Workbench connection.")

    def close(self) -> None:
        """Deselects the connection in this notebook; the service keeps it."""
        if ConnectionManager.current is self:
            ConnectionManager.current = None


class WorkbenchConnection(NamedConnection):
    """A connection of the service. It holds no password and no socket."""

    @property
    def dialect(self) -> str:
        return str(session.sql(self.connector).get("sqlalchemy") or self.connector)

    @property
    def lexer(self) -> Lexer:
        return Lexer.of(session.sql(self.connector))

    def run(self, query: str, params: Mapping[str, Any] | None) -> Result:
        return session.client().query(self.name, query, params)


class LocalConnection(NamedConnection):
    """DuckDB in this kernel.

    Args:
        variables: the notebook's variables, whose frames are tables.
        memory: returns its memory limit.
    """

    def __init__(self, variables: Mapping[str, Any], memory: Callable[[], str]) -> None:
        self._variables = variables
        self._limit = memory
        super().__init__(LOCAL, "duckdb")

    def run(self, query: str, params: Mapping[str, Any] | None) -> Result:
        from wb_kernels.local.database import database

        return database(self._limit()).query(query, params, self._variables)
