"""Adapts PostgreSQL's text where sqlglot differs from PostgreSQL, before parsing and in rendering.

What the parser has no grammar for is sealed in a form that it knows, and restored in ``verbatim``. No
user can write such a form: it contains a character that no statement may contain, or a word that only
``lex`` puts there.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import Token, exp
from sqlglot.dialects.dialect import Dialect

from wb_server.kit.errors import InvalidInput

from ..sealing import FORM, NOTHING, SEAL
from .calls import seal_calls
from .clauses import (
    collation_for,
    named_joins,
    order_by_sign,
    rows_after_with,
    samples,
    with_clauses,
)
from .json import order_text, seal_json
from .literals import with_literals
from .names import NAMED_TYPES
from .operators import operator_text, with_operators
from .ranges import with_ranges
from .writes import unseal_place, with_writes


def lex(sql: str) -> list[Token]:
    """The tokens of a text, all in forms that the parser knows."""
    found = Dialect.get_or_raise("postgres").tokenize(sql)
    if any(SEAL in token.text for token in found):
        raise InvalidInput("A text can't hold a NUL character (\\x00).", code="syntax_error")
    found = with_operators(found, sql)
    lower = sql.lower()
    found = seal_calls(found, lower)
    if "json" in lower:
        found = seal_json(found)
    found = with_literals(found, sql)
    if "between" in lower or "escape" in lower:
        found = with_ranges(found)
    if "using" in lower:
        order_by_sign(found)
        found = named_joins(found)
    if "search" in lower or "cycle" in lower:
        found = with_clauses(found)
    if "tablesample" in lower:
        samples(found)
    if "collation" in lower:
        found = collation_for(found)
    if "insert" in lower or "merge" in lower:
        found = with_writes(found)
    elif "with" in lower and "values" in lower:
        found = rows_after_with(found)
    return found


_TRIMS = {"LEADING": "ltrim", "TRAILING": "rtrim"}


def unseal(tree: exp.Expr) -> None:
    """Puts the forms of ``lex`` into their places in the tree, straight after parsing."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Literal) and node.this == SEAL:
            node.replace(exp.Var(this=NOTHING))
        elif isinstance(node, exp.TableAlias) and node.args.get("columns"):
            last = node.args["columns"][-1]
            text = str(last.this) if isinstance(last, exp.Identifier) else ""
            if text.startswith(FORM) and isinstance(node.parent, exp.CTE):
                node.set("columns", node.args["columns"][:-1])
                node.parent.set("clauses", exp.Literal.string(text[len(FORM) :]))
        elif isinstance(node, exp.Join) and node.args.get("using"):
            last = node.args["using"][-1]
            text = str(last.this) if isinstance(last, exp.Identifier) else ""
            if text.startswith(FORM):
                node.set("using", node.args["using"][:-1])
                node.set("using_alias", exp.Identifier(this=text[len(FORM) :], quoted=True))
        elif isinstance(node, exp.Identifier) and str(node.this).startswith(FORM):
            unseal_place(node)


def one_spelling(node: exp.Expr) -> exp.Expr | None:
    """Turns ``trim(both … from …)`` into a plain call, and drops types' schemas until rendering."""
    if isinstance(node, exp.Trim) and not node.args.get("collation"):
        name = _TRIMS.get(str(node.args.get("position") or "").upper(), "btrim")
        arguments = [node.this, node.expression] if node.expression else [node.this]
        return exp.Anonymous(this=name, expressions=arguments)
    if isinstance(node, exp.Substring) and not (node.args.get("start") or node.args.get("length")):
        # Without FROM and FOR it isn't grammar, but a call of any function with this name.
        return exp.Anonymous(this="substring", expressions=[node.this])
    if isinstance(node, exp.ObjectIdentifier):  # "oid"
        return exp.DataType(
            this=exp.DType.USERDEFINED, kind=exp.Identifier(this=str(node.this).lower())
        )
    if isinstance(node, exp.DataType) and isinstance(node.this, exp.Interval):
        if not any(node.this.args.values()):
            return exp.DataType(this=exp.DType.INTERVAL)
    elif isinstance(node, exp.DataType) and isinstance(node.args.get("kind"), exp.Identifier):
        name = node.args["kind"]
        if str(name.this).lower() == "interval" and not node.expressions:
            return exp.DataType(this=exp.DType.INTERVAL)
        if not name.args.get("quoted"):
            name.set("this", str(name.this).lower())
        elif name.this in NAMED_TYPES and name.this != "char":
            name.set("quoted", False)
    if isinstance(node, exp.DataType) and isinstance(node.args.get("kind"), exp.Dot):
        schema, name = node.args["kind"].this, node.args["kind"].expression
        if (
            isinstance(schema, exp.Identifier)
            and schema.this.lower() == "pg_catalog"
            and isinstance(name, exp.Identifier)
            and str(name.this).lower() in NAMED_TYPES
        ):
            if not name.args.get("quoted"):
                name.set("this", str(name.this).lower())
            node.set("kind", name)
    return None


def verbatim(node: exp.Expr, sql: Callable[[exp.Expr], str]) -> str | None:
    """The text of a node that the generator would render differently, or None."""
    if isinstance(node, exp.Operator):
        return operator_text(node, sql)
    if isinstance(node, exp.Neg | exp.BitwiseNot):
        operand = sql(node.this)
        sign = "-" if isinstance(node, exp.Neg) else "~"
        # Two adjacent signs would be another operator (-~) or the start of a comment.
        return (
            f"{sign}{'' if operand[:1].isalnum() or operand[:1] in _NEXT_TO_SIGN else ' '}{operand}"
        )
    if isinstance(node, exp.Order):
        return order_text(node, sql)
    if isinstance(node, exp.CTE) and isinstance(node.args.get("clauses"), exp.Literal):
        plain = node.copy()
        plain.set("clauses", None)
        return f"{sql(plain)} {node.args['clauses'].this}"
    if isinstance(node, exp.Join) and isinstance(node.args.get("using_alias"), exp.Identifier):
        join = node.copy()
        join.set("using_alias", None)
        return f"{sql(join)} AS {sql(node.args['using_alias'])}"
    if isinstance(node, exp.ColumnDef) and isinstance(node.args.get("place"), exp.Literal):
        return f"{sql(node.this)}{node.args['place'].this}"
    if isinstance(node, exp.DataType) and isinstance(node.args.get("kind"), exp.Identifier):
        name = str(node.args["kind"].this)
        if name.lower() in NAMED_TYPES:
            sizes = ", ".join(sql(size) for size in node.expressions)
            quoted = f'"{name}"' if name == "char" else name.lower()
            return f"pg_catalog.{quoted}({sizes})" if sizes else f"pg_catalog.{quoted}"
    return None


_NEXT_TO_SIGN = "('\"_."
VERBATIM: tuple[type[exp.Expr], ...] = (
    *(exp.Operator, exp.CTE, exp.DataType, exp.Join, exp.ColumnDef, exp.Neg, exp.BitwiseNot),
    exp.Order,
)
