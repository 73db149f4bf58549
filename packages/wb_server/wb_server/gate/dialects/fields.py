"""Names after a dot, which PostgreSQL may take for a function call.

``q.name`` is ``name(q)`` if q has no such column, and ``(value).name`` is ``name(value)``. The
statement doesn't show which columns exist, so the database is asked whether a function of this name
could be called: with a row, if everything named q yields rows, else with any value. One name may mean
several things in one statement; a dot has to be safe for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlglot import exp

from wb_server.kit.errors import Forbidden

from .base import DialectRules, RoutineName, words
from .canonical import fold
from .nodes import WRITES, own_routine
from .routines import routines_of
from .tables import TableRef

# Functions without parentheses, also in FROM.
_KEYWORDS = words(
    """
    current_catalog current_date current_role current_schema current_time current_timestamp
    current_user localtime localtimestamp session_user system_user user
    """
)
_ROWS = (exp.Subquery, exp.Values, exp.CTE)
_SYSTEM = ("pg_", "lo_")  # refused without asking the database: no column has such a name
_WRITTEN = words("excluded old new")  # rows of a write's target

# These turn a value of one type into rows of another, and so run the checks of its fields.
_COERCING = words(
    """
    array_append array_cat array_fill array_position array_positions array_prepend array_remove
    array_replace json_populate_record json_populate_recordset json_to_record json_to_recordset
    jsonb_populate_record jsonb_populate_recordset jsonb_to_record jsonb_to_recordset lag lead
    """
)

# Allowed functions that take a row and read all of it.
OF_ROWS = words(
    """
    any_value array_agg concat count cume_dist dense_rank first_value json_agg json_agg_strict
    json_build_array json_build_object jsonb_agg jsonb_agg_strict jsonb_build_array
    jsonb_build_object lag last_value lead max min mode num_nonnulls num_nulls percent_rank
    pg_typeof quote_literal quote_nullable rank row_to_json to_json to_jsonb
    """
)


@dataclass(frozen=True)
class Named:
    """Names in a statement whose meaning depends on the database, out of the gate's sight.

    Attributes:
        of_rows: names after something that yields rows, with the tables that all of these rows come
            from; ``None`` if not every one is a row of a table.
        of_values: names after something that may yield a single value.
        functions: names of called functions that belong to an extension's schema, or that not every
            version of the database has.
        coerces: True if values of a table's types may be created: a called function does that, or a
            whole row is used as a value.
        columns: names of all columns that it uses; ``None`` if it may use others.
        types: names of types in casts that belong to an extension's schema.
        routines: the database's own functions and procedures that it calls, all of them allowed.
    """

    of_rows: Mapping[str, frozenset[TableRef] | None] = field(default_factory=dict)
    of_values: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    coerces: bool = False
    columns: frozenset[str] | None = None
    types: frozenset[str] = frozenset()
    routines: frozenset[RoutineName] = frozenset()


# Extension types that the parser knows.
_EXTENSION_TYPES: Final = {
    exp.DType.HSTORE: "hstore",
    exp.DType.GEOMETRY: "geometry",
    exp.DType.GEOGRAPHY: "geography",
}


@dataclass(frozen=True)
class _Item:
    """An item of FROM.

    Attributes:
        rows: True if it yields rows; otherwise it may yield single values.
        table: the name of a table or a CTE.
        columns: the columns that it certainly has.
        renamed: True if its alias renames its columns.
    """

    rows: bool
    table: TableRef | None = None
    columns: frozenset[str] = frozenset()
    renamed: bool = False


def named(tree: exp.Expr, tables: Iterable[TableRef], rules: DialectRules) -> Named:
    """Finds these names in a tree whose nodes were checked.

    Args:
        tables: every base table that the statement names.

    Raises:
        Forbidden: a name can only be a system function (``field_not_allowed``).
    """
    if rules.name == "mysql":
        calls = {node.name.lower() for node in tree.find_all(exp.Anonymous)}
        return Named(
            functions=frozenset(calls & rules.extension_functions),
            routines=routines_of(tree, rules),
        )
    if rules.name != "postgres":
        return Named()
    dots: set[tuple[str | None, str]] = set()
    items: dict[str, list[_Item]] = {}
    ctes: dict[str, list[frozenset[str]]] = {}
    nameless = False
    functions: set[str] = set()
    types: set[str] = set()
    bare: set[str] = set()
    arguments: set[str] = set()
    joined: set[str] = set()
    coerces = writes = everything = False
    for node in tree.walk():
        kind = type(node)
        if kind is exp.Column:
            owner = node.args.get("table")
            if isinstance(node.this, exp.Identifier):
                if owner is not None and not _is_set(node):
                    dots.add((fold(owner, rules), fold(node.this, rules)))
                else:
                    alone = not isinstance(node.parent, exp.Anonymous | exp.Paren)
                    (bare if alone else arguments).add(fold(node.this, rules))
        elif kind is exp.Dot:
            if isinstance(node.expression, exp.Identifier):
                dots.add((None, fold(node.expression, rules)))
        elif kind is exp.Star:
            everything = everything or not isinstance(node.parent, exp.Anonymous)  # count(*)
        elif kind is exp.Join:
            everything = everything or bool(node.args.get("method"))  # NATURAL
            using = frozenset(fold(name, rules) for name in node.args.get("using") or ())
            joined |= using
            if "using_alias" in node.args:  # it has only these columns
                shared = fold(node.args["using_alias"], rules)
                items.setdefault(shared, []).append(_Item(rows=True, columns=using))
        elif kind is exp.DataType:
            own = node.args.get("kind")
            name = fold(own, rules) if isinstance(own, exp.Identifier) else ""
            if node.this in _EXTENSION_TYPES:
                name = _EXTENSION_TYPES[node.this]
            if name in rules.extension_types:
                types.add(name)
        elif kind is exp.Anonymous:
            called = node.name.lower()
            if own_routine(node, rules) is None:
                if called in rules.extension_functions:
                    functions.add(called)
                coerces = coerces or called in _COERCING
        elif kind is exp.CTE:
            alias = node.args["alias"]
            ctes.setdefault(fold(alias.this, rules), []).append(_columns(node, rules))
        elif kind in WRITES:
            writes = True
        if kind is not exp.CTE and _stands_in_from(node):
            item = _item(node, rules)
            alias = _name_of(node, rules)
            if alias is not None:
                items.setdefault(alias, []).append(item)
            elif not item.rows:
                nameless = True
    base = frozenset(tables)
    of_rows: dict[str, frozenset[TableRef] | None] = {}
    of_values: set[str] = set()
    for owner, name in dots:
        found = items.get(owner, []) if owner is not None else []
        if not found and writes and owner in _WRITTEN:
            found = [_Item(rows=True)]
        open_ = [item for item in found if name not in item.columns]
        if nameless or not found or not all(item.rows for item in open_):
            if name.startswith(_SYSTEM):
                raise _field_error(name)
            of_values.add(name)
            continue
        known: set[TableRef] | None = set()
        for item in open_:
            sources = _sources(item, name, ctes, base)
            known = known | sources if known is not None and sources is not None else None
        if known is not None and not known:
            continue  # every item has this column
        before = of_rows.get(name, frozenset())
        of_rows[name] = None if before is None or known is None else before | known
    # Next to a whole row, a string literal is coerced to a row.
    coerces = coerces or any(
        item.rows and item.table is not None for name in bare for item in items.get(name, ())
    )
    # Renamed columns and whole rows may stand for any column of a table.
    everything = (
        everything
        or writes
        or any(name in OF_ROWS for _, name in dots)
        or any(
            (item.rows and item.renamed) or name in bare | arguments
            for name, each in items.items()
            for item in each
        )
    )
    routines = routines_of(tree, rules)
    used = bare | arguments | joined | {name for _, name in dots}
    columns = None if everything else frozenset(used)
    return Named(
        of_rows,
        frozenset(of_values),
        frozenset(functions),
        coerces or bool(routines),  # arguments become values of the routine's types
        columns,
        frozenset(types),
        routines,
    )


def _field_error(name: str) -> Forbidden:
    return Forbidden(
        f"“.{name}” could call the function {name}, which isn't on the list of allowed functions.",
        code="field_not_allowed",
        name=name,
    )


def _sources(
    item: _Item, name: str, ctes: Mapping[str, list[frozenset[str]]], base: frozenset[TableRef]
) -> set[TableRef] | None:
    """The tables that must have a column of this name; ``None`` if that can't be known."""
    if item.table is None:
        return None
    if item.table.schema is None:
        if not all(name in columns for columns in ctes.get(item.table.name, [])):
            return None
        return {item.table} if item.table in base else set()
    return {item.table}


def _is_set(node: exp.Expr) -> bool:
    """True for ``SET column.field = …``, an assignment target."""
    equals = node.parent
    return (
        node.arg_key == "this"
        and isinstance(equals, exp.EQ)
        and equals.arg_key == "expressions"
        and isinstance(equals.parent, exp.Update | exp.OnConflict)
    )


def _stands_in_from(node: exp.Expr) -> bool:
    if isinstance(node, exp.Table | exp.Lateral):
        return not isinstance(node.parent, exp.Table) or node.arg_key != "rows_from"
    if isinstance(node.args.get("alias"), exp.TableAlias):
        return True
    return node.arg_key == "this" and isinstance(node.parent, exp.From | exp.Join)


def _name_of(node: exp.Expr, rules: DialectRules) -> str | None:
    """The name that qualifies its columns; ``None`` if it has none that the gate can tell."""
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and isinstance(alias.this, exp.Identifier):
        return fold(alias.this, rules)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return fold(node.this, rules)
    calls = [item.this for item in node.args.get("rows_from") or [node]]
    if calls and isinstance(calls[0], exp.Anonymous):
        return calls[0].name if _is_quoted(calls[0]) else calls[0].name.lower()
    return None


def _item(node: exp.Expr, rules: DialectRules) -> _Item:
    alias = node.args.get("alias")
    renamed = frozenset(_renamed(alias, rules))
    value = node.this if isinstance(node, exp.Lateral) else node
    if isinstance(value, _ROWS):
        return _Item(True, columns=renamed or _columns(value, rules), renamed=bool(renamed))
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        schema = node.args.get("db")
        name = fold(node.this, rules)
        if schema is None and not node.this.args.get("quoted") and name in _KEYWORDS:
            return _Item(False, columns=renamed)
        if renamed:  # at least some of its columns
            return _Item(True, columns=renamed, renamed=True)
        where = fold(schema, rules) if isinstance(schema, exp.Identifier) else None
        return _Item(True, TableRef(None, where, name))
    columns = renamed
    if isinstance(node, exp.Table | exp.Lateral) and isinstance(node.this, exp.Anonymous):
        fields = (rules.record_fields or {}).get(node.this.name.lower(), frozenset())
        if own_routine(node.this, rules) is not None:
            fields = frozenset()
        if not renamed and node.this.name.lower() != "unnest":
            columns = fields
    return _Item(False, columns=columns)


def _renamed(alias: object, rules: DialectRules) -> Iterator[str]:
    for column in alias.args.get("columns") or [] if isinstance(alias, exp.TableAlias) else []:
        name = column.this if isinstance(column, exp.ColumnDef) else column
        yield fold(name, rules)


def _columns(node: exp.Expr, rules: DialectRules) -> frozenset[str]:
    """The columns that a query names; a star adds none."""
    renamed = frozenset(_renamed(node.args.get("alias"), rules))
    if renamed:
        return renamed
    query = node.this
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    if not isinstance(query, exp.Select):
        return frozenset()
    names = set()
    for column in query.expressions:
        if isinstance(column, exp.Alias) and isinstance(column.args.get("alias"), exp.Identifier):
            names.add(fold(column.args["alias"], rules))
        elif isinstance(column, exp.Column) and isinstance(column.this, exp.Identifier):
            names.add(fold(column.this, rules))
    return frozenset(names)


def _is_quoted(call: exp.Expr) -> bool:
    return isinstance(call.this, exp.Identifier) and bool(call.this.args.get("quoted"))
