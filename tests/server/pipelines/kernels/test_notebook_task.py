"""Notebook tasks in real kernels of this machine: how they end, and what is kept of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import nbformat
import psutil
import pytest
import support
from nbformat.v4 import new_code_cell, new_markdown_cell
from support.notebooks import Attempts, notebook
from support.wait import wait_for

from wb_server.kit.errors import Unavailable
from wb_server.pipelines.kernels import driver

pytestmark = pytest.mark.slow


@pytest.fixture
def frequent_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves are frequent enough to wait for."""
    monkeypatch.setattr(driver, "SAVE_SECONDS", 0.1)


def gone(pid: int) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return check


def printed(recorded: object, pattern: str) -> Callable[[], re.Match[str] | None]:
    """Looks for a pattern in the notebook as it is saved while it runs."""

    def look() -> re.Match[str] | None:
        for content, _ in reversed(recorded.saves):  # type: ignore[attr-defined]
            if found := re.search(pattern, content.decode()):
                return found
        return None

    return look


def test_a_notebook_runs_with_parameters_and_a_helper(attempts: Attempts) -> None:
    ran = attempts.run(
        new_markdown_cell("# Report"),
        new_code_cell("period = None\nrows = 0", metadata={"tags": ["parameters"]}),
        "import os, lib.helper\nfrom pathlib import Path\nprint(period, lib.helper.double(rows))",
        "import wb\nwb.output('rows', lib.helper.double(rows))\n"
        "wb.output('period', period)\n"
        "wb.output('folder', os.getcwd())\n"
        "wb.output('attempt', os.environ['WORKBENCH_ATTEMPT'])",
        "wb.output('rows', {'eu': [1, None, 2.5]})",
        "   ",
        files={"lib/helper.py": b"def double(x):\n    return 2 * x\n", "data.csv": b"a,b\n"},
        parameters={"period": date(2026, 7, 1), "rows": 21},
    )
    outputs = dict(ran.outputs)
    folder = Path(outputs.pop("folder"))
    attempt = outputs.pop("attempt")
    assert outputs == {"rows": {"eu": [1, None, 2.5]}, "period": "2026-07-01"}
    assert ran.recorded.text(3) == "2026-07-01 42\n"
    # The kernel was recorded before any code ran, and its folder is deleted with it.
    assert [each["attempt"] for each in ran.recorded.kernels] == [attempt]
    wait_for(lambda: not folder.exists())
    # Five cells run: the markdown and the empty one don't, the one with the parameters does.
    assert [step[:2] for step in ran.recorded.steps] == [(n, 5) for n in range(6)]
    cells = ran.recorded.last.cells
    assert [cell.get("execution_count") for cell in cells] == [None, 1, 2, 3, 4, 5, None]
    assert cells[2].metadata["tags"] == ["injected-parameters"]
    times = cells[3].metadata["execution"]
    busy, idle = (
        datetime.fromisoformat(times[f"iopub.status.{state}"]) for state in ("busy", "idle")
    )
    assert busy <= datetime.fromisoformat(times["iopub.execute_input"]) <= idle
    assert ran.recorded.last.metadata.language_info.name == "python"


def test_changed_packages_are_logged(attempts: Attempts) -> None:
    ran = attempts.run("1", files={".packages.txt": b"ipykernel==1.0\n"})
    warning = "Installed packages differ from when this version was saved: ipykernel 1.0, now "
    assert [line.startswith(warning) for line in ran.recorded.lines] == [True]


def test_a_failing_cell_fails_the_task(attempts: Attempts) -> None:
    ran = attempts.run("x = 1", "print('before')\n{}['eu']", "print('never')")
    error = ran.error
    assert (error.code, error.retry) == ("cell_failed", True)
    assert error.message == "Cell 2 of 3 failed: KeyError: 'eu'"
    assert {key: error.details[key] for key in ("cell", "cells", "ename", "index")} == {
        "cell": 2,
        "cells": 3,
        "ename": "KeyError",
        "index": 1,
    }
    done, failed, never = ran.recorded.last.cells
    assert failed.id == error.details["cell_id"]
    assert [out.output_type for out in failed.outputs] == ["stream", "error"]
    assert done.execution_count == 1
    assert (never.execution_count, never.outputs) == (None, [])


def test_an_expected_error_does_not_fail_the_task(attempts: Attempts) -> None:
    expected = new_code_cell("1/0", metadata={"tags": ["raises-exception"]})
    ran = attempts.run(expected, "print('after')")
    assert ran.outputs == {}
    assert ran.recorded.text() == "after\n"


def test_old_outputs_are_not_kept(attempts: Attempts) -> None:
    book = nbformat.reads(notebook("x = 1", "1/0", "y = 1").decode(), as_version=4)
    for cell in book.cells:
        cell.outputs = [nbformat.v4.new_output("stream", text="old")]
        cell.execution_count = 77
    attempt, recorded = attempts.attempt({"n.ipynb": nbformat.writes(book).encode()})
    attempts.end(attempt, recorded)
    assert "old" not in recorded.saves[-1][0].decode()
    assert [cell.execution_count for cell in recorded.last.cells] == [1, 2, None]


def test_a_kernel_that_dies_fails_the_task(attempts: Attempts) -> None:
    ran = attempts.run("x = 1", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "y = 1")
    assert (ran.error.code, ran.error.retry) == ("kernel_died", True)
    assert "ran out of memory" in ran.error.message
    assert (ran.error.details["cell"], ran.error.details["exit_status"]) == (2, -9)
    (shown,) = ran.recorded.last.cells[1].outputs
    assert (shown.ename, shown.evalue) == ("DeadKernelError", ran.error.message)


def test_a_kernel_that_exits_fails_the_task(attempts: Attempts) -> None:
    ran = attempts.run("import os\nos._exit(3)")
    assert ran.error.code == "kernel_died"
    assert "status 3" in ran.error.message


def test_a_cell_over_its_timeout_fails_the_task(attempts: Attempts) -> None:
    ran = attempts.run(
        "import os; print('pid', os.getpid(), flush=True)\nimport time\nwhile True: time.sleep(1)",
        cell_timeout="1s",
    )
    assert (ran.error.code, ran.error.details["cell"]) == ("cell_timeout", 1)
    pid = int(re.findall(r"pid (\d+)", ran.recorded.text())[0])
    assert gone(pid)()
    assert ran.recorded.last.cells[0].outputs[-1].ename == "CellTimeoutError"


def test_a_notebook_that_prints_endlessly_can_be_stopped(
    attempts: Attempts, frequent_saves: None
) -> None:
    cell = (
        "import os, time\nprint('pid', os.getpid(), flush=True)\n"
        "while True: print('x' * 10_000); time.sleep(0.001)"
    )
    attempt, recorded = attempts.attempt({"n.ipynb": notebook(cell, "y = 1")})
    running = attempts.begin(attempt, recorded)
    pid = int(wait_for(printed(recorded, r"pid (\d+)"))[1])  # type: ignore[index]
    wait_for(printed(recorded, r"MiB of earlier output was dropped"), 60)
    attempt.hang_up.now()
    ran = running.ended(20)
    assert (ran.error.code, ran.error.retry) == ("stopped", False)
    assert gone(pid)()
    assert len(recorded.saves[-1][0]) < 12 * 2**20
    # The kernel's own report of the interrupt may come after too much output to wait for.
    assert recorded.last.cells[0].outputs[-1].ename in ("KeyboardInterrupt", "Stopped")


def test_text_is_kept_to_its_end_and_other_large_outputs_are_left_out(attempts: Attempts) -> None:
    ran = attempts.run(
        "print('x' * 70_000_000 + 'end')",
        "for n in range(80): print(str(n % 10) * 1_000_000)",
        "from IPython.display import HTML, display\ndisplay(HTML('x' * 70_000_000))\nprint('after')",
    )
    assert ran.outputs == {}
    first, second, third = (ran.recorded.text(cell) for cell in range(3))
    assert first.endswith("xend\n")
    assert second.endswith("9\n")
    assert all("of earlier output was dropped" in each[:200] for each in (first, second))
    assert re.fullmatch(r"\[An output of 66 MiB was left out\. .*\]\nafter\n", third)
    assert len(ran.recorded.saves[-1][0]) < 22 * 2**20


def test_a_cell_that_ignores_interrupts_is_killed(attempts: Attempts, frequent_saves: None) -> None:
    cell = (
        "import os, subprocess, sys, time\n"
        "own = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)\n"
        "print('pids', os.getpid(), own.pid, flush=True)\n"
        "while True:\n"
        "    try:\n"
        "        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        print('no')"
    )
    attempt, recorded = attempts.attempt({"n.ipynb": notebook(cell)})
    running = attempts.begin(attempt, recorded)
    pids = wait_for(printed(recorded, r"pids (\d+) (\d+)"))
    attempt.hang_up.now()
    assert running.ended(20).error.code == "stopped"
    # Its child had a session of its own, and was killed as well.
    assert [gone(int(pid))() for pid in pids.groups()] == [True, True]  # type: ignore[union-attr]
    assert recorded.last.cells[0].outputs[-1].ename == "Stopped"


def test_a_notebook_can_be_stopped_before_it_starts(attempts: Attempts) -> None:
    attempt, recorded = attempts.attempt({"n.ipynb": notebook("x = 1")})
    attempt.hang_up.now()
    assert attempts.end(attempt, recorded).error.code == "stopped"
    assert recorded.saves == [] or recorded.last.cells[0].execution_count is None


def test_an_image_is_kept_and_cleared_output_is_not(attempts: Attempts) -> None:
    ran = attempts.run(
        "from IPython.display import HTML, clear_output, display\n"
        "print('first'); clear_output(); display(HTML('<b>last</b>'))\n"
        "shown = display('a', display_id='x')\nshown.update('b')",
    )
    assert ran.outputs == {}
    html, updated = ran.recorded.last.cells[0].outputs
    assert html.data["text/html"] == "<b>last</b>"
    assert updated.data["text/plain"] == "'b'"


def test_outputs_that_are_too_large_together_fail_the_task(attempts: Attempts) -> None:
    ran = attempts.run("import wb\nfor n in range(9): wb.output(f'x{n}', 'y' * 60_000)")
    assert (ran.error.code, ran.error.retry) == ("outputs_too_large", False)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "bad_notebook"),
        (b"\xff\xfe", "bad_notebook"),
        (b"[]", "bad_notebook"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{}]}', "bad_notebook"),
        (b"[" * 200_000, "bad_notebook"),
        (notebook("1", kernel="cobol"), "unknown_kernel"),
    ],
)
def test_an_invalid_notebook_fails_the_task(attempts: Attempts, content: bytes, code: str) -> None:
    attempt, recorded = attempts.attempt({"n.ipynb": content})
    ran = attempts.end(attempt, recorded)
    assert (ran.error.code, ran.error.retry) == (code, False)
    assert recorded.saves == []


def test_a_missing_notebook_fails_the_task(attempts: Attempts) -> None:
    attempt, recorded = attempts.attempt({"other.ipynb": b"{}"})
    error = attempts.end(attempt, recorded).error
    assert (error.code, error.retry) == ("missing_notebook", False)
    assert "n.ipynb" in error.message


def test_a_notebook_of_an_old_format_runs(attempts: Attempts) -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "metadata": {},
                "cells": [
                    {
                        "cell_type": "code",
                        "collapsed": False,
                        "input": "print('old')",
                        "language": "python",
                        "metadata": {},
                        "outputs": [],
                        "prompt_number": 1,
                    }
                ],
            }
        ],
    }
    attempt, recorded = attempts.attempt({"n.ipynb": json.dumps(old).encode()})
    assert attempts.end(attempt, recorded).outputs == {}
    assert recorded.text() == "old\n"


def test_kernels_end_with_their_process(tmp_path: Path) -> None:
    script = (
        "from support.notebooks import Attempts\n"
        "from wb_server.pipelines.kernels.local import LocalKernels\n"
        "ran = Attempts(LocalKernels()).run('import os; print(os.getpid(), os.getcwd())')\n"
        "print(ran.recorded.text())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(support.__path__[0]).parent),
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    pid, folder = ended.stdout.split()
    assert Path(folder).is_relative_to(tmp_path)
    assert gone(int(pid))()
    # Its folder, and that of the warm kernel if there was one, are deleted.
    assert list(tmp_path.glob("wb-attempts-*/*")) == []
    assert not [
        each
        for each in psutil.process_iter(["environ"])
        if (each.info["environ"] or {}).get("TMPDIR") == str(tmp_path)
    ]


def test_a_failed_save_ends_the_attempt(attempts: Attempts, frequent_saves: None) -> None:
    attempt, recorded = attempts.attempt(
        {"n.ipynb": notebook("print('on', flush=True)\nimport time\ntime.sleep(600)")}
    )

    def full(content: bytes) -> None:
        if b"on\\n" in content:
            raise Unavailable("The disk for blobs is full.", code="disk_full")

    recorded.when_saved = full
    with pytest.raises(Unavailable):
        attempts.end(attempt, recorded)
