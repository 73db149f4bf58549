"""What a task uses outside itself, and the questions that a check asks about that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, Self

from .fields import Sql
from .problems import Path


@dataclass(frozen=True)
class ConnectionUse:
    """A connection that a task reads or writes.

    Attributes:
        path: the keys from the task to the name, to locate problems: ``("into", "connection")``.
    """

    connection: str
    write: bool
    path: Path = ("connection",)


@dataclass(frozen=True)
class FileUse:
    """A file of the pipeline's folder that a task needs."""

    name: str
    path: Path


@dataclass(frozen=True)
class ArtifactUse:
    """An artifact of another task that a task reads.

    Attributes:
        artifact: the task, a dot, the artifact's name.
        path: as in ``ConnectionUse``.
    """

    artifact: str
    path: Path


@dataclass(frozen=True)
class SqlUse:
    """A statement that a task runs.

    Attributes:
        sql: as written in the file, with expressions.
        path: as in ``ConnectionUse``.
        reads: whether it must be read-only.
        file: the file of the pipeline's folder that has the text instead.
    """

    connection: str
    sql: str
    path: Path
    reads: bool
    file: str | None = None

    @classmethod
    def of(cls, connection: str, sql: Sql, path: Path, *, reads: bool) -> Self:
        """The use of a spec's SQL."""
        return cls(connection, sql.text, path, reads, sql.file)


@dataclass(frozen=True)
class TaskProblem:
    """A mistake that a task spec finds in itself; ``path`` is relative to the task.

    Attributes:
        offset: the place in the text at ``path``, if the problem is only a part of it.
    """

    path: Path
    code: str
    message: str
    offset: int | None = None


@dataclass(frozen=True)
class StatementRefusal:
    """Why a statement may not run.

    Attributes:
        line, column: the place in the statement, from 1; 0 if it isn't known.
        parameter: the parameter that is the reason.
        statement: its number, if the text has several; the message then says so.
    """

    message: str
    line: int = 0
    column: int = 0
    parameter: str | None = None
    statement: int | None = None


class CheckContext(Protocol):
    """The questions that a check asks about the file's surroundings.

    Answers are for the account whose rights a run uses: the team, or else the pipeline's owner.
    """

    @property
    def files(self) -> Collection[str]:
        """The files of the pipeline's folder, as relative paths with ``/``."""

    def content(self, name: str) -> bytes | None:
        """The content of a file of the folder; None if it isn't known."""

    def connection(self, name: str, write: bool, team: str | None) -> str | None:
        """None if the account may read (or write) that connection; otherwise a sentence saying why not."""

    def statement(
        self, use: SqlUse, sql: str, parameters: Collection[str], team: str | None
    ) -> StatementRefusal | None:
        """None if the account may run the statement; otherwise why not.

        Args:
            sql: the statement with parameters instead of expressions.
        """

    def timeout(self, connection: str, seconds: float, team: str | None) -> str | None:
        """None if the account's statements on a connection may take that long; otherwise a sentence
        naming the limit."""

    def server(self, team: str | None) -> str | None:
        """None if the account has a server for user code; otherwise a sentence saying why not."""

    def run_as(self, team: str) -> str | None:
        """None if the pipeline may run as that team account; otherwise a sentence saying why not."""
