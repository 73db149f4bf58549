"""The gate's analysis of one SQL statement: pure, without I/O.

``analyse`` parses a statement, refuses what isn't on the allow-lists of its dialect, binds the
parameters as literal nodes, renders the tree, then parses the rendered text and checks it again.
Only the rendered text may be sent to a database. What can't be parsed, proved or reproduced is
refused.

Functions keep the name that was written: before parsing, the name of each function call is masked,
so that the parser can't turn it into a node that it renders differently. The name that is checked
is therefore the name that is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from wb_server.gate.dialects.base import DialectRules, RoutineName
from wb_server.gate.dialects.canonical import canonical
from wb_server.gate.dialects.catalogs import require_open_columns, require_schema, with_open_columns
from wb_server.gate.dialects.commands import call_of, command
from wb_server.gate.dialects.complexity import too_complex
from wb_server.gate.dialects.duckdb import dialect as duckdb
from wb_server.gate.dialects.explain import explanation
from wb_server.gate.dialects.fields import named
from wb_server.gate.dialects.mysql import dialect as mysql
from wb_server.gate.dialects.mysql import show as mysql_show
from wb_server.gate.dialects.nodes import WRITES, check_name, check_node, own_routine
from wb_server.gate.dialects.parameters import bind, check_places
from wb_server.gate.dialects.parsing import parse
from wb_server.gate.dialects.postgres import dialect as postgres
from wb_server.gate.dialects.refusals import not_reproducible
from wb_server.gate.dialects.rendering import render
from wb_server.gate.dialects.routines import routine_name
from wb_server.gate.dialects.tables import (
    TableRef,
    check_table,
    in_order,
    reference_of,
    tables_of,
    targets_of,
)
from wb_server.gate.models import DialectName, Statement
from wb_server.gate.reuse import Reuse, fits
from wb_server.kit.errors import Forbidden, InvalidInput

_CACHED_LENGTH = 4_000  # characters; trees of longer texts would take too much memory

RULES: Mapping[str, DialectRules] = {
    rules.name: rules for rules in (postgres.RULES, duckdb.RULES, mysql.RULES)
}

_POSITIONS = frozenset({"line", "col", "start", "end"})
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_STRUCTURAL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)


def analyse(
    sql: str,
    dialect: DialectName,
    params: Mapping[str, Any] | None = None,
    *,
    limit: int | None = None,
    routines: frozenset[RoutineName] = frozenset(),
) -> Statement:
    """Checks one statement and renders the text that may be sent.

    Args:
        sql: one statement; parameters are written ``:name``.
        dialect: the dialect of the database that will run it.
        params: a value for each parameter: None, bool, int, float, str, Decimal, date, datetime,
            time, bytes, a wire object ``{"type", "value"}``, or a list of these for IN.
        limit: the maximum number of rows that a read may ask for. A smaller LIMIT stays.
        routines: the database's own functions and procedures that may be called.

    Raises:
        InvalidInput: the text or a parameter can't be understood, or isn't one statement.
        Forbidden: understood, but not on an allow-list.
        TooLarge: the text is larger than ``MAX_SQL_BYTES``.
    """
    rules = _rules(dialect, routines)
    try:
        if len(sql) <= _CACHED_LENGTH:
            if not params and limit is None:
                return _analyse_plain(sql, dialect, routines)
            if params and fits(sql, params):
                reuse = _reuse(sql, dialect, frozenset(params), limit, routines)
                return reuse.statement(params, lambda them: _analyse(sql, rules, them, limit))
        return _analyse(sql, rules, dict(params or {}), limit)
    except RecursionError:
        raise too_complex() from None


@lru_cache(maxsize=64)
def _rules(dialect: str, routines: frozenset[RoutineName]) -> DialectRules:
    return replace(RULES[dialect], routines=routines) if routines else RULES[dialect]


@lru_cache(maxsize=512)
def _analyse_plain(sql: str, dialect: str, routines: frozenset[RoutineName]) -> Statement:
    return _analyse(sql, _rules(dialect, routines), {}, None)


@lru_cache(maxsize=512)
def _reuse(
    sql: str,
    dialect: str,
    names: frozenset[str],
    limit: int | None,
    routines: frozenset[RoutineName],
) -> Reuse:
    return Reuse()


# The tree of a text of that length takes up to 2 MB.
@lru_cache(maxsize=32)
def _parse_cached(sql: str, dialect: str) -> exp.Expr:
    tree = canonical(parse(sql, RULES[dialect]), RULES[dialect])
    for node in tree.walk():
        # Positions in the text are never used, and every copy of the tree would copy them.
        for position in _POSITIONS & node.meta.keys():
            del node.meta[position]
    return tree


def _analyse(sql: str, rules: DialectRules, params: dict[str, Any], limit: int | None) -> Statement:
    explained = explanation(sql, rules.name)
    if explained is None:
        called = call_of(sql, rules)
        if called is not None:
            return _analyse_call(called, rules, params)
        other = command(sql, rules)
        if other is not None:
            bind(exp.Null(), params, rules)  # it takes none
            return Statement(
                kind="write",
                sql=other.sql,
                tables=in_order(other.tables),
                written=in_order(other.tables),
                returns_rows=other.returns_rows,
                structural=True,
            )
        show = _show_statement(sql, rules) if rules.name == "mysql" and not params else None
        return show or _analyse_one(sql, rules, params, limit)
    words, explained_sql = explained
    inner = _analyse_one(explained_sql, rules, params, None)
    words.check(write=inner.kind == "write", structural=inner.structural)
    # Planning changes nothing, whatever the statement, and a read-only transaction makes sure of
    # it. MySQL refuses to plan a write in one: there, explaining a write takes the right to write.
    kind = inner.kind if rules.name == "mysql" else "read"
    return Statement(
        kind=kind,
        sql=f"{words.words} {inner.sql}",
        tables=inner.tables,
        written=inner.written if kind == "write" else (),
        returns_rows=True,
        shows_texts=words.shows_texts,
        named=inner.named,
    )


def _analyse_call(sql: str, rules: DialectRules, params: dict[str, Any]) -> Statement:
    """CALL of an allowed procedure.

    Args:
        sql: a query that computes the call.
    """
    tree = canonical(parse(sql, rules), rules)
    _only_call(tree, rules)
    _check(tree, rules, bound=False)
    text = render(_only_call(bind(tree, params, rules), rules), rules)
    again = canonical(parse(f"SELECT {text}", rules), rules)
    _check(again, rules, bound=True)
    if _only_call(again, rules) != _only_call(tree, rules):
        raise not_reproducible(tree, again, rules)
    return Statement(
        kind="write",
        sql=f"CALL {text}",
        tables=(),
        written=(),
        returns_rows=False,
        # MySQL's procedures may commit.
        structural=rules.name == "mysql",
        named=named(again, (), rules),
    )


def _only_call(tree: exp.Expr, rules: DialectRules) -> exp.Expr:
    """The call of a query that consists of one.

    Raises:
        Forbidden: it is anything else (``statement_not_allowed``).
    """
    items = tree.expressions if type(tree) is exp.Select else []
    only = items[0].unalias() if len(items) == 1 else None
    called = only.expression if isinstance(only, exp.Dot) else None
    if (
        not isinstance(called, exp.Anonymous)
        or own_routine(called, rules) is None
        or [key for key, value in tree.args.items() if value] != ["expressions"]
        or any(node is not tree for node in tree.find_all(exp.Query, exp.Table, exp.Star))
    ):
        raise Forbidden(
            "CALL takes one procedure of the database's own: CALL schema.name(arguments), without "
            "queries in the arguments.",
            code="statement_not_allowed",
        )
    assert isinstance(only, exp.Dot)
    return only


def _show_statement(sql: str, rules: DialectRules) -> Statement | None:
    """MySQL's SHOW and DESCRIBE, which show the contents of information_schema."""
    found = mysql_show.parse_show(sql)
    if found is None:
        return None
    for table in found.tables:
        check_table(table, rules, write=False)
    tables = in_order(table for table in found.tables if table.name)
    return Statement(kind="read", sql=found.sql, tables=tables, written=(), returns_rows=True)


def _analyse_one(
    sql: str, rules: DialectRules, params: dict[str, Any], limit: int | None
) -> Statement:
    if len(sql) <= _CACHED_LENGTH:
        tree = _parse_cached(sql, rules.name).copy()
    else:
        tree = canonical(parse(sql, rules), rules)
    _check(tree, rules, bound=False)
    tree = bind(tree, params, rules)
    with_open_columns(tree, rules)
    if limit is not None and isinstance(tree, _QUERIES):
        _apply_limit(tree, limit)
    text = render(tree, rules)
    try:
        again: exp.Expr | None = canonical(parse(text, rules), rules)
    except InvalidInput as error:
        if error.code == "too_complex":  # the values made it so
            raise
        again = None
    if again is None or again != tree:
        raise not_reproducible(tree, again, rules)
    written = _check(again, rules, bound=True)
    require_open_columns(again, rules)
    tables = {*written, *tables_of(again, rules)}
    for table in tables:
        check_table(table, rules, write=table in written)
        require_schema(table, rules)
    kind: Literal["read", "write"] = "write" if isinstance(again, WRITES) else "read"
    return Statement(
        kind=kind,
        sql=text,
        tables=in_order(tables),
        written=in_order(written),
        returns_rows=kind == "read" or again.args.get("returning") is not None,
        structural=isinstance(again, _STRUCTURAL),
        named=named(again, tables, rules),
    )


def routine_names(texts: Iterable[str], dialect: DialectName) -> frozenset[RoutineName]:
    """Parses the names of functions and procedures of the database's own.

    Raises:
        InvalidInput: one isn't ``schema.name``, or is the database system's (``bad_routine``).
    """
    return frozenset(routine_name(text, RULES[dialect]) for text in texts)


def table_name(text: str, dialect: DialectName) -> TableRef:
    """Parses the name of a table to write to: ``schema.table`` or ``table``, in the dialect's SQL.

    Raises:
        InvalidInput: it isn't a name (``bad_table``, ``name_too_long``).
        Forbidden: it is a system table, or one of another database.
    """
    rules = RULES[dialect]
    try:
        # The whole text has to be a name: the parser raises on a remainder.
        found: Any = parse_one(text, into=exp.Table, read=dialect)
    except SqlglotError:
        found = None
    parts = [part for part in found.args.values() if part] if found is not None else []
    if (
        type(found) is not exp.Table
        or not all(isinstance(each, exp.Identifier) for each in parts)
        or any(node.comments for node in found.walk())
        or any(ord(character) < 32 for character in text)
    ):
        raise InvalidInput(
            f"“{text[:100]}” isn't a table name: write schema.table or table.", code="bad_table"
        )
    for part in parts:
        check_name(part, rules, True)
    reference = reference_of(found, rules)
    assert reference is not None
    check_table(reference, rules, write=True)
    return reference


def _apply_limit(tree: exp.Expr, limit: int) -> None:
    """Sets LIMIT on the root to the smaller of both; a LIMIT that isn't a number stays."""
    if "limit" not in tree.arg_types:
        return
    current = tree.args.get("limit")
    if current is None:
        tree.set("limit", exp.Limit(expression=exp.Literal.number(limit)))
        return
    if current.args.get("limit_options") is not None and isinstance(current, exp.Limit):
        return
    key = "count" if isinstance(current, exp.Fetch) else "expression"
    if isinstance(current, exp.Fetch):
        options = current.args.get("limit_options")
        if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
            return
    value = current.args.get(key)
    if isinstance(value, exp.Cast):
        value = value.this
    if isinstance(value, exp.Null) or (isinstance(value, exp.Var | exp.Column) and _is_all(value)):
        current.set(key, exp.Literal.number(limit))
    elif isinstance(value, exp.Literal) and not value.is_string and value.this.isdecimal():
        if int(value.this) > limit:
            current.set(key, exp.Literal.number(limit))


def _is_all(node: exp.Expr) -> bool:
    return node.name.upper() == "ALL"


def _check(tree: exp.Expr, rules: DialectRules, *, bound: bool) -> tuple[TableRef, ...]:
    """Checks the root and every node, and returns the targets of a write."""
    write = isinstance(tree, WRITES)
    if not write and not isinstance(tree, _QUERIES):
        raise Forbidden(
            "Only queries and plain writes run here (SELECT, INSERT, UPDATE, DELETE, MERGE, "
            "CREATE, ALTER, DROP or TRUNCATE of tables and views).",
            code="statement_not_allowed",
        )
    if write and not rules.writes:
        raise Forbidden("This connection is read-only.", code="read_only_connection")
    if not bound:
        check_places(tree)
    for node in tree.walk():
        check_node(node, tree, rules, write=write, bound=bound)
    if rules.check_tree is not None:
        rules.check_tree(tree)
    return targets_of(tree, rules) if write else ()
