"""Injects a task's parameters into a notebook as a cell, by papermill's convention.

The cell is tagged ``injected-parameters`` and follows the first cell tagged ``parameters``, or replaces
an injected cell that the notebook already has. papermill itself isn't used: it writes dates as text, and
would add a dozen packages to the worker.
"""

from __future__ import annotations

import datetime
import decimal
import keyword
import math
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from ...kit.failure import TaskFailed

TAG = "parameters"
INJECTED = "injected-parameters"
_MAX_DEPTH = 20


def inject(notebook: NotebookNode, parameters: Mapping[str, Any]) -> int:
    """Injects parameters into a notebook of nbformat 4.

    Returns:
        The index of the cell that sets them.

    Raises:
        TaskFailed: a name isn't a Python identifier, or a value has no literal (``bad_parameter``).
    """
    cell = new_code_cell(source(parameters), metadata={"tags": [INJECTED]})
    if notebook.nbformat_minor < 5:
        del cell["id"]
    at = _tagged(notebook, INJECTED)
    if at is not None:
        notebook.cells[at] = cell
        return at
    after = _tagged(notebook, TAG)
    at = 0 if after is None else after + 1
    notebook.cells.insert(at, cell)
    return at


def source(parameters: Mapping[str, Any]) -> str:
    """Python code that sets the parameters, one per line."""
    lines = ["# Parameters"]
    imports: set[str] = set()
    for name, value in parameters.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise TaskFailed(
                "bad_parameter", f"{name!r} isn't a valid parameter name.", retry=False
            )
        lines.append(f"{name} = {_literal(name, value, imports)}")
    # Imported under private names, which the notebook is unlikely to use.
    return "\n".join([*(f"import {module} as _{module}" for module in sorted(imports)), *lines])


def _literal(name: str, value: Any, imports: set[str], depth: int = 0) -> str:
    if depth > _MAX_DEPTH:
        raise TaskFailed(
            "bad_parameter", f"The parameter {name} is nested too deeply.", retry=False
        )
    match value:
        case None | bool() | int() | str():
            return repr(value)
        case float():
            return repr(value) if math.isfinite(value) else f'float("{value}")'
        case datetime.datetime():
            imports.add("datetime")
            return f'_datetime.datetime.fromisoformat("{value.isoformat()}")'
        case datetime.date():
            imports.add("datetime")
            return f"_datetime.date({value.year}, {value.month}, {value.day})"
        case decimal.Decimal():
            imports.add("decimal")
            return f'_decimal.Decimal("{value}")'
        case list() | tuple():
            items = [_literal(name, item, imports, depth + 1) for item in value]
            return f"[{', '.join(items)}]"
        case Mapping():
            pairs = [
                f"{_literal(name, key, imports, depth + 1)}: "
                f"{_literal(name, item, imports, depth + 1)}"
                for key, item in value.items()
            ]
            return f"{{{', '.join(pairs)}}}"
    raise TaskFailed(
        "bad_parameter",
        f"The parameter {name} is a {type(value).__name__}, which can't be written into a notebook.",
        retry=False,
    )


def _tagged(notebook: NotebookNode, tag: str) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if tag in cell.metadata.get("tags", ()):
            return index
    return None
