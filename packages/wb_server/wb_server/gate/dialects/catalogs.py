"""The readable columns of PostgreSQL catalog views that hold more than an analyst may see.

Such a view is read through a subquery of its open columns, so that neither a star, a whole-row
reference, a natural join nor a dot reaches the others. The lists hold the columns that all versions
from 12 to 18 have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from wb_server.kit.errors import Forbidden

from .base import DialectRules
from .canonical import fold
from .tables import TableRef

_ROLES = "it names roles"
_VALUES = "it holds values of rows"
_OPTIONS = "it may hold passwords for other servers"
_TEXTS = "the texts of views may hold passwords"


@dataclass(frozen=True)
class View:
    """The open columns of a view, in order, and the closed ones with the reason."""

    columns: tuple[str, ...]
    closed: Mapping[str, str]


def _view(columns: str, **closed: str) -> View:
    return View(tuple(columns.split()), closed)


VIEWS: Mapping[tuple[str, str], View] = {
    ("pg_catalog", "pg_class"): _view(
        """
        oid relname relnamespace reltype reloftype relowner relam relfilenode reltablespace relpages
        reltuples relallvisible reltoastrelid relhasindex relisshared relpersistence relkind
        relnatts relchecks relhasrules relhastriggers relhassubclass relrowsecurity
        relforcerowsecurity relispopulated relreplident relispartition relrewrite relfrozenxid
        relminmxid reloptions relpartbound
        """,
        relacl=_ROLES,
    ),
    ("pg_catalog", "pg_attribute"): _view(
        """
        attrelid attname atttypid attlen attnum attndims atttypmod attbyval attalign attstorage
        attnotnull atthasdef atthasmissing attidentity attgenerated attisdropped attislocal
        attinhcount attcollation attstattarget attoptions
        """,
        attacl=_ROLES,
        attfdwoptions=_OPTIONS,
        attmissingval=_VALUES,
    ),
    ("pg_catalog", "pg_type"): _view(
        """
        oid typname typnamespace typowner typlen typbyval typtype typcategory typispreferred
        typisdefined typdelim typrelid typelem typarray typinput typoutput typreceive typsend
        typmodin typmodout typanalyze typalign typstorage typnotnull typbasetype typtypmod typndims
        typcollation typdefaultbin typdefault
        """,
        typacl=_ROLES,
    ),
    ("pg_catalog", "pg_namespace"): _view("oid nspname nspowner", nspacl=_ROLES),
    ("pg_catalog", "pg_tables"): _view(
        "schemaname tablename tablespace hasindexes hasrules hastriggers rowsecurity",
        tableowner=_ROLES,
    ),
    ("pg_catalog", "pg_matviews"): _view(
        "schemaname matviewname tablespace hasindexes ispopulated",
        matviewowner=_ROLES,
        definition=_TEXTS,
    ),
    ("pg_catalog", "pg_sequences"): _view(
        """
        schemaname sequencename data_type start_value min_value max_value increment_by cycle
        cache_size last_value
        """,
        sequenceowner=_ROLES,
    ),
    ("information_schema", "schemata"): _view(
        """
        catalog_name schema_name default_character_set_catalog default_character_set_schema
        default_character_set_name sql_path
        """,
        schema_owner=_ROLES,
    ),
}

# What such a table may carry in FROM; it moves to the subquery.
_MOVED = ("alias", "joins", "laterals")
_KNOWN = frozenset({"this", "db", *_MOVED})


def with_open_columns(tree: exp.Expr, rules: DialectRules) -> None:
    """Replaces each of these views by a subquery.

    Raises:
        Forbidden: a closed column is named (``system_column_not_allowed``), or a view stands where
            a subquery can't (``syntax_not_allowed``).
    """
    if rules.name != "postgres":
        return
    ctes = {fold(cte.args["alias"].this, rules) for cte in tree.find_all(exp.CTE)}
    found = [
        (node, key)
        for node in tree.find_all(exp.Table)
        if (key := _key(node, rules)) is not None
        and (node.args.get("db") or key[1] not in ctes)
        and (isinstance(node.parent, exp.From | exp.Join | exp.Subquery) or node.arg_key == "using")
    ]
    if not found:
        return
    _check_positions(tree, found)
    _check_names(tree, found, rules)
    for column in tree.find_all(exp.Column):
        # A subquery has no schema: pg_catalog.pg_class.relname is pg_class.relname.
        schema, table = column.args.get("db"), column.args.get("table")
        if schema is None or table is None or column.args.get("catalog"):
            continue
        if (fold(schema, rules), fold(table, rules)) in VIEWS:
            column.set("db", None)
    for node, key in found:
        used = {name for name, value in node.args.items() if value}
        if not used <= _KNOWN:
            raise Forbidden(
                f"{key[1]} can't be read in this way: write FROM {'.'.join(key)}.",
                code="syntax_not_allowed",
            )
        node.replace(_subquery(node, key))


def require_open_columns(tree: exp.Expr, rules: DialectRules) -> None:
    """Refuses a tree that reads one of the views other than by its subquery.

    Raises:
        Forbidden: it does (``system_table_not_allowed``).
    """
    if rules.name != "postgres":
        return
    ctes = {fold(cte.args["alias"].this, rules) for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        key = _key(node, rules)
        if key is None or (not node.args.get("db") and key[1] in ctes):
            continue  # a CTE; if it resolves to the view after all, tables.py finds it
        select = node.find_ancestor(exp.Select)
        if select is None or select != _select(key):
            raise _closed(key)


def require_schema(table: TableRef, rules: DialectRules) -> None:
    """Refuses a base table that is one of the views, named without its schema.

    Raises:
        Forbidden: a CTE elsewhere has the view's name (``system_table_not_allowed``).
    """
    key = ("pg_catalog", table.name)
    if rules.name == "postgres" and table.schema is None and key in VIEWS:
        raise _closed(key)


def _closed(key: tuple[str, str]) -> Forbidden:
    return Forbidden(
        f"The system table {'.'.join(key)} can't be used here.",
        code="system_table_not_allowed",
        table=".".join(key),
    )


def _key(table: exp.Expr, rules: DialectRules) -> tuple[str, str] | None:
    """The view that a table's name means unless it is a CTE, or None."""
    if not isinstance(table.this, exp.Identifier) or table.args.get("catalog"):
        return None
    schema = table.args.get("db")
    key = (
        fold(schema, rules) if isinstance(schema, exp.Identifier) else "pg_catalog",
        fold(table.this, rules),
    )
    return key if key in VIEWS else None


def _check_positions(tree: exp.Expr, found: list[tuple[exp.Table, tuple[str, str]]]) -> None:
    """Refuses what would silently mean other columns once the closed ones are gone.

    Raises:
        Forbidden: columns named by position, or a natural join.
    """
    natural = any(join.args.get("method") == "NATURAL" for join in tree.find_all(exp.Join))
    for node, key in found:
        if natural:
            instead = "join it with USING (…) or ON"
        elif _named_by_position(node):
            instead = "write out the columns instead of *"
        else:
            continue
        raise Forbidden(
            f"Some columns of {'.'.join(key)} can't be read, so which of them this means isn't "
            f"certain: {instead}.",
            code="syntax_not_allowed",
        )


def _named_by_position(node: exp.Expr | None) -> bool:
    """True if a list of column names renames all columns of a table, directly or through a star."""
    while node is not None:
        alias = node.args.get("alias")
        if isinstance(alias, exp.TableAlias) and alias.args.get("columns"):
            if isinstance(node, exp.Table) or node.find(exp.Star):
                return True
        node = node.parent
    return False


def _check_names(
    tree: exp.Expr, found: list[tuple[exp.Table, tuple[str, str]]], rules: DialectRules
) -> None:
    """Explains closed columns, which the database would report as unknown."""
    owners = {}
    for node, key in found:
        alias = node.args.get("alias")
        name_node = alias.this if isinstance(alias, exp.TableAlias) and alias.this else node.this
        owners[fold(name_node, rules)] = key
    for column in tree.find_all(exp.Column):
        if not isinstance(column.this, exp.Identifier):
            continue
        owner = column.args.get("table")
        if owner is not None:
            keys = [owners[name]] if (name := fold(owner, rules)) in owners else []
        else:
            keys = list(owners.values())
        name = fold(column.this, rules)
        for key in keys:
            view = VIEWS[key]
            if name in view.closed:
                raise Forbidden(
                    f"The column {name} of {key[1]} can't be read: {view.closed[name]}. "
                    f"These can: {', '.join(view.columns)}.",
                    code="system_column_not_allowed",
                    column=name,
                )


def _subquery(node: exp.Table, key: tuple[str, str]) -> exp.Subquery:
    alias = node.args.get("alias")
    if alias is None:
        alias = exp.TableAlias(this=exp.Identifier(this=key[1], quoted=False))
    elif not alias.this:
        alias.set("this", exp.Identifier(this=key[1], quoted=False))
    new = exp.Subquery(this=_select(key), alias=alias)
    for name in _MOVED[1:]:
        if node.args.get(name):
            new.set(name, node.args[name])
    return new


def _select(key: tuple[str, str]) -> exp.Select:
    schema, name = (exp.Identifier(this=part, quoted=False) for part in key)
    columns = [
        exp.Column(this=exp.Identifier(this=column, quoted=False)) for column in VIEWS[key].columns
    ]
    table = exp.Table(this=name, db=schema)
    return exp.Select(expressions=columns, from_=exp.From(this=table))
