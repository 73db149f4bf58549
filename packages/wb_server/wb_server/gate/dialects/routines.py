"""The database's own functions and procedures, which a connection's owner has allowed by name.

Such a name is always ``schema.name``, in the list and in a statement: no search path decides what it
means. Which of several variants a call means is up to the database, so all of them have to be in the list,
each with its arguments. That they are, and that no type has the name, is for the connector to check when the
statement runs.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from wb_server.kit.errors import Forbidden, InvalidInput

from .base import DialectRules, RoutineName
from .canonical import fold
from .nodes import check_name, own_routine
from .tables import TableRef, check_table


@lru_cache(maxsize=1_000)
def routine_name(text: str, rules: DialectRules) -> RoutineName:
    """Parses a name of the list, perhaps with the types of its arguments.

    Raises:
        InvalidInput: it isn't schema.name, or is in a schema of the database system
            (``bad_routine``), or it is too long (``name_too_long``).
    """
    before, bracket, after = text.strip().partition("(")
    arguments = _arguments(bracket + after) if rules.overloads else bracket or ""
    try:
        found: exp.Expr | None = parse_one(before, into=exp.Table, read=rules.name)
    except SqlglotError:
        found = None
    parts = [part for part in found.args.values() if part] if found is not None else []
    if (
        type(found) is not exp.Table
        or len(parts) != 2
        or not all(isinstance(each, exp.Identifier) for each in parts)
        or any(node.comments for node in found.walk())
        or any(ord(letter) < 32 for letter in text)
        or arguments is None
        or (arguments and not rules.overloads)
    ):
        how = (
            "write schema.name; for one of several variants with the types of its arguments, as in "
            "schema.name(text, date)."
            if rules.overloads
            else "write schema.name, without arguments."
        )
        raise InvalidInput(
            f"“{text[:100]}” isn't the name of a function or procedure: {how}",
            code="bad_routine",
            name=text[:100],
        )
    for part in parts:
        check_name(part, rules, True)
    name = RoutineName(fold(found.args["db"], rules), fold(found.args["this"], rules))
    try:
        check_table(TableRef(None, name.schema, name.name), rules, write=True)
    except Forbidden:
        raise InvalidInput(
            f"“{name}” belongs to the database system. Only functions and procedures of your own can "
            "be allowed.",
            code="bad_routine",
            name=text[:100],
        ) from None
    if rules.name == "mysql":
        return RoutineName(name.schema, name.name.lower())
    return RoutineName(name.schema, name.name, arguments)


# A type of PostgreSQL as a signature has it: without a length, and only with letters that need no quotes.
_TYPE = re.compile(
    r"(?:double precision|(?:character|bit) varying|timestamp with(?:out)? time zone"
    r"|time with(?:out)? time zone|(?:[a-z_][a-z0-9_]*\.)?[a-z_][a-z0-9_]*)(?:\[\])?"
)


def _arguments(text: str) -> str | None:
    """The types in brackets, in one spelling; None if that isn't what it is."""
    if not text:
        return ""
    if not text.endswith(")"):
        return None
    types = [" ".join(each.lower().split()) for each in text[1:-1].split(",")]
    if types == [""]:
        return "()"
    return f"({', '.join(types)})" if all(map(_TYPE.fullmatch, types)) else None


def routines_of(tree: exp.Expr, rules: DialectRules) -> frozenset[RoutineName]:
    """The database's own routines that a tree calls."""
    if not rules.routines:
        return frozenset()
    found = (own_routine(node, rules) for node in tree.find_all(exp.Anonymous))
    return frozenset().union(*(rules.allowed(name) for name in found if name is not None))
