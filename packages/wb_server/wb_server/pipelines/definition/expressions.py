"""The language of ``{{ … }}`` in a pipeline file.

Jinja2's parser reads an expression, only listed node types are allowed, and our own evaluation walks
those nodes over plain data. No Python attribute is ever read, nothing can be called, and texts and
numbers are bounded, so an expression can't do more than compute a small value.

A text that is exactly one expression evaluates to the expression's typed value; otherwise the values
are inserted into the text (see :func:`~.filters.as_text`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from ...kit.errors import InvalidInput, Unprocessable
from .evaluation import Missing, Name, bounded, evaluate, path_of
from .filters import FILTERS, MAX_TEXT, as_text
from .near import near

MAX_LENGTH = 1_000
MAX_EXPRESSIONS = 200
MAX_NODES = 200
MAX_NESTING = 30

# Quoted strings inside an expression may contain braces.
_BODY = re.compile(
    r"""\{\{((?:[^'"}]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\}(?!\}))*)\}\}""", re.DOTALL
)
# Only with the tags' own words: a text may contain {% for another reason.
_TAG = re.compile(
    r"\{%[-+]?\s*(?:end)?(?:if|elif|else|for|set|macro|raw|include|import|from|extends|block|call"
    r"|filter|do|with)\b[^\n]{0,60}?%\}"
)
_ENVIRONMENT = Environment(autoescape=False)  # noqa: S701 - it parses only; nothing is rendered


class ExpressionError(InvalidInput):
    """An expression that can't be read.

    Attributes:
        number: the index of its ``{{`` in the text, from 0.
        inside: characters from its ``{{`` to the mistake.
        source: the whole expression with its braces; empty if it isn't closed.
    """

    default_code = "expression"

    def __init__(self, message: str, number: int, inside: int = 0, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.number = number
        self.inside = inside
        self.source = ""


@dataclass(frozen=True)
class Expression:
    """One ``{{ … }}``.

    Attributes:
        source: the whole expression with its braces.
        number: the index of its ``{{`` in the text, from 0.
        names: the names it reads, each with its distance from the ``{{`` in characters.
    """

    source: str
    number: int
    node: nodes.Expr
    names: tuple[tuple[Name, int], ...]

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """The value: text, number, boolean, date, list, object or None.

        Raises:
            Unprocessable: it can't be computed in this scope.
        """
        try:
            return bounded(evaluate(self.node, scope))
        except Missing as missing:
            raise Unprocessable(
                f"In {self.source}: there is no {missing}. A task has only the outputs that it "
                "set in this run. Use `| default(…)` for one that may be missing.",
                code="expression_failed",
                expression=self.source,
            ) from None
        except (ValueError, OverflowError, TypeError, ArithmeticError, RecursionError) as error:
            reason = str(error) if type(error) is ValueError else "it can't be computed."
            raise Unprocessable(
                f"In {self.source}: {reason}", code="expression_failed", expression=self.source
            ) from None


@dataclass(frozen=True)
class Template:
    """A parsed text with expressions."""

    parts: tuple[str | Expression, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(part for part in self.parts if isinstance(part, Expression))

    @property
    def names(self) -> frozenset[Name]:
        """All names that its expressions read."""
        return frozenset(name for part in self.expressions for name, _ in part.names)

    @property
    def single(self) -> bool:
        """Whether it is one expression and nothing else, so that the value keeps its type."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Expression)

    def evaluate(self, scope: Mapping[str, Any]) -> Any:
        """The value of a single expression, or else the text with the values inserted.

        Args:
            scope: plain data by root: ``params``, ``tasks``, ``run``, ``pipeline``.

        Raises:
            Unprocessable: an expression can't be computed, or the text becomes too long.
        """
        if self.single:
            assert isinstance(self.parts[0], Expression)
            return self.parts[0].evaluate(scope)
        return self.text(scope)

    def text(self, scope: Mapping[str, Any]) -> str:
        """The text with the values inserted, even if it is a single expression.

        Raises:
            Unprocessable: as for :meth:`evaluate`.
        """
        texts = [
            part if isinstance(part, str) else as_text(part.evaluate(scope)) for part in self.parts
        ]
        plain = sum(len(part) for part in self.parts if isinstance(part, str))
        if sum(map(len, texts)) > plain + MAX_TEXT:
            raise Unprocessable(
                f"The values in a text must have at most {MAX_TEXT:,} characters in total.",
                code="expression_failed",
            )
        return "".join(texts)


def tags(text: str) -> Iterator[re.Match[str]]:
    """What looks like a tag of a template engine, such as ``{% if x %}``."""
    return _TAG.finditer(text)


def has_expression(text: str) -> bool:
    """Whether a text contains ``{{``."""
    return "{{" in text


def parse(text: str) -> Template:
    """Parses a text with expressions.

    Raises:
        ExpressionError: for the first one that can't be read.
    """
    parts: list[str | Expression] = []
    for item in split(text):
        if isinstance(item, ExpressionError):
            raise item
        parts.append(item)
    return Template(tuple(parts))


def split(text: str) -> Iterator[str | Expression | ExpressionError]:
    """The parts of a text in order: plain text, expressions, and errors for unreadable ones."""
    position = 0
    for count in range(MAX_EXPRESSIONS + 1):
        start = text.find("{{", position)
        if start < 0:
            break
        number = text.count("{{", 0, start)
        if count == MAX_EXPRESSIONS:
            yield ExpressionError(
                f"A text must have at most {MAX_EXPRESSIONS} expressions.", number
            )
            return
        if start > position:
            yield text[position:start]
        match = _BODY.match(text, start)
        if match is None:
            yield ExpressionError(
                "The expression isn't closed. End it with }}, and check that every quote is closed.",
                number,
            )
            return
        try:
            yield _read(match[0], match[1], number)
        except ExpressionError as error:
            error.source = match[0]
            yield error
        position = match.end()
    if position < len(text):
        yield text[position:]


def _read(source: str, body: str, number: int) -> Expression:
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"An expression must be at most {MAX_LENGTH:,} characters.", number)
    if not body.strip():
        raise ExpressionError("The expression is empty. Name a value in it.", number)
    if sum(body.count(mark) for mark in "([{") > MAX_NESTING:
        raise ExpressionError("The expression is nested too deeply.", number)
    try:
        parser = Parser(_ENVIRONMENT, body, state="variable")
        node = parser.parse_expression()
        if not parser.stream.eos:
            word = str(parser.stream.current.value)
            raise ExpressionError(
                f"{word[:40]!r} isn't allowed here. Is an operator or a | missing before it?",
                number,
            )
        names: list[tuple[Name, int]] = []
        _ExpressionReader(source, number, names).check(node)
    except TemplateSyntaxError as error:
        reason = re.sub(r" at \d+$", "", str(error.message or "it is incomplete").rstrip("."))
        reason = re.sub(r"'?end of (?:template|print statement)'?", "end", reason)
        raise ExpressionError(f"The expression can't be read: {reason}.", number) from None
    except (RecursionError, ValueError, OverflowError):
        raise ExpressionError("The expression can't be read.", number) from None
    return Expression(source, number, node, tuple(names))


class _ExpressionReader:
    """Checks that an expression contains only allowed nodes, and collects the names it reads."""

    def __init__(self, source: str, number: int, names: list[tuple[Name, int]]) -> None:
        self.source, self.number, self.names = source, number, names
        self.count = 0

    def check(self, node: nodes.Expr, depth: int = 0) -> None:
        self.count += 1
        if self.count > MAX_NODES or depth > MAX_NESTING:
            raise self._error("The expression is too large. Split it in two.")
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            self._name(node)
        elif isinstance(node, nodes.Const):
            bounded(node.value)
        elif isinstance(node, nodes.Filter):
            self._filter(node, depth)
        elif isinstance(node, nodes.Compare):
            self.check(node.expr, depth + 1)
            for operand in node.ops:
                self.check(operand.expr, depth + 1)
        elif type(node) in _PLAIN:
            for child in node.iter_child_nodes():
                assert isinstance(child, nodes.Expr)
                self.check(child, depth + 1)
        else:
            raise self._error(_REFUSED.get(type(node), "This can't be used in an expression."))

    def _name(self, node: nodes.Expr) -> None:
        path = path_of(node)
        if path is None:
            raise self._error(
                "Only names such as params.period or tasks.extract.outputs.rows can have parts, "
                "and a part in [ ] must be a quoted text or a position."
            )
        self.names.append((path, self._find(rf"\b{re.escape(str(path[0]))}\b", path)))

    def _filter(self, node: nodes.Filter, depth: int) -> None:
        at = self._find(rf"\|\s*({re.escape(node.name)})\b")
        known = FILTERS.get(node.name)
        if known is None or node.node is None:
            raise ExpressionError(
                f"There is no filter {node.name[:60]}{near(node.name, FILTERS)}. Available: "
                f"{', '.join(FILTERS)}.",
                self.number,
                at,
                "unknown_filter",
            )
        least, most = known.arguments
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not least <= len(node.args) <= most:
            wanted = str(least) if least == most else f"{least} or {most}"
            raise ExpressionError(
                f"The filter {node.name} takes {wanted} argument{'s' * (wanted != '1')}, by "
                f"position: {known.example}",
                self.number,
                at,
            )
        for child in (node.node, *node.args):
            self.check(child, depth + 1)

    def _find(self, pattern: str, path: Name = ()) -> int:
        # The parser reports no columns: search the source, taking repeated names in order.
        same = sum(1 for name, _ in self.names if path and name[0] == path[0])
        found = list(re.finditer(pattern, self.source))
        if not found:
            return 0
        match = found[min(same, len(found) - 1)]
        return match.start(match.lastindex or 0)

    def _error(self, message: str) -> ExpressionError:
        return ExpressionError(message, self.number)


_PLAIN: frozenset[type[nodes.Node]] = frozenset(
    {
        nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Neg, nodes.Pos, nodes.Not, nodes.And,
        nodes.Or, nodes.CondExpr, nodes.Concat,
    }
)  # fmt: skip
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Call: "Nothing can be called in an expression. Use filters to change values: {{ x | upper }}.",
    nodes.Test: "`is` can't be used. Compare with ==, or use | default(…).",
    nodes.List: "Lists can't be written in an expression.",
    nodes.Tuple: "Lists can't be written in an expression.",
    nodes.Dict: "Objects can't be written in an expression.",
    nodes.Pow: "Powers can't be used.",
    nodes.FloorDiv: "// can't be used; / and | round can.",
    nodes.Mod: "% can't be used.",
}
