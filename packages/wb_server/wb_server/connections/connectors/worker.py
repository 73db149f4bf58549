"""Processes in which DuckDB runs: each for one statement, then ended, with a few kept warm.

Starting one takes half a second, so the next one is started ahead. ``duckdb_worker`` is what runs in
them, and says what goes in and comes out. The connectors that read through DuckDB share them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from .worker_errors import no_temporary_files

_SCRIPT: Final = Path(__file__).with_name("duckdb_worker.py")


class Worker:
    """One process, waiting for its one request."""

    def __init__(self) -> None:
        endings, write_end = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_SCRIPT), str(write_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                cwd="/",
                pass_fds=(write_end,),
                start_new_session=True,
            )
        except BaseException:
            os.close(endings)
            raise
        finally:
            os.close(write_end)
        self._endings: IO[bytes] = os.fdopen(endings, "rb")
        self._temporary: Path | None = None

    def send(self, request: dict[str, Any], temporary: Path | None = None) -> None:
        """Asks it. Raises ``OSError`` when it has gone.

        Args:
            temporary: a folder of its own for temporary files, which goes with it.
        """
        self._temporary = temporary
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    @property
    def output(self) -> IO[bytes]:
        """Where its Arrow stream comes from."""
        assert self.process.stdout is not None
        return self.process.stdout

    def ending(self) -> dict[str, Any] | None:
        """What the process said last, or ``None`` when it went without a word."""
        try:
            return dict(json.loads(self._endings.readline()))
        except ValueError:
            return None

    def kill(self) -> None:
        """Ends it at once. Safe from any thread, more than once."""
        with suppress(OSError):
            self.process.kill()

    def discard(self) -> None:
        """Ends and reaps it."""
        self.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self._endings):
            with suppress(OSError, ValueError):
                assert pipe is not None
                pipe.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


class Workers:
    """Keeps a few processes warm, and starts the next one in the background.

    Args:
        spares: how many are kept warm; about 90 MB each.
        memory_limit: of one statement, as DuckDB writes it.
        threads: of one statement.
        temporary: where statements may write temporary files; ``None``: nowhere. It is made, and
            what an earlier process left in it is removed.
    """

    def __init__(
        self,
        spares: int = 1,
        *,
        memory_limit: str = "1GB",
        threads: int = 2,
        temporary: Path | None = None,
    ) -> None:
        self._limits = {"memory_limit": memory_limit, "threads": threads}
        self._temporary = temporary.absolute() if temporary is not None else None
        if self._temporary is not None:
            _tidy(self._temporary)
        self._number = spares
        self._warm: list[Worker] = []
        self._lock = threading.Lock()
        self._starting = False
        self._closed = False
        self._refill()

    def take(self) -> Worker:
        """A process that has had no request yet. Whoever takes it discards it."""
        with self._lock:
            worker = self._warm.pop(0) if self._warm else None
        self._refill()
        if worker is not None and worker.process.poll() is not None:
            worker.discard()
            worker = None
        return worker or Worker()

    def send(self, worker: Worker, sql: str, source: dict[str, Any], temp_bytes: int = 0) -> None:
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
        """Ends the warm ones, and keeps no more."""
        with self._lock:
            self._closed = True
            warm, self._warm = self._warm, []
        for worker in warm:
            worker.discard()

    def _refill(self) -> None:
        with self._lock:
            if self._starting or self._closed or len(self._warm) >= self._number:
                return
            self._starting = True
        threading.Thread(target=self._start, daemon=True, name="duckdb-spares").start()

    def _start(self) -> None:
        while True:
            try:
                worker = Worker()
            except OSError:
                worker = None
            with self._lock:
                if worker is None or self._closed:
                    self._starting = False
                    break
                self._warm.append(worker)
                if len(self._warm) >= self._number:
                    self._starting = False
                    return
        if worker is not None:
            worker.discard()


def _tidy(folder: Path) -> None:
    """Makes the folder of temporary files, and removes what processes that are gone left there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        found = re.match(r"query-(\d+)-", left.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)
