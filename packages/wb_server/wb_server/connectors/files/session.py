"""One use of a folder: which of its files are tables, and where a process reads them."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...gate.permits import Permit
from ...kit.errors import Conflict, SourceFailed, WorkbenchError
from ..base import Target
from ..embedded.file_session import FileSession
from ..embedded.file_tables import FileTable, FileTables, is_hidden, name_tables
from ..embedded.options import Reading
from ..embedded.profiles import Profiles, State, is_settled, state_of
from ..embedded.workers import Workers


def find_tables(folder: Path, reading: Reading) -> FileTables:
    """The tables of a folder, without the sheets of workbooks.

    Raises:
        TooLarge: there are more than 10,000 files.
        SourceFailed: the folder can't be read.
    """
    try:
        return name_tables(_data_files(folder.resolve(), reading), reading.kind_of)
    except OSError:
        raise SourceFailed("The folder can't be read.", code="unreachable") from None


def _data_files(root: Path, reading: Reading) -> Iterator[tuple[str, str]]:
    """The data files: the path relative to the root, and the real path.

    Links to folders aren't followed.
    """

    def give_up(error: OSError) -> None:
        if error.filename == str(root):
            raise error

    for place, folders, names in os.walk(root, onerror=give_up):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(names):
            path = Path(place, name)
            below = path.relative_to(root).as_posix()
            if not is_hidden(name) and reading.concerns(below) and (real := _inside(path, root)):
                yield below, real


def _inside(path: Path, root: Path) -> str | None:
    """The real path of a file, or ``None`` if that is outside the folder, or a link leads nowhere."""
    try:
        real = path.resolve()
        return str(real) if real.is_relative_to(root) and real.is_file() else None
    except (OSError, RuntimeError):  # links in a circle
        return None


class FilesSession(FileSession):
    """One use of a folder.

    Args:
        folder: the real folder.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        target: Target,
        folder: Path,
        reading: Reading,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, target, reading, profiles)
        self._folder = folder
        self._states: dict[str, State] = {}

    def _find(self, seconds: float) -> FileTables:
        return find_tables(self._folder, self._reading)

    def _place(self, tables: Sequence[FileTable]) -> tuple[dict[str, Any], dict[str, str]]:
        return {"reads": [str(self._folder)]}, {
            path: path for table in tables for path in table.paths
        }

    def _state(self, path: str) -> Hashable:
        try:
            state = state_of(path)
        except OSError:
            raise SourceFailed("A file has disappeared.", code="source_failed") from None
        self._states[path] = state
        return state

    def _is_settled(self, state: State) -> bool:
        return is_settled(state)

    def _check_unchanged(self) -> None:
        for path, state in self._states.items():
            try:
                same = state_of(path) == state
            except OSError:
                same = False
            if not same:
                raise Conflict(
                    f"“{Path(path).name}” was changed while it was being read. Run the query "
                    "again.",
                    code="source_changed",
                )

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        return super()._explain(kind, message.replace(f"{self._folder}/", ""))
