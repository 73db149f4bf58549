"""Finding the driver's socket affects nothing else in the process."""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from wb_server.connectors.postgres.inflow import Inflow

_TRY = (
    "import fcntl, sys\n"
    "file = open(sys.argv[1], 'r+b')\n"
    "try: fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    "except OSError: print('locked')\n"
    "else: print('free')\n"
)


def others_see(path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _TRY, str(path)], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_locks_on_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "locked"
    with path.open("w+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert others_see(path) == "locked"
        assert Inflow.of(("127.0.0.1", 1), 2) is None
        assert others_see(path) == "locked"
        # Control: closing a duplicated descriptor releases the lock.
        os.close(os.dup(file.fileno()))
        assert others_see(path) == "free"


def test_sqlite_keeps_its_database_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table t (a)")
        database.execute("begin immediate")
        database.execute("insert into t values (1)")
        assert Inflow.of(("127.0.0.1", 1), 2) is None
        other = (
            "import sqlite3, sys\n"
            "there = sqlite3.connect(sys.argv[1], timeout=0)\n"
            "try: there.execute('begin immediate')\n"
            "except sqlite3.OperationalError as error: print(error)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", other, str(path)], capture_output=True, text=True, check=True
        )
        assert "locked" in done.stdout


def test_the_connection_is_found_among_all_open_descriptors() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        peer: tuple[str, int] = server.getsockname()[:2]
        accepted: list[socket.socket] = []
        accepting = threading.Thread(
            target=lambda: accepted.extend(server.accept()[0] for _ in range(2))
        )
        accepting.start()
        with closing(socket.create_connection(peer)), closing(socket.create_connection(peer)) as it:
            accepting.join()
            before = sorted(os.listdir("/proc/self/fd"))
            inflow = Inflow.of(peer, it.getsockname()[1])
            assert inflow is not None
            inflow.begin()
            accepted[1].sendall(b"x" * 1000)
            assert it.recv(1000)
            inflow.end()
            assert not inflow.flooded
            inflow.close()
            assert sorted(os.listdir("/proc/self/fd")) == before
        for each in accepted:
            each.close()
