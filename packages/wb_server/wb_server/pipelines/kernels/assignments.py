"""Finds parameters that a notebook assigns itself, after they were set: the given value is then lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator

from nbformat import NotebookNode

# Lines of IPython, which aren't Python: magics, commands, help.
_IPYTHON_LINE = re.compile(r"^(\s*)[%!?].*$|^(\s*)\S.*\?$", re.MULTILINE)
_IPYTHON_VALUE = re.compile(r"=\s*[%!].*$", re.MULTILINE)


def assigned_later(notebook: NotebookNode, at: int, names: Collection[str]) -> Iterator[str]:
    """A warning for each of the names that a Python cell after the one at ``at`` replaces.

    A value that is computed from the given one, or assigned only where the name is tested before, is
    not replaced: so values are converted, and defaults set.
    """
    number, left = 0, set(names)
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        number += 1
        if index > at:
            found = [name for name in _replaced_in(cell.source) if name in left]
            for name in dict.fromkeys(found):
                left.discard(name)
                yield (
                    f"Warning: cell {number} assigns {name}, so the task's parameter {name} has no "
                    "effect from there on. Assign it only in a cell tagged `parameters`."
                )


def _replaced_in(source: str) -> list[str]:
    if source.lstrip().startswith("%%"):
        return []
    plain = _IPYTHON_LINE.sub(lambda found: f"{found[1] or found[2] or ''}pass", source)
    try:
        module = ast.parse(_IPYTHON_VALUE.sub("= None", plain))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return list(_replaced(module.body, frozenset()))


def _replaced(statements: Iterable[ast.stmt], seen: frozenset[str]) -> Iterator[str]:
    """The names that statements of a module assign without having read them.

    Args:
        seen: names that a condition around the statements has read.
    """
    for each in statements:
        match each:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield each.name
            case ast.Import() | ast.ImportFrom():
                yield from (name.asname or name.name.partition(".")[0] for name in each.names)
            case ast.If() | ast.While():
                inner = seen | _read(each.test)
                yield from _replaced([*each.body, *each.orelse], inner)
            case ast.Try() | ast.TryStar():
                inner = seen.union(*(_read(part) for part in each.body))
                handled = [part for handler in each.handlers for part in handler.body]
                yield from _replaced([*each.body, *each.orelse, *each.finalbody], seen)
                yield from _replaced(handled, inner)
            case ast.For() | ast.AsyncFor():
                yield from _stored(each.target) - _read(each.iter) - seen
                yield from _replaced([*each.body, *each.orelse], seen)
            case ast.With() | ast.AsyncWith():
                for item in each.items:
                    yield from _stored(item) - _read(item) - seen
                yield from _replaced(each.body, seen)
            case ast.Match():
                inner = seen | _read(each.subject)
                yield from _replaced([part for case in each.cases for part in case.body], inner)
            case ast.AugAssign():
                continue
            case _:
                yield from _stored(each) - _read(each) - seen


def _stored(node: ast.AST) -> set[str]:
    return {
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }


def _read(node: ast.AST) -> frozenset[str]:
    return frozenset(
        each.id
        for each in ast.walk(node)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    )
