"""One spelling for what SQL can write in several ways: the one that every lexer reads alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from wb_server.gate.dialects.base import DialectRules


def canonical(tree: exp.Expr, rules: DialectRules) -> exp.Expr:
    """Gives each node of a tree its one spelling; returns the tree, which may have a new root."""
    if rules.prepare is not None:
        tree = rules.prepare(tree)
    for node in list(tree.walk()):
        new = _one_spelling(node, rules)
        if new is not None and node is tree:
            return new
        if new is not None:
            put_in_place(node, new)
    return tree


def _one_spelling(node: exp.Expr, rules: DialectRules) -> exp.Expr | None:
    """Returns a node to replace this one, or None; small changes are made in place."""
    if rules.one_spelling is not None and (new := rules.one_spelling(node)) is not None:
        return new
    if isinstance(node, exp.RawString | exp.ByteString):  # $$x$$, E'x'
        return exp.Literal.string(node.this)
    if isinstance(node, exp.Identifier) and not node.args.get("quoted"):
        if not node.this.isascii():
            node.set("this", fold(node, rules) if rules.name == "postgres" else node.this)
            node.set("quoted", True)
        elif node.this.lower() in _reserved(rules.name) - rules.niladic:
            node.set("quoted", True)  # the generator will quote it
    elif isinstance(node, exp.WindowSpec):
        if node.args.get("start") and not node.args.get("end"):  # ROWS 2 PRECEDING
            node.set("end", "CURRENT ROW")
    elif isinstance(node, exp.Extract) and isinstance(node.this, exp.Literal):
        if rules.name != "duckdb":  # DuckDB takes the column's title from it
            node.set("this", exp.Var(this=node.this.this.upper()))  # extract('year' FROM x)
    elif rules.function_schema is not None:
        return _one_spelling_with_schema(node, rules)
    return None


def _one_spelling_with_schema(node: exp.Expr, rules: DialectRules) -> exp.Expr | None:
    """Drops the schema of the database's own functions: ``render`` writes it before each of them."""
    if isinstance(node, exp.Dot) and _is_function_schema(node.this, rules):
        return node.expression if called_function(node) is not None else None
    if isinstance(node, exp.Column) and called_function(node) is not None:
        schema_only = _is_function_schema(node.args.get("table"), rules) and not node.args.get("db")
        return node.this if schema_only else None
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Anonymous):
        if _is_function_schema(node.args.get("db"), rules) and not node.args.get("catalog"):
            node.set("db", None)
    elif isinstance(node, exp.Unnest):
        return _plain_unnest(node)
    return None


def _is_function_schema(name: Any, rules: DialectRules) -> bool:
    return isinstance(name, exp.Identifier) and fold(name, rules) == rules.function_schema


def _plain_unnest(node: exp.Expr) -> exp.Expr:
    """``unnest`` in FROM as an ordinary table function: with a schema it is parsed as one."""
    call = exp.Anonymous(this="unnest", expressions=list(node.expressions))
    offset = node.args.get("offset")
    lateral = node.parent if isinstance(node.parent, exp.Lateral) else None
    owner = lateral or exp.Table(this=call, alias=node.args.get("alias"))
    if offset:
        owner.set("ordinality", True)
    alias = owner.args.get("alias")
    if isinstance(offset, exp.Identifier) and alias is not None:
        alias.append("columns", offset)
    return call if lateral is not None else owner


def called_function(node: exp.Expr) -> exp.Expr | None:
    """Returns the call after a dot, inside its FILTER, WITHIN GROUP, IGNORE NULLS and the like.

    Args:
        node: a ``Dot``, or a ``Column``: the parser makes one of ``schema.sum(x) FILTER (…)``.
    """
    last = node.this if isinstance(node, exp.Column) else node.expression
    while isinstance(last, AROUND_CALLS):
        last = last.this
    return last if isinstance(last, exp.Func) else None


AROUND_CALLS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Window)


@lru_cache(maxsize=8)
def _reserved(dialect: str) -> frozenset[str]:
    return frozenset(Dialect.get_or_raise(dialect).generator_class.RESERVED_KEYWORDS)


def put_in_place(node: exp.Expr, new: exp.Expr) -> None:
    """Replaces a node, at a cost that doesn't grow with the list that it is in.

    ``node.replace(new)`` renumbers the whole list, so replacing each of its items costs the square
    of their number.
    """
    parent, key, index = node.parent, node.arg_key, node.index
    if parent is None or key is None:
        raise ValueError("the root of a tree has no place")
    if index is None:
        parent.set(key, new)
    else:
        parent.args[key][index] = new
        new.parent, new.arg_key, new.index = parent, key, index
        above: exp.Expr | None = parent
        while above is not None and above._hash is not None:  # as ``set`` does
            above._hash = None
            above = above.parent
    node.parent = node.arg_key = node.index = None


def fold(identifier: exp.Expr, rules: DialectRules) -> str:
    """Returns a name as the database compares it.

    PostgreSQL and DuckDB fold ASCII letters only. Whether MySQL ignores case depends on the server,
    so its names stay as they are.
    """
    name = str(identifier.this)
    if rules.name == "mysql" or (identifier.args.get("quoted") and rules.name != "duckdb"):
        return name
    return "".join(c.lower() if c.isascii() else c for c in name)
