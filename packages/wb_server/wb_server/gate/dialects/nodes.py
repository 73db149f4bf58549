"""Checks each node of a statement's tree against the allow-lists of its dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from wb_server.kit.errors import Forbidden, InvalidInput

from .base import WRITE_NODES, DialectRules, RoutineName
from .canonical import AROUND_CALLS, called_function, fold
from .refusals import (
    function_refused,
    routine_refused,
    statement_refused,
    syntax_refused,
    type_refused,
)
from .sealing import is_nothing

MAX_POSTGRES_NAME = 63  # bytes; PostgreSQL truncates longer names, which could name another table

WRITES = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
)
_CREATE_KINDS = ("TABLE", "VIEW", "SCHEMA", "INDEX")
_DROP_KINDS = ("TABLE", "VIEW")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*")


def check_node(
    node: exp.Expr, root: exp.Expr, rules: DialectRules, *, write: bool, bound: bool
) -> None:
    """Refuses a node that isn't on a list.

    Args:
        root: the root of its tree.
        write: True if the statement is a write.
        bound: True if the parameters are already bound.

    Raises:
        Forbidden: it isn't allowed here.
        InvalidInput: it isn't SQL of this dialect.
    """
    kind = type(node)
    if kind in (exp.Into, exp.Lock) or (
        kind in WRITES and node is not root and not is_part_of_write(node)
    ):
        raise Forbidden(_NOT_A_READ.get(kind, _NESTED), code="not_a_read")
    if kind not in rules.nodes and not (
        write and (kind in WRITE_NODES or kind in rules.write_nodes)
    ):
        _refuse_node(node, rules)
    check = _NODE_CHECKS.get(kind)
    if check is not None:
        check(node, rules, write)
    if bound and kind is exp.Placeholder:
        raise InvalidInput("A parameter wasn't bound.", code="parameter_missing")


def check_name(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    """Refuses a name that the database would truncate, and so take for another.

    Raises:
        InvalidInput: it is too long (``name_too_long``).
    """
    if rules.name == "postgres" and len(str(node.this).encode()) > MAX_POSTGRES_NAME:
        raise InvalidInput(
            f"A name is longer than {MAX_POSTGRES_NAME} bytes: {str(node.this)[:40]}…",
            code="name_too_long",
        )


_NESTED = "A statement that changes data can't be part of another one."
_NOT_A_READ: Mapping[type[exp.Expr], str] = {
    exp.Into: "SELECT … INTO creates a table; use CREATE TABLE … AS.",
    exp.Lock: "A query can't lock rows (FOR UPDATE, FOR SHARE).",
}


def is_part_of_write(node: exp.Expr) -> bool:
    """True for WHEN MATCHED THEN UPDATE … and ALTER TABLE … DROP COLUMN."""
    parent = node.parent
    if isinstance(parent, exp.When):
        return isinstance(node, exp.Insert | exp.Update | exp.Delete)
    if isinstance(parent, exp.Alter):
        return isinstance(node, exp.Drop) and node.args.get("kind") in ("COLUMN", "CONSTRAINT")
    return False


def _refuse_node(node: exp.Expr, rules: DialectRules) -> None:
    if isinstance(node, exp.PseudoType | exp.ObjectIdentifier):
        raise type_refused(str(node.this))
    if isinstance(node, exp.Command):
        raise statement_refused(str(node.this).upper())
    if isinstance(node, exp.Parameter | exp.SessionParameter):
        raise InvalidInput(
            "Parameters are written :name, for example :since.", code="parameter_syntax"
        )
    if isinstance(node, exp.Func):
        raise function_refused(node.sql_name().lower(), frozenset(), rules)
    raise syntax_refused(node, rules)


def own_routine(node: exp.Expr, rules: DialectRules) -> RoutineName | None:
    """The ``schema.name`` of a call; ``None`` if it is called without a schema.

    Args:
        node: the ``Anonymous`` of the call.
    """
    if rules.record_fields is None:
        return None  # this dialect has no stored functions
    inner, around = node, node.parent
    while isinstance(around, AROUND_CALLS) and inner.arg_key == "this":
        inner, around = around, around.parent
    schema = None
    if isinstance(around, exp.Dot) and inner.arg_key == "expression":
        schema = around.this
    elif isinstance(around, exp.Column) and inner.arg_key == "this" and not around.args.get("db"):
        schema = around.args.get("table")
    elif isinstance(around, exp.Table) and inner is node and not around.args.get("catalog"):
        schema = around.args.get("db")
    if not isinstance(schema, exp.Identifier):
        return None
    name = fold(node.this, rules) if isinstance(node.this, exp.Identifier) else node.name.lower()
    return RoutineName(fold(schema, rules), name.lower() if rules.name == "mysql" else name)


def _check_function(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    own = own_routine(node, rules)
    if own is not None:
        if not rules.allowed(own):
            raise routine_refused(own, rules)
        return
    name = _function_name(node, rules)
    in_from = _stands_in_from(node)
    known = rules.table_functions if in_from else rules.functions
    if write:
        known = known | rules.write_functions
    parent = node.parent
    if name not in known:
        raise function_refused(name, known, rules)
    if rules.name == "mysql" and isinstance(node.this, exp.Identifier):
        # In backticks it may be a user-defined function.
        raise function_refused(f"`{name}`", frozenset(), rules)
    if name in rules.ordered_set_functions and not isinstance(parent, exp.WithinGroup):
        raise function_refused(f"{name} without WITHIN GROUP", frozenset(), rules)
    if isinstance(parent, exp.Table) and (parent.args.get("db") or parent.args.get("catalog")):
        raise function_refused(f"{parent.db}.{name}", frozenset(), rules)


def _check_dot(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    """Refuses ``schema.function(…)``. Names after a value are the job of ``fields``."""
    if rules.record_fields is None or isinstance(node.expression, exp.Star):
        return
    if isinstance(node.expression, exp.Identifier):
        if rules.name == "mysql":
            raise _field_error(node.expression.name)
        return
    called = called_function(node)
    if isinstance(called, exp.Anonymous) and own_routine(called, rules) is not None:
        return  # checked with its call
    name = called.name if called is not None else node.expression.name
    # The schema of built-in functions was already removed from the tree.
    raise function_refused(f"{node.this.sql()}.{name}", frozenset(), rules)


def _field_error(name: str) -> Forbidden:
    return Forbidden(
        f"“{name}” can't be followed by a dot here. Write table.column without parentheses.",
        code="field_not_allowed",
        name=name,
    )


def _function_name(node: exp.Expr, rules: DialectRules) -> str:
    name = node.this
    if isinstance(name, exp.Identifier):
        folded = fold(name, rules)
        # COALESCE and the like are syntax; quoted, the name would be a user-defined function.
        return f'"{folded}"' if folded in rules.syntax_functions else folded
    return str(name).lower()


def _stands_in_from(node: exp.Expr) -> bool:
    parent, key = node.parent, node.arg_key
    if isinstance(parent, exp.Dot):
        key = parent.arg_key
        parent = parent.parent
    if isinstance(parent, exp.Join):
        return key == "this"  # not ON f(x)
    return isinstance(parent, exp.Table | exp.Lateral | exp.TableFromRows | exp.From)


def _check_type(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = node.args.get("kind")
    if node.this == exp.DType.USERDEFINED and isinstance(kind, exp.Identifier):
        known = fold(kind, rules) in rules.named_types | rules.extension_types
    elif isinstance(node.this, exp.Interval):  # INTERVAL DAY TO SECOND
        known = node.this.this is None and exp.DType.INTERVAL in rules.types
    else:
        known = node.this in rules.types
    if not known:
        name = kind.sql() if isinstance(kind, exp.Expr) else getattr(node.this, "value", node.this)
        raise type_refused(str(name))


def _check_operator(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    sign = str(node.args["operator"]).removeprefix("pg_catalog.")
    if sign not in rules.operators:
        raise Forbidden(
            f"The operator {sign} isn't on the list of allowed operators.",
            code="operator_not_allowed",
            operator=sign,
        )


def _check_column(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not isinstance(node.this, exp.Identifier | exp.Star):
        called = called_function(node)
        if isinstance(called, exp.Anonymous) and own_routine(called, rules) is not None:
            return  # checked with its call
        name = called.name if called is not None else ""
        raise function_refused(f"{node.text('table')}.{name}", frozenset(), rules)
    if not node.args.get("table") and node.name.lower() not in rules.selectable:
        _check_niladic(node.this, rules)


def _check_table_name(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not node.args.get("db"):
        _check_niladic(node.this, rules)  # PostgreSQL accepts FROM current_user


def _check_lambda(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    for name in node.expressions:
        _check_niladic(name, rules)  # in PostgreSQL, a column before ->


def _check_niladic(name: Any, rules: DialectRules) -> None:
    """Refuses keywords that call a function without parentheses; a quoted name isn't one."""
    if (
        isinstance(name, exp.Identifier)
        and not name.args.get("quoted")
        and name.this.lower() in rules.niladic
    ):
        raise function_refused(name.this.lower(), frozenset(), rules)


def _check_word(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if not _WORD.fullmatch(str(node.this)) and not is_nothing(node):
        raise syntax_refused(node, rules)


def _check_select(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    words_ = [str(word) for word in node.args.get("operation_modifiers") or []]
    refused = [word for word in words_ if word.lower() not in rules.select_modifiers]
    if refused:
        instead = (
            ": count the rows in a separate query, SELECT count(*) …"
            if "SQL_CALC_FOUND_ROWS" in refused
            else ""
        )
        raise Forbidden(
            f"This syntax isn't supported: {', '.join(refused)}{instead}.",
            code="syntax_not_allowed",
        )


def _check_engine(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    if node.name.lower() not in rules.engines:
        raise Forbidden(
            f"Tables can't use the engine {node.name} here. Allowed: "
            f"{', '.join(sorted(rules.engines))}.",
            code="engine_not_allowed",
        )


def _check_create(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _CREATE_KINDS:
        raise statement_refused(f"CREATE {kind}")


def _check_drop(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind not in _DROP_KINDS and not is_part_of_write(node):
        raise statement_refused(f"DROP {kind}")


def _check_alter(node: exp.Expr, rules: DialectRules, write: bool) -> None:
    kind = str(node.args.get("kind") or "").upper()
    if kind != "TABLE":
        raise statement_refused(f"ALTER {kind}")


_NODE_CHECKS: Mapping[type[exp.Expr], Any] = {
    exp.Anonymous: _check_function,
    exp.Dot: _check_dot,
    exp.DataType: _check_type,
    exp.Column: _check_column,
    exp.Operator: _check_operator,
    exp.Table: _check_table_name,
    exp.Lambda: _check_lambda,
    exp.Identifier: check_name,
    exp.Var: _check_word,
    exp.Select: _check_select,
    exp.EngineProperty: _check_engine,
    exp.Create: _check_create,
    exp.Drop: _check_drop,
    exp.Alter: _check_alter,
}
