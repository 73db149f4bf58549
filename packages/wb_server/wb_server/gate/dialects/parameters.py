"""Binds parameters (``:name``) as typed literal nodes of the tree, never as text."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from wb_server.gate.dialects.arrays import Unfit, array_text, interval_text
from wb_server.gate.dialects.base import DialectRules
from wb_server.gate.dialects.canonical import put_in_place
from wb_server.gate.dialects.complexity import MAX_TOKENS
from wb_server.gate.dialects.tables import parameter_as_name
from wb_server.kit.errors import InvalidInput, TooLarge
from wb_server.kit.sizes import MAX_SQL_BYTES

# The places where the parser takes a parameter for a name: of a table, a column, an alias.
_NAME_PLACES: frozenset[tuple[type[exp.Expr], str]] = frozenset(
    {
        (exp.Table, "this"), (exp.Table, "db"), (exp.Table, "catalog"),
        (exp.Column, "this"), (exp.Column, "table"), (exp.Column, "db"),
        (exp.Dot, "this"), (exp.Dot, "expression"), (exp.Schema, "expressions"),
        (exp.Alias, "alias"), (exp.TableAlias, "this"), (exp.TableAlias, "columns"),
        (exp.Join, "using"),
    }
)  # fmt: skip

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INT4 = range(-(2**31), 2**31)
_INT8 = range(-(2**63), 2**63)
_MYSQL_SCALE = 30
_MYSQL_TIME = dt.timedelta(hours=838, minutes=59, seconds=59)


def bind(tree: exp.Expr, params: Mapping[str, Any], rules: DialectRules) -> exp.Expr:
    """Binds the values in the tree, in place.

    Raises:
        InvalidInput: ``parameter_missing``, ``parameter_unused``, ``parameter_type`` or
            ``parameter_syntax``.
    """
    used = set()
    for node in list(tree.find_all(exp.Placeholder)):
        name = node.this
        if not isinstance(name, str) or not _NAME.fullmatch(name) or node.args.get("jdbc"):
            raise InvalidInput(
                "Parameters are written :name, for example :since.", code="parameter_syntax"
            )
        if name not in params:
            raise InvalidInput(
                f"The parameter :{name} has no value.", code="parameter_missing", parameter=name
            )
        used.add(name)
    unused = sorted(set(params) - used)
    if unused:
        names = ", ".join(str(name) for name in unused)
        raise InvalidInput(
            f"The statement has no such parameter: {names}.",
            code="parameter_unused",
            parameters=[str(name) for name in unused],
        )
    budget = _SizeBudget(rules)
    for condition in list(tree.find_all(exp.In)):
        tree = _bind_list(tree, condition, params, rules, budget)
    for node in list(tree.find_all(exp.Placeholder)):
        value = params[node.this]
        if isinstance(value, list | tuple):
            tree = _replace(tree, node, _array(node, value, rules, budget))
            continue
        budget.take(value)
        literal = _literal(node.this, value, rules)
        if isinstance(node.parent, exp.Bracket) and node is not node.parent.this:
            literal = _subscript(node.this, value, rules)
        if isinstance(node.parent, exp.JSONExtract | exp.JSONExtractScalar):
            literal = exp.Paren(this=literal)  # a key, not a path; see parsing._keep_literals
        tree = _replace(tree, node, literal)
    return tree


def check_places(tree: exp.Expr) -> None:
    """Refuses a parameter in place of a name.

    Raises:
        InvalidInput: ``parameter_as_name``.
    """
    for node in tree.find_all(exp.Placeholder):
        if _is_name(node):
            raise parameter_as_name(node)


def _is_name(node: exp.Placeholder) -> bool:
    """Whether a parameter stands where a name must, or sorts by itself, which would sort nothing."""
    parent = node.parent
    if parent is None:
        return False
    if isinstance(parent, exp.EQ) and node.arg_key == "this":
        # UPDATE t SET :name = 1
        return isinstance(parent.parent, exp.Update) and parent.arg_key == "expressions"
    if isinstance(parent, exp.Ordered):
        order = parent.parent
        return not isinstance(order, exp.Order) or not isinstance(order.parent, exp.Window)
    return (type(parent), node.arg_key or "") in _NAME_PLACES


class _SizeBudget:
    """How much the values may still add, so that a statement that gets too long is never built."""

    def __init__(self, rules: DialectRules) -> None:
        self._words, self._characters = MAX_TOKENS, MAX_SQL_BYTES
        self._rules = rules

    def take(self, value: Any) -> None:
        """Charges one value as a literal: its minimum of tokens, including the comma."""
        bare = value is None or isinstance(value, str | bool) or self._rules.name == "mysql"
        self._words -= 2 if bare else 7  # CAST(1 AS INT),
        self.take_text(value if isinstance(value, str | bytes) else "")
        if self._words < 0:
            other = " or write = ANY(:name)" if self._rules.name == "postgres" else ""
            raise InvalidInput(
                "The parameters' lists are too long for one statement; put them into a "
                f"table{other}.",
                code="too_complex",
            )

    def take_text(self, text: str | bytes) -> None:
        self._characters -= len(text)
        if self._characters < 0:
            raise _too_large()

    def require(self, values: Sequence[Any]) -> None:
        """Refuses values that can't fit into one literal: each takes at least two characters."""
        texts = sum(len(value) for value in values if isinstance(value, str | bytes))
        if 2 * len(values) + texts > self._characters:
            raise _too_large()


def _too_large() -> TooLarge:
    return TooLarge(f"With its parameters, the SQL is larger than {MAX_SQL_BYTES:,} bytes.")


def _bind_list(
    tree: exp.Expr,
    node: exp.Expr,
    params: Mapping[str, Any],
    rules: DialectRules,
    budget: _SizeBudget,
) -> exp.Expr:
    """``x IN (:ids)`` or ``x IN :ids``: one literal for each value of the list."""
    field = node.args.get("field")
    items = [field] if isinstance(field, exp.Placeholder) else node.expressions
    if not any(isinstance(item, exp.Placeholder) for item in items):
        return tree
    expanded: list[exp.Expr] = []
    for item in items:
        value = params[item.this] if isinstance(item, exp.Placeholder) else None
        if isinstance(value, list | tuple):
            for one in value:
                budget.take(one)
                expanded.append(_literal(item.this, one, rules))
        elif field is not None:
            raise _type_error(item.this, "IN needs a list")
        else:
            expanded.append(item)
    if not expanded:
        # No value is in an empty list. NOT IN is a NOT around this node, so it becomes true.
        if isinstance(node.parent, exp.Not):
            node.parent.set("infix", None)
        return _replace(tree, node, exp.Paren(this=exp.Boolean(this=False)))
    node.set("field", None)
    node.set("expressions", expanded)
    return tree


_ARRAY_OPERATORS = (exp.ArrayContainsAll, exp.ArrayContainedBy, exp.ArrayOverlaps)


def _array(
    node: exp.Placeholder, values: Sequence[Any], rules: DialectRules, budget: _SizeBudget
) -> exp.Expr:
    """``x = ANY(:ids)``, ``tags && :tags``, ``unnest(:ids)``: one array of all values.

    Raises:
        InvalidInput: ``parameter_type``: a list can't stand here, or these values can't form one.
    """
    name = node.this
    place = node.parent
    while isinstance(place, exp.Paren):
        place = place.parent
    if rules.name == "mysql":
        raise _type_error(
            name, f"MySQL has no arrays: write IN (:{name}) for = ANY, NOT IN (:{name}) for <> ALL"
        )
    called = isinstance(place, exp.Anonymous) and place.name.lower() not in ("any", "all", "some")
    compared = isinstance(place, exp.Any | exp.All | exp.Anonymous) and not called
    if not (compared or called or isinstance(place, (exp.Cast, exp.Unnest, *_ARRAY_OPERATORS))):
        raise _type_error(
            name,
            f"use a list after IN, as in IN (:{name}), or in an array's place: = ANY(:{name})",
        )
    if rules.name == "duckdb":
        for one in values:
            budget.take(one)
        items = [_literal(name, one, rules) for one in values]
        return exp.Array(expressions=items, value_constructor=False)
    budget.require(values)
    plain = [_from_wire(name, one) if isinstance(one, Mapping) else one for one in values]
    try:
        text, kind = array_text(plain)
    except Unfit as error:
        raise _type_error(name, str(error)) from None
    budget.take_text(text)
    literal = _string(name, text)
    if isinstance(place, (exp.Cast, *_ARRAY_OPERATORS)):
        return literal  # the other operand determines the type, as for any string literal
    if kind is None and not called:
        return literal
    return exp.Cast(this=literal, to=exp.DataType.build(f"{kind or 'text'}[]", dialect="postgres"))


def _replace(tree: exp.Expr, node: exp.Expr, new: exp.Expr) -> exp.Expr:
    if node is tree:
        return new
    put_in_place(node, new)
    return tree


def _literal(name: str, value: Any, rules: DialectRules) -> exp.Expr:
    if isinstance(value, Mapping):
        value = _from_wire(name, value)
    if value is None:
        return exp.Null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        return _integer(name, value, rules)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _type_error(name, "only finite numbers can be sent")
        if rules.name == "mysql":
            text = repr(value)
            return _number(text if "e" in text else f"{text}e0")  # without e it would be a decimal
        return _cast(repr(value), exp.DataType(this=exp.DType.DOUBLE))
    if isinstance(value, Decimal):
        return _decimal(name, value, rules)
    if isinstance(value, str):
        return _string(name, value)
    if isinstance(value, dt.datetime):
        aware = value.tzinfo is not None
        if rules.name == "mysql":
            # MySQL has no timestamp with time zone; its sessions are in UTC, and so is the literal.
            plain = value.astimezone(dt.UTC).replace(tzinfo=None) if aware else value
            return _cast(plain.isoformat(sep=" "), _with_micros(exp.DType.DATETIME))
        kind = exp.DType.TIMESTAMPTZ if aware else _plain_timestamp(rules)
        return _cast(value.isoformat(sep=" "), exp.DataType(this=kind))
    if isinstance(value, dt.date):
        return _cast(value.isoformat(), exp.DataType(this=exp.DType.DATE))
    if isinstance(value, dt.time):
        if value.tzinfo is not None:
            raise _type_error(name, "a time of day has no zone")
        if rules.name == "mysql":
            return _cast(value.isoformat(), _with_micros(exp.DType.TIME))
        return _cast(value.isoformat(), exp.DataType(this=exp.DType.TIME))
    if isinstance(value, dt.timedelta):
        return _span(name, value, rules)
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value), rules)
    raise _type_error(name, f"{type(value).__name__} can't be sent")


def _plain_timestamp(rules: DialectRules) -> exp.DType:
    # The type that sqlglot's parser of each dialect produces for TIMESTAMP.
    return exp.DType.TIMESTAMPNTZ if rules.name == "duckdb" else exp.DType.TIMESTAMP


def _subscript(name: str, value: Any, rules: DialectRules) -> exp.Expr:
    """``a[:n]``, with the parser's offset, which its generator adds back."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _type_error(name, "a subscript must be an integer, 1 or greater")
    offset = Dialect.get_or_raise(rules.grammar or rules.name).INDEX_OFFSET
    return exp.Literal.number(str(value - offset))


def _integer(name: str, value: int, rules: DialectRules) -> exp.Expr:
    """An integer with the type that the database gives a literal: the smallest that holds it."""
    if rules.name == "mysql" and value in _INT8:
        return _number(str(value))
    if value in _INT4:
        kind = exp.DataType(this=exp.DType.INT)
    elif value in _INT8:
        kind = exp.DataType(this=exp.DType.BIGINT)
    else:
        return _decimal(name, Decimal(value), rules)
    number: exp.Expr = exp.Literal.number(str(abs(value)))
    return exp.Cast(this=exp.Neg(this=number) if value < 0 else number, to=kind)


def _decimal(name: str, value: Decimal, rules: DialectRules) -> exp.Expr:
    if not value.is_finite():
        raise _type_error(name, "only finite numbers can be sent")
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    precision = max(len(digits) + max(0, exponent), scale, 1)
    if precision > rules.decimal_digits:
        raise _type_error(name, f"a number has at most {rules.decimal_digits} digits")
    if rules.name == "mysql":
        if scale > _MYSQL_SCALE:
            raise _type_error(name, f"a number has at most {_MYSQL_SCALE} decimals")
        return _number(f"{value:f}")  # MySQL reads it as a decimal
    sizes = [exp.DataTypeParam(this=exp.Literal.number(str(size))) for size in (precision, scale)]
    return _cast(f"{value:f}", exp.DataType(this=exp.DType.DECIMAL, expressions=sizes))


def _span(name: str, value: dt.timedelta, rules: DialectRules) -> exp.Expr:
    if rules.name != "mysql":
        return _cast(interval_text(value), exp.DataType.build("interval", dialect=rules.name))
    if abs(value) > _MYSQL_TIME:
        raise _type_error(name, "MySQL's type for durations ends at 838:59:59")
    sign, length = ("-", -value) if value < dt.timedelta(0) else ("", value)
    minutes, seconds = divmod(length.days * 86_400 + length.seconds, 60)
    clock = f"{sign}{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{length.microseconds:06}"
    return _cast(clock, _with_micros(exp.DType.TIME))


def _string(name: str, value: str) -> exp.Expr:
    if "\x00" in value:
        raise _type_error(name, "text can't hold a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _type_error(name, "text must be valid Unicode") from None
    return exp.Literal.string(value)


def _bytes(value: bytes, rules: DialectRules) -> exp.Expr:
    text = exp.Literal.string(value.hex())
    if rules.name == "postgres":
        return exp.Anonymous(this="decode", expressions=[text, exp.Literal.string("hex")])
    if rules.name == "mysql":
        return exp.Anonymous(this="unhex", expressions=[text])
    return exp.Anonymous(this="from_hex", expressions=[text])


def _number(text: str) -> exp.Expr:
    number: exp.Expr = exp.Literal.number(text.lstrip("-"))
    return exp.Paren(this=exp.Neg(this=number)) if text.startswith("-") else number


def _with_micros(kind: exp.DType) -> exp.Expr:
    six = exp.DataTypeParam(this=exp.Literal.number("6"))
    return exp.DataType(this=kind, expressions=[six])


def _cast(text: str, kind: exp.Expr) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(text), to=kind)


def _from_wire(name: str, value: Mapping[str, Any]) -> Any:
    """``{"type": "date", "value": "2026-01-31"}`` as a Python object."""
    kind, text = value.get("type"), value.get("value")
    if set(value) != {"type", "value"} or not isinstance(text, str) or kind not in _WIRE:
        raise _type_error(name, f"an object needs type ({', '.join(_WIRE)}) and value")
    try:
        return _WIRE[str(kind)](text)
    except (ValueError, InvalidOperation, OverflowError, binascii.Error):
        raise _type_error(name, f"{text[:60]!r} isn't a valid {kind}") from None


_WIRE: Mapping[str, Any] = {
    "decimal": Decimal,
    "date": dt.date.fromisoformat,
    "timestamp": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
    "duration": lambda text: dt.timedelta(microseconds=int(text)),
    "bytes": lambda text: base64.b64decode(text, validate=True),
}


def _type_error(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"The parameter :{name} can't be used: {why}.", code="parameter_type", parameter=name
    )
