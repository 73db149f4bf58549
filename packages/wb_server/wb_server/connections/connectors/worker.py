"""Processes in which DuckDB runs: each for one statement, then ended, with a few kept warm.

Starting one takes half a second, so the next one is started ahead. ``duckdb_worker`` is what runs in
them, and says what goes in and comes out. The connectors that read through DuckDB share them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

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

    def send(self, request: dict[str, Any]) -> None:
        """Asks it. Raises ``OSError`` when it has gone."""
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


class Workers:
    """Keeps a few processes warm, and starts the next one in the background.

    Args:
        spares: how many are kept warm; about 90 MB each.
        memory_limit: of one statement, as DuckDB writes it.
        threads: of one statement.
    """

    def __init__(self, spares: int = 1, *, memory_limit: str = "1GB", threads: int = 2) -> None:
        self._limits = {"memory_limit": memory_limit, "threads": threads}
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

    def request(self, sql: str, source: dict[str, Any]) -> dict[str, Any]:
        """What a process is asked: a statement, and what it reads."""
        return {"sql": sql, "source": source, **self._limits}

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
