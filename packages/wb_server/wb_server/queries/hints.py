"""Makes a source's errors easier to act on: adds similar names and the position in the statement."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Sequence

from ..connectors.base import Session
from ..gate.dialects.tables import TableRef
from ..kit.errors import WorkbenchError

log = logging.getLogger(__name__)

# The maximum number of the statement's tables whose columns are searched for similar names.
_MAX_TABLES = 5


def add_similar_names(
    error: WorkbenchError, tables: Sequence[TableRef], open_catalog: Callable[[], Session]
) -> None:
    """Adds similar names to an error about an unknown table or column.

    Args:
        tables: the tables of the statement.
        open_catalog: opens a session that reads the catalog as the actor may see it; called only if
            there is something to look up.
    """
    if error.code not in ("unknown_table", "unknown_column") or "name" not in error.details:
        return
    wanted = str(error.details["name"]).split(".")[-1]
    # A failure here must never hide the error that it would explain.
    try:
        with open_catalog() as session:
            if error.code == "unknown_table":
                names = [table.name for table in session.tables(None)]
            else:
                names = [
                    column.name
                    for table in tables[:_MAX_TABLES]
                    for column in session.columns(table.schema, table.name)
                ]
    except Exception:
        log.debug("no similar names for %s", error.code, exc_info=True)
        return
    near = difflib.get_close_matches(wanted, dict.fromkeys(names), n=3, cutoff=0.5)
    error.details["near"] = near
    if near:
        either = " or ".join(f"“{name}”" for name in near)
        error.message = f"{error.message.rstrip('.')}. Did you mean {either}?"


def translate_position(error: WorkbenchError, written: str, sent: str) -> None:
    """Translates an error's position into the statement as the user wrote it.

    The source's position refers to the statement that was sent, which the gate has re-rendered. So the
    name that the error is about is looked up in the original; if it isn't found, the position is removed,
    since none is better than a wrong one. A line in a file is kept: it isn't in the statement.
    """
    if "statement" in error.details:
        return  # one of several: its line is already that of the text
    if "line" not in error.details or "file" in error.details or written == sent:
        return
    del error.details["line"]
    error.details.pop("column", None)
    name = str(error.details.get("name") or "").split(".")[-1]
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", written, re.IGNORECASE) if name else None
    if found:
        before = written[: found.start()]
        error.details["line"] = before.count("\n") + 1
        error.details["column"] = found.start() - (before.rfind("\n") + 1) + 1
