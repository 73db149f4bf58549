"""Creates the processes in which DuckDB runs: each for one statement.

``process.py`` is the program that runs in them, and documents their protocol. All connectors that
read through DuckDB share them.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from ...kit.forking import Forked, Nursery
from .errors import no_temporary_files
from .sheets import Sheets

_PROGRAM: Final = [str(Path(__file__).with_name("process.py"))]


class Workers:
    """Creates processes, one for each statement.

    Attributes:
        sheets: the sheets of workbooks that were read.

    Args:
        warm: True to start the nursery now (about 90 MB); otherwise the first statement starts it
            and waits for it.
        memory_limit: the memory limit of one statement, in DuckDB's notation.
        threads: the number of threads of one statement.
        temporary: the folder for statements' temporary files; ``None`` allows none. It is created,
            and cleared of leftovers of earlier processes.
    """

    def __init__(
        self,
        *,
        warm: bool = False,
        memory_limit: str = "1GB",
        threads: int = 2,
        temporary: Path | None = None,
    ) -> None:
        self._limits = {"memory_limit": memory_limit, "threads": threads}
        self._temporary = temporary.absolute() if temporary is not None else None
        if self._temporary is not None:
            _tidy(self._temporary)
        self._nursery = Nursery(_PROGRAM, warm=warm)
        self.sheets = Sheets(self._temporary)

    def take(self) -> Forked:
        """Forks a process that waits for its request; the caller discards it.

        Raises:
            OSError: no process could be started.
        """
        return self._nursery.fork()

    def send(self, worker: Forked, sql: str, source: dict[str, Any], temp_bytes: int = 0) -> None:
        """Sends a statement to a process.

        Args:
            worker: the process.
            sql: the statement.
            source: what it reads, as defined in ``process.py``.
            temp_bytes: the size of temporary files that it may write; 0 for none.

        Raises:
            OSError: the process has ended.
            Unavailable: temporary files can't be written.
        """
        request: dict[str, Any] = {"sql": sql, "source": source, **self._limits}
        folder = None
        if self._temporary is not None and temp_bytes:
            try:
                folder = Path(tempfile.mkdtemp(prefix=f"query-{os.getpid()}-", dir=self._temporary))
            except OSError:
                raise no_temporary_files() from None
            request["temporary"] = {"folder": str(folder), "bytes": temp_bytes}
        worker.send(request, folder)

    def close(self) -> None:
        """Ends the nursery, and removes what is kept."""
        self._nursery.close()
        self.sheets.close()


def _tidy(folder: Path) -> None:
    """Creates the folder for temporary files, and removes leftovers of processes that have ended."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        found = re.match(r"(?:query|sheets)-(\d+)-", left.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
