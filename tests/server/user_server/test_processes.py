"""All of a kernel's processes are found and ended, and never anyone else's."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import support
from support.notebooks import Attempts, notebook
from support.wait import wait_for

from wb_server.pipelines.kernels.local import LocalKernels
from wb_server.user_server import processes
from wb_server.user_server.processes import VARIABLE, Mark

pytestmark = pytest.mark.slow

SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of no kernel, in its own session."""
    process = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    yield process
    process.kill()
    process.wait(10)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def family_tree() -> Iterator[tuple[Mark, list[int]]]:
    """A process with a child, one in another session, and an orphan."""
    script = (
        "import os, subprocess, sys\n"
        f"sleep = [sys.executable, '-c', {SLEEP!r}]\n"
        "a = subprocess.Popen(sleep)\n"
        "b = subprocess.Popen(sleep, start_new_session=True)\n"
        "script = 'import os, subprocess, sys; '\\\n"
        "    'print(subprocess.Popen(sys.argv[1:], start_new_session=True).pid, flush=True)'\n"
        "c = subprocess.Popen([sys.executable, '-c', script, *sleep], stdout=subprocess.PIPE, text=True)\n"
        "lost = c.stdout.readline().strip(); c.wait()\n"
        "print(a.pid, b.pid, lost, flush=True)\n"
        f"{SLEEP}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, VARIABLE: "attempt-1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        pids = [int(part) for part in output.readline().split()]
    mark = Mark.of(process.pid)
    assert mark is not None
    try:
        yield mark, [process.pid, *pids]
    finally:
        process.kill()
        process.wait(10)


def test_all_processes_of_a_kernel_are_ended(bystander: subprocess.Popen[bytes]) -> None:
    with family_tree() as (mark, pids):
        found = {each.pid for each in processes.family(mark, "attempt-1")}
        assert found == set(pids)
        assert processes.end(mark, "attempt-1")
        assert not any(alive(pid) for pid in pids)
    assert alive(bystander.pid)


def test_orphans_of_a_dead_kernel_are_found_by_their_attempt(
    bystander: subprocess.Popen[bytes],
) -> None:
    with family_tree() as (_, pids):
        os.kill(pids[0], signal.SIGKILL)
        wait_for(lambda: not alive(pids[0]))
        assert processes.family(None, None) == set()
        assert {each.pid for each in processes.family(None, "attempt-1")} == set(pids[1:])
        assert processes.end(None, "attempt-1")
        assert not any(alive(pid) for pid in pids)
    assert alive(bystander.pid)


@pytest.mark.parametrize("pid", [0, 1, -1])
def test_impossible_process_ids_are_refused(pid: int) -> None:
    # Sessions that a process can't see all read as 0: their processes are strangers.
    with pytest.raises(ValueError):
        processes.end(Mark(pid, 0.0), "attempt-1")


def test_a_reused_process_id_is_another_process(bystander: subprocess.Popen[bytes]) -> None:
    mark = Mark.of(bystander.pid)
    assert mark is not None and mark.alive()
    before = Mark(mark.pid, mark.started - 1)
    assert not before.alive()


def test_the_next_attempt_ends_the_kernel_of_a_killed_worker(
    bystander: subprocess.Popen[bytes],
) -> None:
    cell = (
        "import os, subprocess, sys, time\n"
        f"own = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True)\n"
        "print('pids', os.getpid(), own.pid, flush=True)\n"
        "while True: time.sleep(1)"
    )
    script = (
        "import json\n"
        "from support.notebooks import Attempts, notebook\n"
        "from wb_server.pipelines.kernels import driver\n"
        "from wb_server.pipelines.kernels.local import LocalKernels\n"
        "driver.SAVE_SECONDS = 0.1\n"
        "attempts = Attempts(LocalKernels())\n"
        f"attempt, recorded = attempts.attempt({{'n.ipynb': notebook({cell!r})}})\n"
        "recorded.when_saved = lambda content: print(\n"
        "    json.dumps([recorded.kernels[-1], content.decode()]), flush=True)\n"
        "attempts.end(attempt, recorded)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(support.__path__[0]).parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    with worker.stdout as lines:
        for line in lines:
            reference, book = json.loads(line)
            if found := re.search(r"pids (\d+) (\d+)", book):
                break
        else:
            raise AssertionError("the cell did not run")
        worker.kill()
        worker.wait(10)
    pids = [int(pid) for pid in found.groups()]
    kernels = LocalKernels(spare=False)
    try:
        attempts = Attempts(kernels)
        look = "import os\nprint([os.path.exists(f'/proc/{pid}/exe') for pid in PIDS])"
        attempt, recorded = attempts.attempt(
            {"n.ipynb": notebook(f"PIDS = {pids}\n{look}")}, fence=2, earlier=[reference]
        )
        assert attempts.end(attempt, recorded).outputs == {}
        assert recorded.text() == "[False, False]\n"
    finally:
        kernels.close()
    wait_for(lambda: not any(alive(pid) for pid in pids))
    assert alive(bystander.pid)
