"""``wb`` commands as processes, forked from one that has imported the product.

Importing it takes more than a second of CPU, and tests of faults start hundreds of processes. From the
fork on, nothing differs from ``python -m wb_server.cli``: the process has its own environment, working
directory, output and exit status, and is killed like any other.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import IO, TextIO

_IMPORTED = [
    "support.command_imports",
    "wb_server.cli",
    "wb_server.hosts.service",
    "wb_server.hosts.worker",
    "wb_server.hosts.scheduler",
]
_forking = multiprocessing.get_context("forkserver")


class Command:
    """A running command; its members are those of ``subprocess.Popen``."""

    def __init__(self, process: BaseProcess, stdout: TextIO | None) -> None:
        self._process = process
        assert process.pid is not None
        self.pid = process.pid
        self.stdout = stdout

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Returns all output, once the process has ended."""
        assert self.stdout is not None
        with self.stdout as output:
            text = output.read()
        self.wait(timeout)
        return text, None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def start(
    arguments: Sequence[object],
    environment: Mapping[str, str],
    output: int | IO[bytes] | None = None,
) -> Command:
    """Starts a command.

    Args:
        arguments: those of ``wb``.
        environment: the process's whole environment.
        output: a file or descriptor for its output and errors; by default a pipe, read as text.
    """
    _forking.set_forkserver_preload(_IMPORTED)
    stdout = None
    if output is None:
        reading, writing = os.pipe()
        stdout = os.fdopen(reading)
    else:
        writing = os.dup(output if isinstance(output, int) else output.fileno())
    # A connection is duplicated for the process; a plain descriptor isn't.
    with Connection(writing, readable=False) as sent:
        words = list(map(str, arguments))
        process = _forking.Process(target=_run, args=(words, dict(environment), sent))
        process.start()
    return Command(process, stdout)


def _run(arguments: list[str], environment: dict[str, str], output: Connection) -> None:
    with output:
        for standard in (1, 2):
            os.dup2(output.fileno(), standard)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir("/")
    sys.argv = ["wb", *arguments]
    from wb_server import cli

    sys.exit(cli.main(arguments))
