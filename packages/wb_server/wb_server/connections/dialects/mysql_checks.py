"""What no single node of a tree shows: variables that aren't set, columns that stay closed.

Variables of the session (``@n``) are allowed as far as a statement sets what it reads. The server
forgets them when a session goes back to the pool, so nobody sees another's; one that isn't set in the
statement would be NULL, whatever its author set before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlglot import exp

from wb_server.kit.errors import Forbidden, InvalidInput

from .tables import plain_name

# Of the views that may be read (mysql.py), with the reason. None of the others' columns names a login
# or holds the text of a view or routine.
CLOSED: Final[Mapping[str, Mapping[str, str]]] = {
    "tables": {"create_options": "it may hold passwords for other servers (CONNECT, SPIDER)"},
}


def check(tree: exp.Expr) -> None:
    """Refuses what isn't right as a whole.

    Raises:
        InvalidInput: a variable that isn't set (``parameter_syntax``), ``:=`` after anything else.
        Forbidden: a closed column, or a star that would show one (``system_column_not_allowed``).
    """
    _check_variables(tree)
    for table in tree.find_all(exp.Table):
        if plain_name(table.db) == "information_schema":
            closed = CLOSED.get(plain_name(table.name))
            if closed:
                _check_columns(tree, table.name, closed)


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


def _check_columns(tree: exp.Expr, view: str, closed: Mapping[str, str]) -> None:
    """Wherever the name stands: what it belongs to is the server's to say."""
    for node in tree.find_all(exp.Identifier, exp.Star, exp.Join):
        if isinstance(node, exp.Identifier):
            name = plain_name(str(node.this))
            if name in closed:
                raise _closed(f"The column {name} of {view} can't be read: {closed[name]}.")
        elif isinstance(node, exp.Join):
            if str(node.method).upper() == "NATURAL":
                raise _closed(f"{view} can't be joined by NATURAL JOIN: write ON or USING.")
        elif not isinstance(node.parent, exp.Anonymous):  # count(*)
            (name, why), *_ = closed.items()
            raise _closed(
                f"Name the columns of {view} that you need instead of *: {name} can't be read, "
                f"since {why}."
            )


def _closed(message: str) -> Forbidden:
    return Forbidden(message, code="system_column_not_allowed")
