"""Reads the file of a notebook: whatever Lab opens is accepted, as far as a run needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode

from ...kit.failure import TaskFailed
from ...user_server.kernel_specs import WORKBENCH


def read(content: bytes, path: str) -> NotebookNode:
    """Reads a notebook of any version as nbformat 4, without its outputs.

    Raises:
        TaskFailed: it isn't a notebook (``bad_notebook``).
    """
    try:
        notebook: NotebookNode = nbformat.convert(nbformat.reader.reads(content.decode()), 4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
                cell.setdefault("metadata", NotebookNode()).pop("execution", None)
        _mend(notebook.setdefault("metadata", NotebookNode()))
        # Metadata that breaks the schema is left out: other tools write it, and Lab opens it.
        _, notebook = nbformat.validator.normalize(notebook, strip_invalid_metadata=True)
        nbformat.validate(notebook)
    except Exception as error:
        # nbformat raises arbitrary exceptions for files that aren't notebooks.
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise TaskFailed(
            "bad_notebook", f"{path} can't be read as a notebook: {reason[0][:200]}", retry=False
        ) from error
    return notebook


def kernel_of(notebook: NotebookNode, path: str) -> str:
    """The name of the kernel that a notebook asks for, or the default one.

    Raises:
        TaskFailed: it names none, and isn't in Python (``no_kernel_named``).
    """
    kernelspec = _mapping(notebook.metadata.get("kernelspec"))
    if kernelspec.get("name"):
        return str(kernelspec["name"])
    language = kernelspec.get("language") or _mapping(notebook.metadata.get("language_info")).get(
        "name"
    )
    if language and str(language).lower() not in ("python", "ipython"):
        raise TaskFailed(
            "no_kernel_named",
            f"{path} is in {str(language)[:50]} but doesn't name its kernel: choose one in Lab and "
            "save it, or set `kernel` in the task.",
            retry=False,
        )
    return WORKBENCH


def _mend(metadata: NotebookNode) -> None:
    """Completes what the schema requires of a kernelspec and a language, which not all tools write."""
    for key, required in (("kernelspec", ("name", "display_name")), ("language_info", ("name",))):
        if key not in metadata:
            continue
        found = NotebookNode(_mapping(metadata[key]))
        if not any(found.get(name) for name in (*required, "language")):
            del metadata[key]
            continue
        for name in required:
            if not isinstance(found.get(name), str):
                found[name] = ""
        metadata[key] = found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
