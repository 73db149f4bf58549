"""Corpora of statements, and the outcome of each: it passes, is refused, differs, or doesn't run.

A corpus file holds statements separated by lines ``---``. A statement starts with its title in a
comment, ``-- title`` or ``-- hard: title``; hard ones are counted separately. A second comment line
``-- varies`` marks rows that differ from run to run (clocks, random numbers, plans); ``-- allows
schema.name, …`` names the database's own functions that the connection allows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wb_server.gate.models import DialectName, Statement
from wb_server.gate.statement import analyse, routine_names
from wb_server.kit.errors import WorkbenchError

FOLDER = Path(__file__).parents[2] / "security" / "honest"
_TITLE = re.compile(r"-- (hard: )?(.+)")


@dataclass(frozen=True)
class Case:
    """One statement of a corpus, with its comments."""

    title: str
    sql: str
    hard: bool = False
    varies: bool = False
    allows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """An engine's answer: names and types of the columns, the rows as text, the count of changes."""

    columns: tuple[str, ...]
    types: tuple[Any, ...]
    rows: tuple[tuple[Any, ...], ...]
    changed: int | None = None


class Engine(Protocol):
    """A native session with the same settings as the connector's."""

    def run(self, sql: str) -> Answer:
        """Runs one statement and rolls it back.

        Raises:
            EngineError: the engine's own message.
        """


class EngineError(Exception):
    """The engine refused a statement."""


@dataclass
class Tally:
    """The outcomes of the statements, plain and hard ones separately."""

    total: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    refused: dict[bool, list[str]] = field(default_factory=lambda: {False: [], True: []})
    different: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def rate(self, hard: bool) -> float:
        """The fraction of the statements that is refused, from 0 to 1."""
        return len(self.refused[hard]) / max(1, self.total[hard])

    def line(self) -> str:
        """Both rates as one line."""
        parts = []
        for hard, name in ((False, "plain"), (True, "hard")):
            if self.total[hard]:
                count, rate = len(self.refused[hard]), 100 * self.rate(hard)
                parts.append(f"{self.total[hard]} {name}, {count} refused ({rate:.1f} %)")
        return "; ".join(parts) + f"; {len(self.different)} with another result"


def cases(path: Path) -> list[Case]:
    """The statements of a corpus file.

    Raises:
        ValueError: a statement has no title.
    """
    found = []
    for part in re.split(r"(?m)^---\n", path.read_text(encoding="utf-8")):
        sql = part.strip()
        title = _TITLE.match(sql)
        if title is None:
            raise ValueError(f"{path.name}: a statement has no title: {sql[:60]}")
        hard, words = title.groups()
        varies = "\n-- varies\n" in sql
        allows = re.search(r"\n-- allows (.+)\n", sql)
        names = tuple(allows[1].split(", ")) if allows else ()
        found.append(Case(words, sql, hard is not None, varies, names))
    return found


def corpus(dialect: str) -> list[Case]:
    """The corpus of a dialect."""
    return cases(FOLDER / f"{dialect}.sql")


def judge(each: Iterable[Case], dialect: DialectName, engine: Engine) -> Tally:
    """Runs statements as written and as rendered, and compares the answers."""
    tally = Tally()
    for case in each:
        try:
            written = engine.run(case.sql)
        except EngineError as error:
            tally.broken.append(f"{case.title}: doesn't run as written: {error}")
            continue
        look(case, dialect, tally, lambda it, as_written=written: _compare(it, as_written, engine))
    return tally


def look(
    case: Case,
    dialect: DialectName,
    tally: Tally,
    compare: Callable[..., str] | None = None,
) -> None:
    """Counts one statement: whether the gate allows it and, with ``compare``, its answer agrees."""
    tally.total[case.hard] += 1
    try:
        statement = analyse(case.sql, dialect, routines=routine_names(case.allows, dialect))
    except WorkbenchError as error:
        tally.refused[case.hard].append(f"{case.title}: {error.code}: {error.message}")
        return
    if compare is not None and (difference := compare((case, statement))):
        tally.different.append(f"{case.title}: {difference}\n  rendered: {statement.sql}")


def _compare(it: tuple[Case, Statement], written: Answer, engine: Engine) -> str:
    case, statement = it
    try:
        rendered = engine.run(statement.sql)
    except EngineError as error:
        return f"the rendered text fails: {error}"
    if rendered.columns != written.columns:
        return f"columns {rendered.columns} instead of {written.columns}"
    if rendered.types != written.types:
        return f"types {rendered.types} instead of {written.types}"
    # Only the database knows whether a procedure answers.
    if written.columns and not (statement.returns_rows or statement.sql.startswith("CALL ")):
        return f"returns_rows is {statement.returns_rows}"
    if case.varies:
        return ""
    rows, expected = list(rendered.rows), list(written.rows)
    if "order by" not in case.sql.lower():
        rows, expected = sorted(rows, key=repr), sorted(expected, key=repr)
    if rows != expected:
        return f"rows {str(rows)[:300]} instead of {str(expected)[:300]}"
    if rendered.changed != written.changed:
        return f"{rendered.changed} rows changed instead of {written.changed}"
    return ""


# Scripts from elsewhere -------------------------------------------------------------------------

_PIECES = {
    # Strings, quoted names, comments and semicolons; only MySQL escapes with a backslash.
    "mysql": r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`(?:[^`]|``)*`|--\s[^\n]*|#[^\n]*"
    r"|/\*.*?\*/|;",
    "": r"\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/"
    r"|\$(\w*)\$.*?\$\1\$|;",
}


def statements(text: str, dialect: str) -> Iterator[str]:
    """The statements of a script, split at ``;`` outside of quotes or at lines ``---``."""
    text = re.sub(r"(?m)^---\s*$", "\n;\n", text)
    text = re.sub(r"(?m)^\\.*$", "", text)  # psql's own commands
    pieces = re.compile(_PIECES.get(dialect, _PIECES[""]), re.DOTALL)
    begin = 0
    for piece in pieces.finditer(text):
        if piece.group() == ";":
            yield from _unless_empty(text[begin : piece.start()], pieces)
            begin = piece.end()
    yield from _unless_empty(text[begin:], pieces)


def _unless_empty(sql: str, pieces: re.Pattern[str]) -> Iterator[str]:
    """Yields the text unless it consists of comments only."""
    bare = pieces.sub(lambda it: "" if it.group()[:2] in ("--", "/*") else it.group(), sql)
    if bare.strip():
        yield sql.strip()
