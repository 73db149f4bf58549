"""Processes in which DuckDB runs: each for one statement, then ended.

``process.py`` is what runs in them, and says what goes in and comes out. The connectors that read
through DuckDB share them.
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

_PROGRAM: Final = [str(Path(__file__).with_name("process.py"))]


class Workers:
    """Makes processes, each for a statement.

    Args:
        warm: start the nursery now, of about 90 MB; otherwise with the first statement, which waits
            for it.
        memory_limit: of one statement, as DuckDB writes it.
        threads: of one statement.
        temporary: where statements may write temporary files; ``None``: nowhere. It is made, and
            what an earlier process left in it is removed.
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

    def take(self) -> Forked:
        """A process that has had no request yet. Whoever takes it discards it.

        Raises:
            OSError: none can be made.
        """
        return self._nursery.fork()

    def send(self, worker: Forked, sql: str, source: dict[str, Any], temp_bytes: int = 0) -> None:
        """Asks a process for a statement's rows.

        Args:
            source: what it reads.
            temp_bytes: of temporary files that it may write; 0: none.

        Raises:
            OSError: it has gone.
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
        """Ends the nursery."""
        self._nursery.close()


def _tidy(folder: Path) -> None:
    """Makes the folder of temporary files, and removes what processes that are gone left there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        found = re.match(r"query-(\d+)-", left.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
