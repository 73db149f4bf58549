"""The gate's analysis of one SQL statement: pure, and without I/O.

``analyse`` parses a statement, refuses what isn't on the allow-lists of its dialect, puts the
parameters in as literal nodes, renders the tree, parses what was rendered and checks that again.
Only the rendered text may be sent to a database. What can't be parsed, proved or reproduced is
refused.

Functions are kept under the name that was written: before parsing, each name that calls a
function is masked, so that the parser can't turn it into a node which it renders in its own way.
So the name that is checked is the name that is sent.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from wb_server.connections.dialects import duckdb, mysql, postgres
from wb_server.connections.dialects.base import WRITE_NODES, DialectRules
from wb_server.connections.dialects.parameters import bind
from wb_server.connections.dialects.text import (
    called_function,
    canonical,
    fold,
    parse,
    render,
    statement_error,
    too_complex,
)
from wb_server.kit.errors import Forbidden, InvalidInput

DialectName = Literal["postgres", "duckdb", "mysql"]

_CACHED_LENGTH = 4_000  # characters; the trees of longer texts would fill the memory
MAX_POSTGRES_NAME = 63  # bytes; PostgreSQL cuts longer names, so they would name another table

RULES: Mapping[str, DialectRules] = {
    rules.name: rules for rules in (postgres.RULES, duckdb.RULES, mysql.RULES)
}

# A file's name, an address or a pattern: DuckDB opens such a "table" as a file.
_FILE_CHARACTERS = re.compile(r"[/\\.*?:\[\]{}~%]")
_FILE_ENDINGS = re.compile(
    r"(^|\.)(csv|tsv|txt|parquet|pq|json|jsonl|ndjson|geojson|gz|zst|bz2|xlsx?|avro|arrow|arrows|"
    r"ipc|feather|orc|db|ddb|duckdb|sqlite3?|shp|gpkg|fgb|vortex|lance)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)
_WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
)
_STRUCTURAL = (exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
_CREATE_KINDS = ("TABLE", "VIEW", "SCHEMA", "INDEX")
_DROP_KINDS = ("TABLE", "VIEW")


@dataclass(frozen=True)
class TableRef:
    """A base table, view or file by name. ``name`` is empty where a schema itself is meant."""

    catalog: str | None
    schema: str | None
    name: str


@dataclass(frozen=True)
class Statement:
    """What a statement is, what it touches, and the only text of it that may be sent.

    Attributes:
        kind: ``read`` changes nothing; ``write`` changes data or structure.
        sql: rendered from the checked tree, with the parameters in it.
        tables: every base table that is read or written, sorted, each once. No CTE names.
        written: the targets of a write.
        returns_rows: a read, or a write with RETURNING.
        structural: it changes structure, or empties a table as if it were made anew.
    """

    kind: Literal["read", "write"]
    sql: str
    tables: tuple[TableRef, ...]
    written: tuple[TableRef, ...]
    returns_rows: bool
    structural: bool = False


def analyse(
    sql: str,
    dialect: DialectName,
    params: Mapping[str, Any] | None = None,
    *,
    limit: int | None = None,
) -> Statement:
    """Check one statement and render the text that may be sent.

    Args:
        sql: one statement; parameters are written ``:name``.
        dialect: of the database that will run it.
        params: a value for each parameter: None, bool, int, float, str, Decimal, date, datetime,
            time, bytes, a wire object ``{"type", "value"}``, or a list of these for IN.
        limit: the largest number of rows a read may ask for. A smaller LIMIT stays.

    Raises:
        InvalidInput: the text or a parameter can't be understood, or isn't one statement.
        Forbidden: understood, but not on an allow-list.
        TooLarge: the text is larger than ``MAX_SQL_BYTES``.
    """
    rules = RULES[dialect]
    try:
        if params or limit is not None or len(sql) > _CACHED_LENGTH:
            return _analyse(sql, rules, dict(params or {}), limit)
        return _analyse_plain(sql, rules.name)
    except RecursionError:
        raise too_complex() from None


@lru_cache(maxsize=512)
def _analyse_plain(sql: str, dialect: str) -> Statement:
    return _analyse(sql, RULES[dialect], {}, None)


@lru_cache(maxsize=512)
def _parse_cached(sql: str, dialect: str) -> exp.Expr:
    return canonical(parse(sql, RULES[dialect]), RULES[dialect])


def _analyse(sql: str, rules: DialectRules, params: dict[str, Any], limit: int | None) -> Statement:
    known = len(sql) <= _CACHED_LENGTH
    tree = _parse_cached(sql, rules.name) if known else canonical(parse(sql, rules), rules)
    _check(tree, rules, bound=False)
    tree = bind(tree.copy(), params, rules)
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
        raise InvalidInput(
            "The Workbench can't reproduce this statement exactly, so it isn't run. "
            "Write it in another way, or tell your administrator.",
            code="not_reproducible",
        )
    written = _check(again, rules, bound=True)
    tables = {*written, *_tables(again, frozenset(), rules)}
    for table in tables:
        _check_table(table, rules, write=table in written)
    kind: Literal["read", "write"] = "write" if isinstance(again, _WRITES) else "read"
    return Statement(
        kind=kind,
        sql=text,
        tables=_sorted(tables),
        written=_sorted(written),
        returns_rows=kind == "read" or again.args.get("returning") is not None,
        structural=isinstance(again, _STRUCTURAL),
    )


def table_name(text: str, dialect: DialectName) -> TableRef:
    """A table to write to, by ``schema.table`` or ``table`` as the dialect writes names.

    Raises:
        InvalidInput: it isn't a name (``bad_table``, ``name_too_long``).
        Forbidden: a table of the database's own, or one of another database.
    """
    rules = RULES[dialect]
    try:
        # The whole text has to be a name: what is left over is an error of the parser.
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
            f"“{text[:100]}” is not a table's name: write schema.table or table.", code="bad_table"
        )
    for part in parts:
        _check_name(part, rules, True)
    reference = _reference(found, rules)
    assert reference is not None
    _check_table(reference, rules, write=True)
    return reference


def _apply_limit(tree: exp.Expr, limit: int) -> None:
    """LIMIT on the root, or the smaller of both; a LIMIT that isn't a number stays."""
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


# Rules --------------------------------------------------------------------------------------------


def _check(tree: exp.Expr, rules: DialectRules, *, bound: bool) -> tuple[TableRef, ...]:
    """Check the root and every node; returns the targets of a write."""
    write = isinstance(tree, _WRITES)
    if not write and not isinstance(tree, _QUERIES):
        raise Forbidden(
            "Only queries and plain writes run here (SELECT, INSERT, UPDATE, DELETE, MERGE, "
            "CREATE, ALTER, DROP or TRUNCATE of tables and views).",
            code="statement_not_allowed",
        )
    if write and not rules.writes:
        raise Forbidden("This connection is read-only.", code="read_only_connection")
    for node in tree.walk():
        _check_node(node, tree, rules, write=write, bound=bound)
    if rules.record_fields is not None:
        _check_columns_of_functions(tree, rules)
    return _targets(tree, rules) if write else ()


def _check_node(
    node: exp.Expr, root: exp.Expr, rules: DialectRules, *, write: bool, bound: bool
) -> None:
    kind = type(node)
    if kind in (exp.Into, exp.Lock) or (
        kind in _WRITES and node is not root and not _is_part_of_write(node)
    ):
        raise Forbidden(_NOT_A_READ.get(kind, _NESTED), code="not_a_read")
    if kind not in rules.nodes and not (
        write and (kind in WRITE_NODES or kind in rules.write_nodes)
    ):
        _refuse_node(node)
    check = _NODE_CHECKS.get(kind)
    if check is not None:
        check(node, rules, write)
    if bound and kind is exp.Placeholder:
        raise InvalidInput("A parameter wasn't put in.", code="parameter_missing")


_NESTED = "A statement that changes data can't be part of another one."
_NOT_A_READ: Mapping[type[exp.Expr], str] = {
    exp.Into: "SELECT … INTO makes a table; use CREATE TABLE … AS.",
    exp.Lock: "A query can't lock rows (FOR UPDATE, FOR SHARE).",
}


def _is_part_of_write(node: exp.Expr) -> bool:
    """WHEN MATCHED THEN UPDATE … and ALTER TABLE … DROP COLUMN."""
    parent = node.parent
    if isinstance(parent, exp.When):
        return isinstance(node, exp.Insert | exp.Update | exp.Delete)
    if isinstance(parent, exp.Alter):
        return isinstance(node, exp.Drop) and node.args.get("kind") in ("COLUMN", "CONSTRAINT")
    return False


def _refuse_node(node: exp.Expr) -> None:
    if isinstance(node, exp.PseudoType | exp.ObjectIdentifier):
        raise _type_error(str(node.this))
    if isinstance(node, exp.Command):
        raise Forbidden(
            f"{str(node.this).upper()} isn't allowed here.", code="statement_not_allowed"
        )
    if isinstance(node, exp.Parameter | exp.SessionParameter):
        raise InvalidInput(
            "Parameters are written :name, for example :since.", code="parameter_syntax"
        )
    if isinstance(node, exp.Func):
        raise _function_error(node.sql_name().lower(), frozenset())
    raise Forbidden(
        f"This syntax isn't supported: {_readable(type(node).__name__)}.",
        code="syntax_not_allowed",
    )


def _readable(class_name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", class_name).lower()


def _function_error(name: str, known: frozenset[str]) -> Forbidden:
    near = difflib.get_close_matches(name, known, n=3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    return Forbidden(
        f"The function {name} isn't on the list of allowed functions.{hint}",
        code="function_not_allowed",
        function=name,
        near=near,
    )


def _type_error(name: str) -> Forbidden:
    return Forbidden(
        f"The type {name.lower()} isn't on the list of allowed types. Types that a database adds "
        "itself (enums, domains, extensions) can run code of their own; cast to text instead.",
        code="type_not_allowed",
        type=name.lower(),
    )


def _check_function(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    name = _function_name(node, rules)
    in_from = _stands_in_from(node)
    known = rules.table_functions if in_from else rules.functions
    if write:
        known = known | rules.write_functions
    parent = node.parent
    if name not in known:
        raise _function_error(name, known)
    if rules.name == "mysql" and isinstance(node.this, exp.Identifier):
        raise _function_error(f"`{name}`", frozenset())  # in backticks it may be somebody's own
    if name in rules.ordered_set_functions and not isinstance(parent, exp.WithinGroup):
        raise _function_error(f"{name} without WITHIN GROUP", frozenset())
    if isinstance(parent, exp.Table) and (parent.args.get("db") or parent.args.get("catalog")):
        raise _function_error(f"{parent.db}.{name}", frozenset())


def _check_dot(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    """``schema.function(…)`` and ``value.field``, where a dot can lead to any function.

    PostgreSQL takes ``(value).name`` for ``name(value)`` where the value has no such field, with a
    value of any type.
    """
    if rules.record_fields is None or isinstance(node.expression, exp.Star):
        return
    called = called_function(node)
    if called is not None:  # the database's own schema isn't written here any more
        raise _function_error(f"{node.this.sql()}.{called.name}", frozenset())
    value = node.this.unnest()
    if isinstance(value, exp.Anonymous) and isinstance(node.expression, exp.Identifier):
        fields = rules.record_fields.get(_function_name(value, rules), frozenset())
        if fold(node.expression, rules) in fields:
            return
    raise _field_error(node.expression.name)


def _field_error(name: str) -> Forbidden:
    return Forbidden(
        f"“{name}” can't be taken with a dot here, since that can call a function of this name. "
        "Write table.column without parentheses, or to_jsonb(value) ->> 'field'.",
        code="field_not_allowed",
        name=name,
    )


def _check_columns_of_functions(tree: exp.Expr, rules: DialectRules) -> None:
    """``f.name`` where f is a function in FROM: PostgreSQL may call name with the value of f."""
    known: dict[str, set[str]] = {}
    for node in tree.find_all(exp.Table, exp.Lateral):
        calls = [item.this for item in node.args.get("rows_from") or [node]]
        if not isinstance(calls[0], exp.Anonymous):
            continue
        function = _function_name(calls[0], rules).strip('"')
        alias = node.args.get("alias")
        named = alias.args.get("this") if alias is not None else None
        name = fold(named, rules) if named is not None else function
        columns = known.setdefault(name, {name, function, "ordinality"})
        for call in calls:
            columns |= (rules.record_fields or {}).get(_function_name(call, rules), frozenset())
        for column in alias.args.get("columns") or [] if alias is not None else []:
            columns.add(fold(column.this if isinstance(column, exp.ColumnDef) else column, rules))
    for node in tree.find_all(exp.Column):
        owner = node.args.get("table")
        if owner is None or not isinstance(node.this, exp.Identifier):
            continue
        columns = known.get(fold(owner, rules), set())
        if columns and fold(node.this, rules) not in columns:
            raise _field_error(f"{owner.name}.{node.name}")


def _function_name(node: exp.Expr, rules: DialectRules) -> str:
    name = node.this
    if isinstance(name, exp.Identifier):
        folded = fold(name, rules)
        # COALESCE and the like are syntax; as a quoted name they would be somebody's function.
        return f'"{folded}"' if folded in rules.syntax_functions else folded
    return str(name).lower()


def _stands_in_from(node: exp.Expr) -> bool:
    parent = node.parent
    if isinstance(parent, exp.Dot):
        parent = parent.parent
    return isinstance(parent, exp.Table | exp.Lateral | exp.TableFromRows | exp.From | exp.Join)


def _check_type(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if node.this not in rules.types:
        kind = node.args.get("kind")
        name = kind.sql() if isinstance(kind, exp.Expr) else getattr(node.this, "value", node.this)
        raise _type_error(str(name))


def _check_column(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not isinstance(node.this, exp.Identifier | exp.Star):
        called = called_function(node)
        name = called.name if called is not None else ""
        raise _function_error(f"{node.text('table')}.{name}", frozenset())
    if not node.args.get("table"):
        _check_niladic(node.this, rules)


def _check_table_name(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not node.args.get("db"):
        _check_niladic(node.this, rules)  # PostgreSQL takes FROM current_user


def _check_lambda(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    for name in node.expressions:
        _check_niladic(name, rules)  # in PostgreSQL it is a column before ->


def _check_niladic(name: Any, rules: DialectRules) -> None:
    """Refuse keywords that call a function without parentheses; a quoted name isn't one."""
    if (
        isinstance(name, exp.Identifier)
        and not name.args.get("quoted")
        and name.this.lower() in rules.niladic
    ):
        raise _function_error(name.this.lower(), frozenset())


def _check_name(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if rules.name == "postgres" and len(str(node.this).encode()) > MAX_POSTGRES_NAME:
        raise InvalidInput(
            f"A name is longer than {MAX_POSTGRES_NAME} bytes: {str(node.this)[:40]}…",
            code="name_too_long",
        )


def _check_word(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not _WORD.fullmatch(str(node.this)):
        raise Forbidden("This syntax isn't supported.", code="syntax_not_allowed")


def _check_select(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    modifiers = node.args.get("operation_modifiers")
    if modifiers:
        raise Forbidden(
            f"This syntax isn't supported: {', '.join(str(word) for word in modifiers)}.",
            code="syntax_not_allowed",
        )


def _check_engine(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if node.name.lower() not in rules.engines:
        raise Forbidden(
            f"Tables can't be stored with the engine {node.name} here. Allowed: "
            f"{', '.join(sorted(rules.engines))}.",
            code="engine_not_allowed",
        )


def _check_create(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _CREATE_KINDS:
        raise statement_error(f"CREATE {kind}")


def _check_drop(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _DROP_KINDS and not _is_part_of_write(node):
        raise statement_error(f"DROP {kind}")


def _check_alter(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind != "TABLE":
        raise statement_error(f"ALTER {kind}")


_NODE_CHECKS: Mapping[type[exp.Expr], Any] = {
    exp.Anonymous: _check_function,
    exp.Dot: _check_dot,
    exp.DataType: _check_type,
    exp.Column: _check_column,
    exp.Table: _check_table_name,
    exp.Lambda: _check_lambda,
    exp.Identifier: _check_name,
    exp.Var: _check_word,
    exp.Select: _check_select,
    exp.EngineProperty: _check_engine,
    exp.Create: _check_create,
    exp.Drop: _check_drop,
    exp.Alter: _check_alter,
}


# Tables -------------------------------------------------------------------------------------------


def _reference(table: exp.Expr, rules: DialectRules) -> TableRef | None:
    """The table's name, or None for a function or subquery in its place."""

    def part(key: str) -> str | None:
        value = table.args.get(key)
        return fold(value, rules) if isinstance(value, exp.Identifier) else None

    if isinstance(table.this, exp.Identifier):
        return TableRef(part("catalog"), part("db"), part("this") or "")
    if isinstance(table.this, exp.Anonymous) or table.args.get("rows_from"):
        return None
    if table.this is None and table.args.get("db"):  # CREATE SCHEMA name
        return TableRef(part("catalog"), part("db"), "")
    raise Forbidden("A table's name can't be read.", code="syntax_not_allowed")


def _tables(node: exp.Expr, known: frozenset[str], rules: DialectRules) -> Iterator[TableRef]:
    """The base tables under a node, where ``known`` CTE names are in scope.

    A CTE sees those before it, and itself only under RECURSIVE. When in doubt a name is reported
    as a table: that can refuse too much, but hides nothing.
    """
    with_ = node.args.get("with_")
    if isinstance(with_, exp.With):
        recursive = bool(with_.args.get("recursive"))
        names = [fold(cte.args["alias"].this, rules) for cte in with_.expressions]
        # PostgreSQL sees all names of a recursive WITH in all of its parts.
        inner = known | frozenset(names) if recursive and rules.name == "postgres" else known
        for cte, name in zip(with_.expressions, names, strict=True):
            if recursive and rules.name != "postgres" and isinstance(cte.this, exp.SetOperation):
                # Only what follows UNION may refer to the CTE itself.
                body = cte.this
                for key, child in _children(body):
                    scope = inner | {name} if key == "expression" else inner
                    yield from _tables(child, scope, rules)
            else:
                yield from _tables(cte.this, inner, rules)
            inner = inner | {name}
        known = inner
    if isinstance(node, exp.Drop) and _is_part_of_write(node):
        return  # ALTER TABLE … DROP COLUMN names no table
    if isinstance(node, exp.Table):
        table = _reference(node, rules)
        is_cte = (
            table is not None
            and table.schema is None
            and table.name in known
            and not _is_target(node)
        )
        if table is not None and not is_cte:
            yield table
    for key, child in _children(node):
        if key != "with_":
            yield from _tables(child, known, rules)


def _is_target(node: exp.Expr) -> bool:
    """The target of a write is always a real table, whatever a CTE is called."""
    parent = node.parent
    if isinstance(parent, exp.Schema):
        node, parent = parent, parent.parent
    return isinstance(parent, _WRITES) and node is parent.this


def _children(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for key, value in node.args.items():
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expr):
                yield key, child


def _targets(tree: exp.Expr, rules: DialectRules) -> tuple[TableRef, ...]:
    targets: list[Any] = [tree.args.get("this"), *(tree.args.get("tables") or [])]
    if isinstance(tree, exp.TruncateTable | exp.Drop):
        targets += tree.expressions
    if isinstance(tree, exp.Alter):
        targets += [new.this for new in tree.find_all(exp.AlterRename)]
    if isinstance(tree, exp.Update | exp.Delete):
        # MySQL changes any of the tables that it joins.
        using = tree.args.get("using") if rules.name == "mysql" else None
        joined = [table for table in (*targets, *(using or [])) if isinstance(table, exp.Table)]
        joins = [join.this for table in joined for join in table.args.get("joins") or []]
        targets += [table for table in (*(using or []), *joins) if isinstance(table, exp.Table)]
    found = []
    for target in targets:
        if target is None:
            continue
        if isinstance(target, exp.Schema):
            target = target.this
        if isinstance(target, exp.Index):
            target = target.args.get("table")
        reference = _reference(target, rules) if isinstance(target, exp.Table) else None
        if reference is None:
            raise Forbidden("The target of this write can't be read.", code="syntax_not_allowed")
        found.append(reference)
    if not found:
        raise Forbidden("The target of this write can't be read.", code="syntax_not_allowed")
    return tuple(found)


def _check_table(table: TableRef, rules: DialectRules, *, write: bool) -> None:
    if table.catalog is not None:
        raise Forbidden(
            "Name tables as schema.table: another database can't be reached from here.",
            code="system_table_not_allowed",
        )
    if rules.file_tables:
        full = f"{table.schema}.{table.name}" if table.schema else table.name
        parts = (table.schema or "", table.name)
        if any(_FILE_CHARACTERS.search(part) for part in parts) or _FILE_ENDINGS.search(full):
            raise Forbidden(
                f"{full!r} looks like a file. Files are read through the tables of the "
                "connection, by name.",
                code="file_not_allowed",
            )
    schema, name = table.schema, table.name
    if rules.name == "mysql":
        # Whatever its server does with the case of names, its own are found in any.
        schema, name = schema and _plain(schema), _plain(name)
    if schema is None:
        if not name.startswith(rules.unqualified_system_prefixes):
            return
        schema = "pg_catalog"
    readable = rules.system_tables.get(schema)
    hidden = schema.startswith(rules.hidden_schemas) or readable is not None
    if hidden and (write or name not in (readable or frozenset())):
        raise Forbidden(
            f"The system table {schema}.{name} can't be used here.",
            code="system_table_not_allowed",
            table=f"{schema}.{name}",
        )


def _plain(name: str) -> str:
    """A name without case, accents and letters that are only another form of one."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold()).replace("ı", "i")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _sorted(tables: Any) -> tuple[TableRef, ...]:
    return tuple(sorted(set(tables), key=lambda t: (t.catalog or "", t.schema or "", t.name)))
