"""Servers that are started once per test run, however many processes the tests run in.

``borrow(name)`` yields one. When ``./wb test`` spreads the tests over processes, a separate process
holds the servers: it starts each on first use, and stops all of them when the run ends, even if the
run is killed. A run in a single process starts what it needs itself.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from running_hub import Running, start_up

from . import mariadb, postgres
from .browser import served
from .people import People, people_of
from .ports import ADDRESS
from .s3 import ObjectStore, fill_lake, object_store


@contextmanager
def _lake() -> Iterator[ObjectStore]:
    with object_store() as it:
        fill_lake(it)
        yield it


@contextmanager
def hub() -> Iterator[tuple[Running, People]]:
    """A running Workbench with the sample, and its users: one for each role, and one without a role."""
    with (
        tempfile.TemporaryDirectory(prefix="wb-hub-") as folder,
        start_up(Path(folder) / "data", "--sample") as running,
    ):
        yield running, people_of(running)


_SERVERS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "postgres": postgres.cluster,
    "mariadb": mariadb.server,
    "s3": _lake,
    "hub": hub,
    "browser": served,
}


@contextmanager
def borrow(name: str) -> Iterator[Any]:
    """Yields a server of the run; the object that describes it belongs to this process."""
    address = os.environ.get(ADDRESS)
    if address is None:
        with _SERVERS[name]() as it:
            yield it
        return
    with Client(address, "AF_UNIX") as ask:
        ask.send(name)
        failure, it = ask.recv()
    if failure:
        raise RuntimeError(f"{name}: {failure}")
    yield it


@contextmanager
def database(process: str | None) -> Iterator[postgres.Cluster]:
    """The run's PostgreSQL, with a separate database and superuser for this process.

    Args:
        process: the process's name; None if it is the only one.
    """
    with borrow("postgres") as it:
        if process is None:
            yield it
            return
        own = replace(
            it, user=f"owner_{process}", database=f"shop_{process}", password=secrets.token_hex(8)
        )
        with it.connect() as connection:
            connection.execute(f"create role {own.user} superuser login password '{own.password}'")
            connection.execute(f"create database {own.database} owner {own.user}")
        yield own


@contextmanager
def mysql_database(process: str | None) -> Iterator[mariadb.MariaDB]:
    """The run's MariaDB, with a separate database and a user with all privileges for this process."""
    with borrow("mariadb") as it:
        if process is None:
            yield it
            return
        own = replace(
            it, user=f"owner_{process}", database=f"shop_{process}", password=secrets.token_hex(8)
        )
        it.execute(
            f"create database {own.database} character set utf8mb4",
            f"create user {own.user}@'%' identified by '{own.password}'",
            f"grant all on *.* to {own.user}@'%' with grant option",
        )
        yield own


@contextmanager
def held() -> Iterator[None]:
    """Runs the process that holds the servers while the block runs."""
    with tempfile.TemporaryDirectory(prefix="wb-tests-") as folder:
        address = str(Path(folder) / "servers")
        process = subprocess.Popen(
            [sys.executable, "-m", "support.shared", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A new session: signals to the test run, such as Ctrl-C, must not reach the servers.
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        os.environ[ADDRESS] = address
        try:
            yield
        finally:
            del os.environ[ADDRESS]
            process.stdin.close()
            process.wait()
            process.stdout.close()


class _Holder:
    """Starts each server on first use."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._made: dict[str, Any] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def answer(self, connection: Connection) -> None:
        with connection, suppress(EOFError, BrokenPipeError):
            name = connection.recv()
            try:
                with self._locks[name]:
                    if name not in self._made:
                        self._made[name] = self._stack.enter_context(_SERVERS[name]())
                connection.send((None, self._made[name]))
            except Exception as error:
                connection.send((f"{type(error).__name__}: {error}", None))

    def listen(self, listener: Listener) -> None:
        while True:
            threading.Thread(target=self.answer, args=(listener.accept(),), daemon=True).start()


def main(address: str) -> None:
    """Holds servers until stdin closes, which happens at the latest when the parent process ends."""
    with Listener(address, "AF_UNIX") as listener, ExitStack() as stack:
        holder = _Holder(stack)
        threading.Thread(target=holder.listen, args=(listener,), daemon=True).start()
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1])
