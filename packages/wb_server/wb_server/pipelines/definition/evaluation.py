"""Evaluates an expression over plain data: it looks up keys, never Python attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from jinja2 import nodes

from .filters import FILTERS, MAX_TEXT, as_date, as_text

MAX_NUMBER = 2**63

Name = tuple[str | int, ...]
"""A name that is read: ``("params", "period")``, ``("tasks", "extract", "outputs", "rows")``."""


def path_of(node: nodes.Node) -> Name | None:
    """The name that a chain of constant parts spells, or None if the node is anything else."""
    parts: list[str | int] = []
    while True:
        if isinstance(node, nodes.Name):
            return (node.name, *reversed(parts))
        if isinstance(node, nodes.Getattr):
            parts.append(node.attr)
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            key = node.arg.value
            if not (isinstance(key, str) or (type(key) is int and key >= 0)):
                return None
            parts.append(key)
        else:
            return None
        node = node.node


def written(name: Name) -> str:
    """A name in the syntax of expressions."""
    head, *rest = name
    return str(head) + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest
    )


class Missing(Exception):
    """A name has no value."""


def evaluate(node: nodes.Node, scope: Mapping[str, Any]) -> Any:
    """The value of a node that ``expressions`` has checked.

    Raises:
        Missing: a name has no value.
        ValueError: it can't be computed; the text is a sentence.
    """
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        return _look_up(path_of(node) or (), scope)
    if isinstance(node, nodes.Filter):
        return _filtered(node, scope)
    if isinstance(node, nodes.CondExpr):
        if evaluate(node.test, scope):
            return evaluate(node.expr1, scope)
        return None if node.expr2 is None else evaluate(node.expr2, scope)
    if isinstance(node, nodes.And):
        return evaluate(node.left, scope) and evaluate(node.right, scope)
    if isinstance(node, nodes.Or):
        return evaluate(node.left, scope) or evaluate(node.right, scope)
    if isinstance(node, nodes.Not):
        return not evaluate(node.node, scope)
    if isinstance(node, nodes.Concat):
        return bounded("".join(as_text(evaluate(part, scope)) for part in node.nodes))
    if isinstance(node, nodes.Compare):
        left = evaluate(node.expr, scope)
        for operand in node.ops:
            right = evaluate(operand.expr, scope)
            if not compare(operand.op, left, right):
                return False
            left = right
        return True
    if isinstance(node, nodes.Neg | nodes.Pos):
        number = _number(evaluate(node.node, scope))
        return -number if isinstance(node, nodes.Neg) else number
    assert isinstance(node, nodes.BinExpr)
    return bounded(
        calculate(node.operator, evaluate(node.left, scope), evaluate(node.right, scope))
    )


def _look_up(name: Name, scope: Mapping[str, Any]) -> Any:
    value: Any = scope
    for part in name:
        exists = isinstance(value, Mapping) and part in value
        if not exists and isinstance(value, list) and isinstance(part, int):
            exists = part < len(value)
        if not exists:
            raise Missing(written(name))
        value = value[part]
    return value


def _filtered(node: nodes.Filter, scope: Mapping[str, Any]) -> Any:
    assert node.node is not None
    try:
        value = evaluate(node.node, scope)
    except Missing:
        if node.name != "default":
            raise
        value = None
    arguments = [evaluate(argument, scope) for argument in node.args]
    try:
        return bounded(FILTERS[node.name].function(value, *arguments))
    except ValueError as error:
        raise ValueError(f"{node.name}: {error}") from None


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("arithmetic works on numbers and dates only; ~ joins text.")
    return value


def calculate(operator: str, left: Any, right: Any) -> Any:
    """``+ - * /`` on numbers; a date plus or minus days; the days between two dates.

    Raises:
        ValueError: other types, a division by zero, a date out of range.
    """
    if isinstance(left, date) and operator == "-" and isinstance(right, date):
        return (left - right).days
    if isinstance(left, date) and operator in "+-":
        days = _number(right)
        if not isinstance(days, int) or abs(days) > 4_000_000:
            raise ValueError("only whole days can be added to a date.")
        try:
            return left + timedelta(days=days if operator == "+" else -days)
        except OverflowError:
            raise ValueError("the date must be within the years 1 to 9999.") from None
    first, second = _number(left), _number(right)
    if operator == "+":
        return first + second
    if operator == "-":
        return first - second
    if operator == "*":
        return first * second
    if second == 0:
        raise ValueError("it divides by zero.")
    return first / second


def compare(operator: str, left: Any, right: Any) -> bool:
    """``== != < <= > >= in not in``. Text compared with a date is parsed as a date.

    Raises:
        ValueError: the types can't be ordered.
    """
    if operator in ("in", "notin"):
        if isinstance(right, list | dict) or (isinstance(right, str) and isinstance(left, str)):
            return (left in right) == (operator == "in")
        raise ValueError("`in` needs a list or text on its right.")
    if isinstance(left, date) and isinstance(right, str):
        right = as_date(right)
    elif isinstance(left, str) and isinstance(right, date):
        left = as_date(left)
    if operator == "eq":
        return bool(left == right)
    if operator == "ne":
        return bool(left != right)
    if not (
        (isinstance(left, str) and isinstance(right, str))
        or (isinstance(left, date) and isinstance(right, date))
    ):
        left, right = _number(left), _number(right)
    return bool(
        {"lt": left < right, "lteq": left <= right, "gt": left > right, "gteq": left >= right}[
            operator
        ]
    )


def bounded(value: Any) -> Any:
    """Returns the value if it is within bounds.

    Raises:
        ValueError: a text or a number is too large.
    """
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ValueError(f"the text would exceed {MAX_TEXT:,} characters.")
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        raise ValueError("a number is too large.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large.")
    return value
