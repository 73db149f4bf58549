"""Trees of MySQL and MariaDB: turns respelled tokens back into their meaning, and renders them.

What is sent is plainer than what was written: no comments; all names in backticks, so that none is a
keyword; all strings in single quotes, with each quote and each backslash doubled. Such a string ends
at the same place in every SQL mode of the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sqlglot import exp

from wb_server.gate.dialects.base import words
from wb_server.gate.dialects.canonical import put_in_place
from wb_server.gate.dialects.mysql import tokens as spelled
from wb_server.gate.dialects.mysql.checks import with_open_stars
from wb_server.gate.dialects.mysql.text import HEX_NUMBER, LITERAL_NAMES

Write = Callable[[exp.Expr], str]

_HEX_DIGITS: Final = re.compile(r"[0-9A-Fa-f]+")
_NUMBER: Final = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_COMPARED: Final = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ)
_NEGATED: Final = (exp.In, exp.Between, exp.RegexpLike)
_UNITS: Final = words("microsecond second minute hour day week month quarter year")
_UNIT_FIRST: Final = words("timestampdiff timestampadd")

# The quoted pieces of a rendered text, and what it may not contain elsewhere. @`x` is a user
# variable; a system variable begins with two of these signs.
QUOTED: Final = re.compile(r"'(?:[^'\\]|''|\\\\)*'|@?`(?:[^`]|``)*`")
NOT_OUTSIDE_QUOTES: Final = ("'", '"', "--", "/*", "*/", "#", "@", "\\", ";", "`", "?", "\x00")


def prepare(tree: exp.Expr) -> exp.Expr:
    """Turns what ``tokens.py`` respelled back into its meaning.

    Each column of a result, a view or a derived table gets its title from the text as written: the
    server would take it from the text that is sent, with all its backticks.
    """
    for select in list(tree.find_all(exp.Select)):
        first = select.expressions[0] if select.expressions else None
        name = first.this if isinstance(first, exp.Anonymous) else None
        if name == spelled.TITLES:
            assert first is not None
            select.set("expressions", select.expressions[1:])
            if _shows_titles(select):
                _give_titles(select, first.expressions[0].name.split(spelled.TITLE_BREAK))
        elif name == spelled.VALUES:
            values = exp.Values(**{**select.args, "expressions": select.expressions[1:]})
            if select is tree:
                tree = values
            else:
                put_in_place(select, values)
    with_open_stars(tree)
    for compared in tree.find_all(*_COMPARED):
        negated = compared.expression
        if isinstance(negated, exp.Not) and isinstance(negated.this, _NEGATED):
            # a = b NOT IN (c), which the generator would render as a = NOT b IN (c).
            compared.set("expression", exp.Paren(this=negated))
    return tree


def _shows_titles(select: exp.Expr) -> bool:
    """True if the columns of a query can be seen or named."""
    node = select
    while isinstance(node.parent, exp.SetOperation | exp.Subquery) and node.arg_key == "this":
        node = node.parent
    return isinstance(node.parent, exp.CTE | exp.From | exp.Join | exp.Table | exp.Create | None)


def _give_titles(select: exp.Expr, titles: list[str]) -> None:
    items = select.expressions
    if len(items) != len(titles):
        return
    titled = []
    for item, title in zip(items, titles, strict=True):
        inner = item.unnest()
        if not title or item.is_star or _has_its_title(inner):
            titled.append(item)
            continue
        if isinstance(inner, exp.Literal):
            title = title.strip("()+ ")
        titled.append(exp.Alias(this=item, alias=exp.Identifier(this=title, quoted=True)))
    select.set("expressions", titled)


def _has_its_title(item: exp.Expr) -> bool:
    """True if the server gives the sent item the right title anyway: a string's is its value."""
    if isinstance(item, exp.Anonymous) and isinstance(item.this, str):
        if item.this.startswith(spelled.INTRODUCER):
            item = item.expressions[0]
    if isinstance(item, exp.Literal):
        return bool(item.is_string)
    return isinstance(item, exp.Alias | exp.Column | exp.Star | exp.Null | exp.Boolean)


def one_spelling(node: exp.Expr) -> exp.Expr | None:
    """The node's replacement in canonical spelling, or None; small changes are made in place."""
    if isinstance(node, exp.Identifier):
        node.set("quoted", True)
        return None
    if isinstance(node, exp.Join) and (node.args.get("on") or node.args.get("using")):
        if node.kind == "INNER":
            node.set("kind", None)  # JOIN means the same without the word
        return None
    if isinstance(node, exp.Select) and _is_dual(node.args.get("from_")):
        node.set("from_", None)
    if isinstance(node, exp.Interval) and not node.args.get("unit"):
        alone: exp.Expr = node.this
        if isinstance(alone.unnest(), exp.Literal):
            return (
                alone  # INTERVAL 1 DAY + '2026-01-31': the parser takes the string for an interval
            )
    clock = _CLOCK.get(type(node))
    if clock is not None and not node.this:
        return _call(clock)
    if isinstance(node, exp.Cast):
        kind = node.to
        if isinstance(kind.this, exp.DType):
            kind.set("this", _CAST_AS.get(kind.this, kind.this))
        return None
    if isinstance(node, exp.Column) and isinstance(node.parent, exp.CollateColumnConstraint):
        return exp.Var(this=node.name)
    if isinstance(node, exp.Column) and _is_default(node):
        return exp.Var(this="DEFAULT")
    if isinstance(node, exp.Anonymous) and str(node.this).lower() in _UNIT_FIRST:
        _keep_unit(node)
    elif isinstance(node, exp.Anonymous) and node.this == spelled.BINARY:
        if len(node.expressions) == 1:  # several are a row, which can't be cast
            return exp.Cast(this=node.expressions[0], to=exp.DataType(this=exp.DType.BINARY))
    elif isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
        found = _call("json_extract", node.this, node.expression.unnest())
        return found if isinstance(node, exp.JSONExtract) else _call("json_unquote", found)
    elif isinstance(node, exp.StrPosition) and not node.args.get("occurrence"):
        return _call("locate", node.args.get("substr"), node.this, node.args.get("position"))
    elif isinstance(node, exp.CurrentUser):
        return _call("current_user")
    elif isinstance(node, exp.Parameter) and not isinstance(node.this, exp.Identifier):
        node.set("this", exp.Identifier(this=node.name, quoted=True))
    elif isinstance(node, exp.Soundex):
        return _call("soundex", node.this)
    return None


# CAST supports only a few types; the generator renders these for the others.
_CAST_AS: Final = {
    **dict.fromkeys(
        (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.MEDIUMINT, exp.DType.INT),
        exp.DType.BIGINT,
    ),
    **dict.fromkeys(
        (exp.DType.UTINYINT, exp.DType.USMALLINT, exp.DType.UMEDIUMINT, exp.DType.UINT),
        exp.DType.UBIGINT,
    ),
    **dict.fromkeys(
        (exp.DType.NCHAR, exp.DType.VARCHAR, exp.DType.TEXT, exp.DType.LONGTEXT), exp.DType.CHAR
    ),
    **dict.fromkeys((exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ), exp.DType.DATETIME),
    exp.DType.VARBINARY: exp.DType.BINARY,
}

# Without parentheses, these are keywords.
_CLOCK: Final[dict[type[exp.Expr], str]] = {
    exp.CurrentDate: "curdate",
    exp.CurrentTime: "curtime",
    exp.CurrentTimestamp: "now",
    exp.Localtime: "now",
    exp.Localtimestamp: "now",
}


def _is_dual(clause: exp.Expr | None) -> bool:
    """True for DUAL, the placeholder for no table; the server knows it only unquoted."""
    table = clause.this if clause is not None else None
    return (
        isinstance(table, exp.Table)
        and isinstance(table.this, exp.Identifier)
        and table.name.lower() == "dual"
        and not table.this.args.get("quoted")
        and not any(value for key, value in table.args.items() if key != "this")
    )


def _is_default(node: exp.Expr) -> bool:
    name = node.this
    return (
        isinstance(name, exp.Identifier)
        and not name.args.get("quoted")
        and name.this.lower() == "default"
        and not node.args.get("table")
    )


def _keep_unit(node: exp.Expr) -> None:
    """Keeps the unit of TIMESTAMPDIFF as a keyword, not a column."""
    unit = node.expressions[0] if node.expressions else None
    if isinstance(unit, exp.Column) and not unit.args.get("table"):
        if unit.name.lower() in _UNITS:
            unit.replace(exp.Var(this=unit.name.upper()))


def _call(name: str, *args: exp.Expr | None) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[arg for arg in args if arg is not None])


# Rendering ----------------------------------------------------------------------------------------


def verbatim(node: exp.Expr, write: Write) -> str | None:
    """The text of a node that the generator would render differently, or None."""
    if isinstance(node, exp.Literal):
        text = str(node.this)
        if node.is_string:
            return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
        if not _NUMBER.fullmatch(text):
            raise ValueError("not a number as the server reads them")
        return text
    if isinstance(node, exp.Anonymous):
        return _written_call(node, node.this, write) if isinstance(node.this, str) else None
    if isinstance(node, exp.RegexpLike) and not node.args.get("flag"):
        return f"{write(node.this)} REGEXP {write(node.expression)}"
    if isinstance(node, exp.NullSafeEQ):
        return f"{write(node.this)} <=> {write(node.expression)}"
    if isinstance(node, exp.IntDiv):
        return f"{write(node.this)} DIV {write(node.expression)}"
    if isinstance(node, exp.Interval):
        return f"INTERVAL {write(node.this)} {write(node.args['unit'])}"
    if isinstance(node, exp.Parameter):
        return f"@{write(node.this)}"
    if isinstance(node, exp.JSONArrayContains):
        return f"{write(node.this)} MEMBER OF({write(node.expression)})"
    if isinstance(node, exp.Trim) and (node.args.get("position") or node.args.get("expression")):
        what = [node.args.get("position"), write(node.expression) if node.expression else None]
        return f"TRIM({' '.join(part for part in what if part)} FROM {write(node.this)})"
    if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
        used = {key for key, value in node.args.items() if value}
        if used - {"expressions", "order", "limit", "offset", "with_"}:
            raise ValueError("not a VALUES list that the servers know")
        after = [
            write(node.args[key]) for key in ("order", "limit", "offset") if node.args.get(key)
        ]
        before = f"{write(node.args['with_'])} " if node.args.get("with_") else ""
        return f"{before}VALUES {', '.join(map(write, node.expressions))}{''.join(after)}"
    return None


def _written_call(node: exp.Expr, name: str, write: Write) -> str | None:
    args = node.expressions
    if name in LITERAL_NAMES:
        return _written_literal(name, args, write)
    if name.lower() == "group_concat" and args and _is_separator(args[0]):
        limit = args[-1] if isinstance(args[-1], exp.Limit) else None
        listed = [*args[1:-1], limit.this] if limit is not None else args[1:]
        written = f"{', '.join(map(write, listed))} {write(args[0])}"
        if limit is not None:
            limit = limit.copy()
            limit.set("this", None)
            written += write(limit)
        return f"{name}({written})"
    if name.lower() == "json_table" and len(args) == 3:
        return f"JSON_TABLE({write(args[0])}, {write(args[1])} {write(args[2])})"
    return None


def _is_separator(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.this == spelled.SEPARATOR


def _written_literal(name: str, args: list[exp.Expr], write: Write) -> str:
    """The literal that the lexer spelled as a call."""
    if name.startswith(spelled.CHAR_USING):
        used = name.removeprefix(spelled.CHAR_USING)
        return f"CHAR({', '.join(map(write, args))} USING {used})"
    (literal,) = args
    if name.startswith(spelled.INTRODUCER) and isinstance(literal, exp.HexString | exp.BitString):
        return f"_{name.removeprefix(spelled.INTRODUCER)} {write(literal)}"
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        raise ValueError("not a literal")
    if name.startswith(spelled.INTRODUCER):
        return f"_{name.removeprefix(spelled.INTRODUCER)} {write(literal)}"
    if name == spelled.SEPARATOR:
        return f"SEPARATOR {write(literal)}"
    if name == spelled.JSON_COLUMNS:
        return str(literal.name)  # only ``json.columns_of`` makes it
    if name == HEX_NUMBER:
        if not _HEX_DIGITS.fullmatch(literal.name):
            raise ValueError("not a number as the server reads them")
        return f"0x{literal.name}"
    return f"{name.split()[0].upper()} {write(literal)}"


VERBATIM: Final = (
    exp.Literal,
    exp.Anonymous,
    exp.RegexpLike,
    exp.IntDiv,
    exp.NullSafeEQ,
    exp.Interval,
    exp.Parameter,
    exp.JSONArrayContains,
    exp.Trim,
    exp.Values,
)
