"""Renders DuckDB's SQL from a tree, and prepares the tree for it.

The rendered text must mean the same to DuckDB as the original, and give columns the same titles,
which DuckDB takes from the text of their expressions. ``tokens.py`` describes the changes that are
made to a text before it is parsed; here they are reverted, and rendered in DuckDB's own grammar.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlglot import exp

from wb_server.gate.dialects.base import words
from wb_server.gate.dialects.canonical import put_in_place
from wb_server.gate.dialects.duckdb.tokens import ARRAY, LIST, MARK

Write = Callable[[exp.Expr], str]

# Grammar, not names: quoted or qualified, they would be macros of a database file.
SYNTAX: Final = words("coalesce columns extract grouping grouping_id if ifnull all some try")
ORDERED_SETS: Final = words("percentile_cont percentile_disc")


# The tree -----------------------------------------------------------------------------------------


_NAMED: Final = (exp.Identifier, exp.DataType, exp.Var, exp.Literal, exp.Anonymous)


def prepare(tree: exp.Expr) -> exp.Expr:
    """Reverts what ``tokenize`` inserted, and what the parser does to FROM without SELECT."""
    for node in list(tree.walk()):
        if isinstance(node, exp.Not):
            _one_not(node)
        elif isinstance(node, exp.Ordered) and node.args.get("with_fill") is not None:
            node.set("with_fill", None)
            node.set("nulls_last", True)
        elif isinstance(node, exp.Select):
            _joins_of_from(node)
        elif isinstance(node, exp.Extract) and node.this.name.startswith(MARK):
            node.set("this", exp.Var(this=node.this.name.removeprefix(MARK)))
        elif isinstance(node, exp.Table) and _shows_defaults(node):
            put_in_place(node, _without_defaults(node))
        elif isinstance(node, exp.Summarize) and isinstance(node.this, exp.Literal):
            name = exp.Identifier(this=node.this.this, quoted=True)
            node.set("this", exp.Table(this=name))  # 'file.csv' is a table's name
        elif isinstance(node, _NAMED) and node.this not in (ARRAY, LIST):
            for key in ("this", "kind"):
                if str(node.args.get(key)).startswith(MARK):
                    node.set(key, str(node.args[key]).removeprefix(MARK))
                    if "quoted" in node.args:
                        node.set("quoted", False)
    return tree


# The expressions of columns' defaults, which their owner didn't write for readers.
_DEFAULTS: Final = ("information_schema", "columns", "column_default")


def _shows_defaults(table: exp.Table) -> bool:
    """True if information_schema.columns is named other than in the query inserted here."""
    if (table.db.lower(), table.name.lower()) != _DEFAULTS[:2]:
        return False
    select = table.parent.parent if isinstance(table.parent, exp.From) else None
    if not isinstance(select, exp.Select):
        return True
    hidden = [name for star in select.expressions for name in star.args.get("except_") or []]
    return not (
        [type(it) for it in select.expressions] == [exp.Star]
        and {key for key, value in select.expressions[0].args.items() if value} == {"except_"}
        and [name.name.lower() for name in hidden] == [_DEFAULTS[2]]
        and {key for key, value in select.args.items() if value} == {"expressions", "from_"}
        and {key for key, value in table.args.items() if value} == {"this", "db"}
    )


def _all_but_defaults() -> exp.Select:
    schema, name, column = (exp.Identifier(this=it, quoted=True) for it in _DEFAULTS)
    star = exp.Star(except_=[exp.Column(this=column)])
    return exp.Select(expressions=[star], from_=exp.From(this=exp.Table(this=name, db=schema)))


def _without_defaults(table: exp.Table) -> exp.Expr:
    """information_schema.columns as a query of all columns except the defaults."""
    alias = table.args.get("alias")
    if alias is None and isinstance(table.parent, exp.From | exp.Join):
        alias = exp.TableAlias(this=exp.Identifier(this=table.name, quoted=True))
    query = exp.Subquery(this=_all_but_defaults(), alias=alias)
    for key, value in table.args.items():
        if key not in ("this", "db", "catalog", "alias"):
            query.set(key, value)
    return query


def _one_not(node: exp.Expr) -> None:
    """Restores NOT: ``tokenize`` doubled a prefix NOT, but not an infix one (``x NOT IN y``)."""
    inner = node.this
    if isinstance(inner, exp.Not):
        node.set("this", inner.this)
    elif isinstance(inner, exp.In | exp.Between | exp.Is | exp.SimilarTo | exp.Glob):
        node.set("infix", True)


def _joins_of_from(node: exp.Expr) -> None:
    """Moves the joins of ``FROM a JOIN b SELECT …`` from the table to the query."""
    source = node.args["from_"].this if node.args.get("from_") is not None else None
    if source is None:
        return
    for key in ("joins", "laterals"):
        if source.args.get(key):
            node.set(key, [*source.args[key], *(node.args.get(key) or [])])
            source.set(key, None)


def one_spelling(node: exp.Expr) -> exp.Expr | None:
    """Turns calls with a special syntax into plain calls, as the generator renders them.

    It does so for ``value.upper()`` too, which could otherwise call a macro of a database file:
    DuckDB looks for a schema ``value`` first.
    """
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Anonymous):
        if _is_own(node):
            return None
        call = node.expression
        return _call(call.this, _chained_value(node.this), *call.expressions)
    if isinstance(node, exp.Fetch) and node.args.get("count") is not None:
        options = node.args.get("limit_options")
        if options is None or not (options.args.get("with_ties") or options.args.get("percent")):
            return exp.Limit(expression=node.args["count"])
    if isinstance(node, exp.Substring):
        return _call("substring", node.this, node.args.get("start"), node.args.get("length"))
    if isinstance(node, exp.Trim) and not node.args.get("position"):
        return _call("trim", node.this, node.expression or None)
    if isinstance(node, exp.Adjacent):
        return exp.JSONExtract(this=node.this, expression=node.expression)
    if isinstance(node, exp.ExtendsLeft):
        return exp.JSONExtractScalar(this=node.this, expression=node.expression)
    if isinstance(node, exp.Anonymous) and node.this in (ARRAY, LIST):
        array: exp.Expr = node.expressions[0]
        array.set("named", node.this == ARRAY or None)
        return array
    if isinstance(node, exp.Select):
        return _plain_values(node)
    return None


def _plain_values(node: exp.Select) -> exp.Expr | None:
    """The VALUES that the parser turned into a SELECT, in a WITH or a UNION."""
    source: exp.Expr | None = (
        node.args["from_"].this if node.args.get("from_") is not None else None
    )
    made = (
        isinstance(source, exp.Values)
        and source.alias == "_values"
        and len(node.expressions) == 1
        and type(node.expressions[0]) is exp.Star
        and not any(
            value for key, value in node.args.items() if key not in ("expressions", "from_")
        )
    )
    if not made or source is None:
        return None
    source.set("alias", None)
    return source


def _is_own(node: exp.Dot) -> bool:
    """True for ``main.upper(…)``: built-in functions come first there. Grammar takes no schema."""
    schema = node.this
    name = node.expression.name.lower()
    return (
        isinstance(schema, exp.Identifier)
        and schema.name.lower() == "main"
        and (name not in SYNTAX | ORDERED_SETS)
    )


def _chained_value(node: exp.Expr) -> exp.Expr:
    """The value before ``.function()``, as the parser represents it elsewhere.

    Before a dot it takes columns for bare names, and qualified names for fields, at any depth.
    """
    first, parts = node, []
    while isinstance(first, exp.Dot) and isinstance(first.expression, exp.Identifier):
        parts.append(first.expression)
        first = first.this
    if isinstance(first, exp.Identifier):
        return node if _is_lambda_parameter(first) else _column([first, *reversed(parts)])
    if not isinstance(first, _NO_VALUES):
        for child in list(first.iter_expressions()):
            if child.arg_key not in _NAMES_OF.get(type(first), _NAMING):
                new = _chained_value(child)
                if new is not child:
                    put_in_place(child, new)
    return node


# Where names aren't values.
_NO_VALUES: Final = (exp.Column, exp.Table, exp.TableAlias, exp.DataType, exp.Star)
_NAMING: Final = ("alias", "to", "unit", "except_", "rename", "kind")
_NAMES_OF: Final[dict[type[exp.Expr], tuple[str, ...]]] = {
    exp.Lambda: ("expressions",),
    exp.Anonymous: ("this",),
    exp.PropertyEQ: ("this",),
    exp.Kwarg: ("this",),
}


def _column(names: list[exp.Expr]) -> exp.Expr:
    names = [name.copy() for name in names]
    kinds = ("this", "table", "db", "catalog")
    value: exp.Expr = exp.Column(**dict(zip(kinds, reversed(names[:4]), strict=False)))
    for name in names[4:]:
        value = exp.Dot(this=value, expression=name)
    return value


def _is_lambda_parameter(name: exp.Expr) -> bool:
    """True if a name is the parameter of a lambda around it."""
    around = name.find_ancestor(exp.Lambda)
    while around is not None:
        if any(name.name.lower() == it.name.lower() for it in around.expressions):
            return True
        around = around.find_ancestor(exp.Lambda)
    return False


def _call(name: str, *args: exp.Expr | None) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[arg for arg in args if arg is not None])


# Rendering ----------------------------------------------------------------------------------------


def verbatim(node: exp.Expr, write: Write) -> str | None:
    """The text of a node that the generator would render differently, or even drop."""
    if isinstance(node, exp.JSONExtract | exp.JSONExtractScalar):
        sign = "->" if isinstance(node, exp.JSONExtract) else "->>"
        return f"{write(node.this)} {sign} {write(node.expression)}"
    if isinstance(node, exp.Not) and node.args.get("infix"):
        return _infix(node.this, write)
    if isinstance(node, exp.Ordered) and node.args.get("nulls_last"):
        descending = node.args.get("desc")
        order = " DESC" if descending else " ASC" if descending is False else ""
        return f"{write(node.this)}{order} NULLS LAST"
    if isinstance(node, exp.Array) and node.args.get("named"):
        return f"ARRAY[{', '.join(write(item) for item in node.expressions)}]"
    if isinstance(node, exp.LimitOptions) and node.args.get("percent"):
        return " %"  # LIMIT (10 + 5) PERCENT isn't valid
    if isinstance(node, exp.Sqrt):  # the node for a unary plus, see ``tokens.py``
        return f"+{write(node.this)}"
    if isinstance(node, exp.Pivot) and node.this and (node.expressions or not node.unpivot):
        return _pivot(node, write)
    if isinstance(node, exp.Describe):
        return f"DESCRIBE {write(node.this)}"
    if isinstance(node, exp.StrPosition):
        return f"POSITION({write(node.args['substr'])} IN {write(node.this)})"
    if isinstance(node, exp.Trim):
        return _trim(node, write)
    if isinstance(node, exp.RegexpLike):
        return f"{write(node.this)} ~ {write(node.expression)}"
    if isinstance(node, exp.WithinGroup):
        return f"{write(node.this)} WITHIN GROUP ({write(node.expression).strip()})"
    if isinstance(node, exp.Join) and set(node.args) == {"this"}:
        return f", {write(node.this)}"  # FROM a, unnest(…) stays a comma
    if isinstance(node, exp.Map):
        return f"MAP({', '.join(write(it) for it in node.args.values() if it is not None)})"
    return None


def _trim(node: exp.Trim, write: Write) -> str:
    side = str(node.args.get("position") or "").upper()
    characters = write(node.expression) if node.expression else ""
    return f"TRIM({' '.join(filter(None, (side, characters)))} FROM {write(node.this)})"


def _pivot(node: exp.Pivot, write: Write) -> str:
    """A PIVOT statement: the generator would drop the tables of columns, also in its query."""
    written = f"{'UNPIVOT' if node.unpivot else 'PIVOT'} {write(node.this)}"
    if node.expressions:
        written += f" ON {', '.join(map(write, node.expressions))}"
    if node.args.get("into") is not None:
        written += f" INTO {write(node.args['into'])}"
    if node.args.get("using"):
        written += f" USING {', '.join(map(write, node.args['using']))}"
    return written + (write(node.args["group"]) if node.args.get("group") is not None else "")


def _infix(node: exp.Expr, write: Write) -> str:
    """``x NOT IN y``, ``x IS NOT y``: only the operator changes."""
    left = write(node.this)
    if isinstance(node, exp.Is):
        return f"{left} IS NOT {write(node.expression)}"
    if isinstance(node, exp.Between):
        return f"{left} NOT BETWEEN {write(node.args['low'])} AND {write(node.args['high'])}"
    if isinstance(node, exp.In):
        inside = node.args.get("query") or node.args.get("field")
        values = write(inside) if inside is not None else ", ".join(map(write, node.expressions))
        return f"{left} NOT IN {values if inside is not None else f'({values})'}"
    operator = "GLOB" if isinstance(node, exp.Glob) else "SIMILAR TO"
    return f"{left} NOT {operator} {write(node.expression)}"


VERBATIM: Final = (
    exp.JSONExtract,
    exp.JSONExtractScalar,
    exp.Not,
    exp.Ordered,
    exp.Array,
    exp.Map,
    exp.Describe,
    exp.Pivot,
    exp.Sqrt,
    exp.LimitOptions,
    exp.StrPosition,
    exp.Trim,
    exp.RegexpLike,
    exp.WithinGroup,
    exp.Join,
)
