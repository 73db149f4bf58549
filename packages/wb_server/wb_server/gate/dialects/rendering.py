"""Writes a tree as SQL text.

Nodes that sqlglot's generator would change or drop are written here. Nothing here is trusted:
``statement.py`` parses the rendered text again and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

from wb_server.gate.dialects.base import DialectRules
from wb_server.gate.dialects.nodes import own_routine
from wb_server.gate.dialects.sealing import NOTHING
from wb_server.kit.errors import InvalidInput


def _verbatim(node: exp.Expr, rules: DialectRules, write: Callable[[exp.Expr], str]) -> str | None:
    """Returns the text of a node that the generator would change or drop; None for any other."""

    def sql(key: str) -> str:
        return write(node.args[key])

    if rules.verbatim is not None:
        text = rules.verbatim(node, write)
        if text is not None:
            return text
    kind = type(node)
    if kind is exp.Extract:
        return f"EXTRACT({sql('this')} FROM {sql('expression')})"
    if kind is exp.Pow:
        return f"{sql('this')} {'^' if rules.name == 'postgres' else '**'} {sql('expression')}"
    if kind is exp.StartsWith:
        return f"{sql('this')} ^@ {sql('expression')}"
    if kind is exp.IgnoreNulls:
        return f"{sql('this')} IGNORE NULLS"
    if kind is exp.RespectNulls:
        return f"{sql('this')} RESPECT NULLS"
    if kind is exp.CurrentTime and not node.this:
        return "CURRENT_TIME"
    if kind is exp.Distinct and len(node.expressions) > 1 and not node.args.get("on"):
        return "DISTINCT " + ", ".join(write(item) for item in node.expressions)
    if kind is exp.Interval and rules.name == "postgres" and node.this and node.args.get("unit"):
        return f"INTERVAL {sql('this')} {sql('unit')}"
    return None


_VERBATIM = (
    exp.Extract,
    exp.Pow,
    exp.StartsWith,
    exp.IgnoreNulls,
    exp.RespectNulls,
    exp.CurrentTime,
    exp.Distinct,
    exp.Interval,
)


def _generate(tree: exp.Expr, rules: DialectRules, *, copy: bool = True) -> str:
    dialect = Dialect.get_or_raise(rules.grammar or rules.name)
    writer: Any = dialect.generator(comments=False, normalize_functions=False)
    known = _WRITERS.get(rules.name)
    if known is None:
        # The generator is compiled, so it can't be subclassed.
        kinds: tuple[type[exp.Expr], ...] = (*_VERBATIM, *rules.verbatim_nodes)
        ours = {kind: _written(writer._dispatch.get(kind), rules) for kind in kinds}
        known = _WRITERS[rules.name] = {**writer._dispatch, **ours}
    writer._dispatch = known
    text: str = writer.generate(tree, copy=copy)
    return text


_Write = Callable[[Generator, Any], str]
_WRITERS: dict[str, dict[type[exp.Expr], Any]] = {}


def _written(otherwise: Any, rules: DialectRules) -> _Write:
    """Writes a kind of node verbatim, or else as the generator does."""

    def write(writer: Generator, node: Any) -> str:
        text = _verbatim(node, rules, writer.sql)
        if text is not None:
            return text
        return str(otherwise(writer, node) if otherwise else writer.function_fallback_sql(node))

    return write


def _name_function_schema(tree: exp.Expr, rules: DialectRules) -> None:
    if rules.function_schema is None:
        return
    for node in tree.find_all(exp.Anonymous):
        if own_routine(node, rules) is not None:
            continue
        quoted = isinstance(node.this, exp.Identifier)
        name = node.name.lower()
        if name in rules.extension_functions or (not quoted and name in rules.syntax_functions):
            if name in rules.sealed_functions:
                node.set("this", rules.sealed_functions[name])
            continue
        if name == "unnest" and _is_unnest_of_several(node):
            continue
        node.set(
            "this", f"{rules.function_schema}.{_generate(node.this, rules) if quoted else name}"
        )


def _is_unnest_of_several(node: exp.Expr) -> bool:
    """True if PostgreSQL's grammar makes one ``unnest`` for each of its arrays: in FROM only."""
    parent = node.parent
    if isinstance(parent, exp.TableFromRows):
        parent = parent.parent
    return (
        isinstance(parent, exp.Table | exp.Lateral)
        and len(node.expressions) > 1
        and not any(isinstance(each, exp.Variadic) for each in node.expressions)
    )


def render(tree: exp.Expr, rules: DialectRules) -> str:
    """Writes a canonical tree as text in which every lexer finds the same tokens.

    Raises:
        InvalidInput: ``syntax_not_allowed``: it can't be written like that.
    """
    try:
        if rules.function_schema:
            tree = tree.copy()
            _name_function_schema(tree, rules)
        # A prefix operator keeps its distance from what precedes it.
        text = _generate(tree, rules, copy=not rules.function_schema).replace(f"{NOTHING} ", " ")
    except RecursionError:
        raise
    except Exception:  # e.g. "unsupported" for this dialect
        raise InvalidInput(
            f"This statement uses syntax that the Workbench doesn't support for {rules.title}. "
            "Write it differently.",
            code="syntax_not_allowed",
        ) from None
    # Only plain characters are left outside of quotes, so no lexer can see a comment, another kind
    # of string or a second statement where there is none.
    rest = rules.quoted.sub(" ", text)
    bad = next((sign for sign in rules.not_outside_quotes if sign in rest), None)
    if bad is not None or not rest.isascii():
        what = f"the sign {bad}" if bad and bad.isprintable() else "a letter outside ASCII"
        raise InvalidInput(
            f"The statement uses {what} outside of quotes, in a way that isn't supported. Write "
            "texts as '…' and names in quotes.",
            code="syntax_not_allowed",
        )
    return text
