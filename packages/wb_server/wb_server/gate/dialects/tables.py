"""Finds the tables that a statement names, and checks them against the dialect's lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from wb_server.kit.errors import Forbidden, InvalidInput

from .base import DialectRules
from .canonical import fold
from .nodes import WRITES, is_part_of_write

PARAMETER_AS_NAME = "parameter_as_name"
"""The code of an error: a parameter stands where only a name can."""

# A file name, a URL or a glob pattern: DuckDB opens such a "table" as a file.
_FILE_CHARACTERS = re.compile(r"[/\\.*?:\[\]{}~%]")
_FILE_ENDINGS = re.compile(
    r"(^|\.)(csv|tsv|txt|parquet|pq|json|jsonl|ndjson|geojson|gz|zst|bz2|xlsx?|avro|arrow|arrows|"
    r"ipc|feather|orc|db|ddb|duckdb|sqlite3?|shp|gpkg|fgb|vortex|lance)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class TableRef:
    """A base table, view or file by name. ``name`` is empty for a schema."""

    catalog: str | None
    schema: str | None
    name: str


def reference_of(table: exp.Expr, rules: DialectRules) -> TableRef | None:
    """The table's name, or None for a function or subquery in its place.

    Raises:
        Forbidden: it can't be determined (``syntax_not_allowed``).
        InvalidInput: a parameter stands for it (``parameter_as_name``).
    """

    def part(key: str) -> str | None:
        value = table.args.get(key)
        return fold(value, rules) if isinstance(value, exp.Identifier) else None

    if isinstance(table.this, exp.Identifier):
        return TableRef(part("catalog"), part("db"), part("this") or "")
    if isinstance(table.this, exp.Anonymous) or table.args.get("rows_from"):
        return None
    if table.this is None and table.args.get("db"):  # CREATE SCHEMA name
        return TableRef(part("catalog"), part("db"), "")
    if isinstance(table.this, exp.Placeholder):
        raise parameter_as_name(table.this)
    raise Forbidden("A table's name can't be read.", code="syntax_not_allowed")


def parameter_as_name(node: exp.Placeholder) -> InvalidInput:
    """The error for a parameter that stands where only a name can."""
    return InvalidInput(
        f"The parameter :{node.this} is a value; it can't name a table or a column, or sort by one. "
        "Write the name itself.",
        code=PARAMETER_AS_NAME,
        parameter=str(node.this),
    )


def tables_of(
    node: exp.Expr, rules: DialectRules, scopes: tuple[set[str], ...] = ()
) -> Iterator[TableRef]:
    """The base tables under a node, with the CTE names of ``scopes`` in scope.

    A CTE sees those before it, and itself only under RECURSIVE. When in doubt, a name is reported
    as a table: that may refuse too much, but hides nothing.
    """
    with_ = node.args.get("with_")
    if isinstance(with_, exp.With):
        recursive = bool(with_.args.get("recursive"))
        names = [fold(cte.args["alias"].this, rules) for cte in with_.expressions]
        # Grows as the CTEs are visited, one after the other.
        known: set[str] = set()
        scopes = (*scopes, known)
        if recursive and rules.name == "postgres":
            known.update(names)  # every CTE of a recursive WITH sees all of its names
        for cte, name in zip(with_.expressions, names, strict=True):
            if recursive and rules.name != "postgres" and isinstance(cte.this, exp.SetOperation):
                # Only what follows UNION may refer to the CTE itself.
                for key, child in _children(cte.this):
                    inner = (*scopes, {name}) if key == "expression" else scopes
                    yield from tables_of(child, rules, inner)
            else:
                yield from tables_of(cte.this, rules, scopes)
            known.add(name)
    if isinstance(node, exp.Drop) and is_part_of_write(node):
        return  # ALTER TABLE … DROP COLUMN names no table
    if isinstance(node, exp.Table):
        table = reference_of(node, rules)
        is_cte = (
            table is not None
            and table.schema is None
            and any(table.name in known for known in scopes)
            and not _is_target(node)
        )
        if table is not None and not is_cte:
            yield table
    for key, child in _children(node):
        if key != "with_":
            yield from tables_of(child, rules, scopes)


def _is_target(node: exp.Expr) -> bool:
    """True for the target of a write, which is always a real table, even if a CTE has its name."""
    parent = node.parent
    if isinstance(parent, exp.Schema):
        node, parent = parent, parent.parent
    return isinstance(parent, WRITES) and node is parent.this


def _children(node: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for key, value in node.args.items():
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expr):
                yield key, child


def targets_of(tree: exp.Expr, rules: DialectRules) -> tuple[TableRef, ...]:
    """The tables that a write changes.

    Raises:
        Forbidden: they can't be determined (``syntax_not_allowed``).
    """
    targets: list[Any] = [tree.args.get("this"), *(tree.args.get("tables") or [])]
    if isinstance(tree, exp.TruncateTable | exp.Drop):
        targets += tree.expressions
    if isinstance(tree, exp.Alter):
        targets += [new.this for new in tree.find_all(exp.AlterRename)]
    if isinstance(tree, exp.Update | exp.Delete):
        # MySQL may change any of the joined tables.
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
        reference = reference_of(target, rules) if isinstance(target, exp.Table) else None
        if reference is None:
            raise Forbidden("The target of this write can't be read.", code="syntax_not_allowed")
        found.append(reference)
    if not found:
        raise Forbidden("The target of this write can't be read.", code="syntax_not_allowed")
    return tuple(found)


def check_table(table: TableRef, rules: DialectRules, *, write: bool) -> None:
    """Refuses tables of another database, files and system tables.

    Raises:
        Forbidden: ``system_table_not_allowed``, ``file_not_allowed``.
    """
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
        # However the server treats case, it finds its own tables in any spelling.
        schema, name = schema and plain_name(schema), plain_name(name)
    own = name.startswith(rules.system_prefixes)
    if schema is None:
        if not name.startswith(rules.unqualified_system_prefixes):
            return
        schema = "pg_catalog"
    readable = rules.system_tables.get(schema)
    hidden = own or schema.startswith(rules.hidden_schemas) or readable is not None
    if hidden and (write or name not in (readable or frozenset())):
        raise Forbidden(
            f"The system table {schema}.{name} can't be used here.",
            code="system_table_not_allowed",
            table=f"{schema}.{name}",
        )


def plain_name(name: str) -> str:
    """A name without case, accents and compatibility forms of letters."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold()).replace("ı", "i")
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def in_order(tables: Iterable[TableRef]) -> tuple[TableRef, ...]:
    """The distinct tables, sorted by name."""
    return tuple(sorted(set(tables), key=lambda t: (t.catalog or "", t.schema or "", t.name)))
