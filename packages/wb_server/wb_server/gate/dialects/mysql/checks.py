"""Checks that need the whole tree: unset variables and closed columns.

Session variables (``@n``) are allowed if the statement sets every one that it reads. The server
forgets them when a session returns to the pool, so no user sees another's; a variable that the
statement doesn't set would be NULL, whatever its author set before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlglot import exp

from wb_server.kit.errors import Forbidden, InvalidInput

from ..tables import plain_name

# Closed columns of the readable views (dialect.py), with the reason. No other column of these names a
# login or holds the definition of a view or routine.
CLOSED: Final[Mapping[str, Mapping[str, str]]] = {
    "tables": {"create_options": "it may hold passwords for other servers (CONNECT, SPIDER)"},
}
# What * selects there: the other columns, those that all servers have.
_OPEN: Final[Mapping[str, str]] = {
    "tables": """
        TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE VERSION ROW_FORMAT TABLE_ROWS
        AVG_ROW_LENGTH DATA_LENGTH MAX_DATA_LENGTH INDEX_LENGTH DATA_FREE AUTO_INCREMENT CREATE_TIME
        UPDATE_TIME CHECK_TIME TABLE_COLLATION CHECKSUM TABLE_COMMENT
    """,
}


def with_open_stars(tree: exp.Expr) -> None:
    """Replaces a view with closed columns by a subquery of the open ones, if a star shows it."""
    for table in list(tree.find_all(exp.Table)):
        select = table.parent_select
        columns = _OPEN.get(plain_name(table.name))
        if columns is None or plain_name(table.db) != "information_schema" or select is None:
            continue
        if not _shows_all(select) or _named_by_position(table):
            continue
        alias = table.args.get("alias")
        for column in select.find_all(exp.Column):
            if plain_name(column.db) == "information_schema":
                column.set("db", None)  # a subquery has no schema
        joins = table.args.pop("joins", None)
        plain = exp.Table(this=table.this.copy(), db=table.args["db"].copy())
        wanted = [
            exp.Column(this=exp.Identifier(this=name, quoted=True)) for name in columns.split()
        ]
        open_ones = exp.Select(expressions=wanted, from_=exp.From(this=plain))
        alias = alias or exp.TableAlias(this=table.this.copy())
        table.replace(exp.Subquery(this=open_ones, alias=alias, joins=joins))


def _shows_all(select: exp.Expr) -> bool:
    return any(item.is_star for item in select.expressions)


def _named_by_position(node: exp.Expr | None) -> bool:
    """True if a list of column names renames the columns of a table, or of a query around it."""
    while node is not None:
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
            return True
        node = node.parent
    return False


def check(tree: exp.Expr) -> None:
    """Checks the tree as a whole.

    Raises:
        InvalidInput: a variable that isn't set (``parameter_syntax``), or ``:=`` after anything but
            a variable (``syntax_error``).
        Forbidden: a closed column, or a star that would show one (``system_column_not_allowed``).
    """
    _check_variables(tree)
    for table in tree.find_all(exp.Table):
        if plain_name(table.db) == "information_schema":
            closed = CLOSED.get(plain_name(table.name))
            if closed:
                _check_columns(tree, table, closed)


def _check_variables(tree: exp.Expr) -> None:
    known = set()
    for setting in tree.find_all(exp.PropertyEQ):
        if not isinstance(setting.this, exp.Parameter):
            raise InvalidInput(
                "Only a variable can stand before := (@n := @n + 1).", code="syntax_error"
            )
        known.add(setting.this.name.lower())
    for node in tree.find_all(exp.Parameter):
        if node.name.lower() not in known:
            raise InvalidInput(
                f"The variable @{node.name} isn't set in this statement, so it would be NULL. Set it "
                f"there, (SELECT @{node.name} := 0), or write a parameter: :{node.name}.",
                code="parameter_syntax",
            )


def _check_columns(tree: exp.Expr, table: exp.Table, closed: Mapping[str, str]) -> None:
    """Refuses a closed column's name anywhere: only the server knows which table it belongs to."""
    view = table.name
    for node in tree.find_all(exp.Identifier, exp.Join, exp.Star):
        if isinstance(node, exp.Identifier):
            name = plain_name(str(node.this))
            if name in closed:
                raise _closed(f"The column {name} of {view} can't be read: {closed[name]}.")
        elif isinstance(node, exp.Join):
            if str(node.args.get("method")).upper() == "NATURAL":
                raise _closed(f"{view} can't be joined by NATURAL JOIN: write ON or USING.")
        elif not isinstance(node.parent, exp.Anonymous):  # count(*)
            select = node.parent_select
            if select is None or select is table.parent_select or not select.args.get("from_"):
                (name, why), *_ = closed.items()
                raise _closed(
                    f"Name the columns of {view} that you need instead of *: {name} can't be read, "
                    f"since {why}."
                )


def _closed(message: str) -> Forbidden:
    return Forbidden(message, code="system_column_not_allowed")
