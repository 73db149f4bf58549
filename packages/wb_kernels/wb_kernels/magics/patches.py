"""Replacements for functions of jupysql, so that SQL reaches the service as it was written.

jupysql looks these functions up in its modules at each call, so replacing them there is enough. For
connections that aren't of the Workbench, each calls what it replaces.
"""

from __future__ import annotations

from typing import Any

import sql.command
import sql.magic
import sql.parse
import sql.run.run
from IPython.core.error import UsageError
from sql import display

from wb_kernels.display import rows_affected
from wb_kernels.magics.connection import NamedConnection
from wb_kernels.magics.errors import Carried, usage_error
from wb_kernels.magics.head import ASSIGNMENT
from wb_kernels.magics.result import WorkbenchResultSet
from wb_server.client import QueryError

_run_of_jupysql = sql.run.run.run_statements


def _run(conn: Any, text: str, config: Any, parameters: Any = None) -> Any:
    """Replaces jupysql's ``run_statements``."""
    if not isinstance(conn, NamedConnection):
        return _run_of_jupysql(conn, text, config, parameters=parameters)
    # jupysql passes None for "warn" and {} for "disabled"; neither sends variables.
    variables = parameters or None
    try:
        statements = conn.lexer.split(text)
        answer = None
        for each in statements:
            result = conn.ask(each, variables)
            count = rows_affected(result)
            if count is not None and config.feedback and each is not statements[-1]:
                display.message_success(f"{count:,} rows affected.")
            answer = WorkbenchResultSet(result, config, each, conn)
        if answer is None:
            return None
        return sql.run.run.select_df_type(answer, config)
    except (QueryError, UsageError) as error:
        raise Carried(error) from error


class WorkbenchCommand(sql.command.SQLCommand):  # type: ignore[misc]
    """jupysql's parsed command; the magic reads from it which variable took the answer."""

    def __init__(self, magic: Any, user_ns: Any, line: str, cell: str) -> None:
        self._magic = magic
        super().__init__(magic, user_ns, line, cell)
        magic.command = self

    def _var_expand(self, text: str, user_ns: Any) -> str:
        if not isinstance(self._magic.target, NamedConnection):
            return str(super()._var_expand(text, user_ns))
        found = self._magic.target.lexer.template(text)
        if found:
            raise usage_error(
                f"{found} isn't filled in here, because it would become part of the SQL. Write "
                ":name instead, without quotes, to send the value as a parameter.",
                "TemplateRefused",
            )
        return text


_parse_of_jupysql = sql.parse.parse


def _parse(text: str, path: str) -> dict[str, Any]:
    """Replaces jupysql's ``parse``, which takes any ``<<`` for an assignment, even a shift in SQL."""
    if "<<" not in text or ASSIGNMENT.match(text) or "://" in text.split(None, 1)[0]:
        return dict(_parse_of_jupysql(text, path))
    hidden = "\x00shift\x00"
    parsed = dict(_parse_of_jupysql(text.replace("<<", hidden), path))
    parsed["sql"] = parsed["sql"].replace(hidden, "<<")
    return parsed


def install() -> None:
    """Puts the replacements into jupysql's modules."""
    sql.magic.run_statements = _run
    sql.magic.SQLCommand = WorkbenchCommand
    sql.parse.parse = _parse
