"""What notebooks do that nobody watches: many outputs, an early end, failing commands, own folders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nbformat.v4 import new_code_cell
from support.notebooks import Attempts, notebook, stored

from wb_server.pipelines.kernels import client
from wb_server.pipelines.kernels.notebookfile import kernel_of, read
from wb_server.pipelines.tasks.base import TaskFailed

ENDED = "Cell 2 of 4 ended the notebook (exit): 2 cells were not run."


def test_a_kernel_imports_only_what_a_pipeline_needs(attempts: Attempts) -> None:
    ran = attempts.run(
        "import gc, os, sys, wb\n"
        "slow = 'debugpy', 'rich', 'pyarrow.compute'\n"
        "wb.output('imported', [name for name in slow if sys.modules.get(name)])\n"
        "wb.output('variable', 'WORKBENCH_UNATTENDED' in os.environ)\n"
        "wb.output('usual', gc.get_threshold()[0] < 10_000)\n"
        "import debugpy, httpx\n"
        "wb.output('debugger', bool(debugpy.listen and httpx.main))"
    )
    assert ran.outputs == {"imported": [], "variable": False, "usual": True, "debugger": True}


# --- outputs --------------------------------------------------------------------------------------


def test_ten_thousand_log_lines_are_kept_and_logged(attempts: Attempts) -> None:
    ran = attempts.run(
        "import logging, sys\n"
        "logging.basicConfig(stream=sys.stderr, level=logging.INFO)\n"
        "for n in range(10_000): logging.info('row %s', n)",
        "import wb\nwb.output('v', 1)",
    )
    assert ran.outputs == {"v": 1}
    expected = [f"INFO:root:row {n}" for n in range(10_000)]
    assert ran.recorded.text(0).splitlines() == expected
    assert ran.recorded.logged == ["Cell 1 of 2:", *expected]


def test_bars_and_updates_leave_their_last_state(attempts: Attempts) -> None:
    ran = attempts.run(
        "import sys\nfor n in range(1000): print(f'\\r{n}', end='', flush=True)",
        "shown = display(0, display_id=True)\nfor n in range(1000): shown.update(n)",
        "shown.update('updated in a later cell')",
        "from IPython.display import clear_output\n"
        "for n in range(1000): clear_output(wait=True); print(n, flush=True)",
        "for n in range(1000): display(n)",
    )
    assert ran.outputs == {}
    bar, update, _, cleared, many = (cell.outputs for cell in ran.recorded.last.cells)
    assert [out.text for out in bar] == ["999"]
    assert [out.data["text/plain"] for out in update] == ["'updated in a later cell'"]
    assert [out.text for out in cleared] == ["999\n"]
    assert len(many) == 1000
    assert ran.recorded.logged[:2] == ["Cell 1 of 5:", "999"]


def test_flushes_in_a_row_keep_the_order(attempts: Attempts) -> None:
    ran = attempts.run(
        "import sys\n"
        "for n in range(50):\n"
        "    print('out', n, flush=True)\n"
        "    print('err', n, file=sys.stderr, flush=True)\n"
        "for n in range(50):\n"
        "    print('before', n, flush=True)\n"
        "    display(n)",
        "print('x', flush=True)\nprint('last', flush=True)\n1/0",
    )
    assert ran.error.code == "cell_failed"
    both = [f"{name} {n}" for n in range(50) for name in ("out", "err")]
    shown = [f"before {n}" for n in range(50)]
    assert ran.recorded.logged[:154] == ["Cell 1 of 2:", *both, *shown, "Cell 2 of 2:", "x", "last"]
    outputs = ran.recorded.last.cells[0].outputs[-100:]
    assert [out.output_type for out in outputs] == ["stream", "display_data"] * 50
    assert [out.data["text/plain"] for out in outputs[1::2]] == [str(n) for n in range(50)]


def test_a_kernel_that_never_reports_its_end_does_not_fail_the_cell(
    attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "QUIET_SECONDS", 0.5)
    # Loses the status by which a cell ends, as a kernel may that drops what is not read in time.
    lose = (
        "kernel = get_ipython().kernel\n"
        "publish = kernel._publish_status\n"
        "def lossy(status, *args, **more):\n"
        "    return None if status == 'idle' else publish(status, *args, **more)\n"
        "kernel._publish_status = lossy\n"
        "print('kept', flush=True)"
    )
    ran = attempts.run(lose, "import wb\nwb.output('v', 1)")
    assert ran.outputs == {"v": 1}
    assert ran.recorded.text(0) == (
        "kept\n[The kernel did not send the end of this cell's output.]\n"
    )


def test_prints_and_tracebacks_are_in_the_log_in_order(attempts: Attempts) -> None:
    ran = attempts.run(
        "x = 1",
        "import sys\nprint('out', flush=True)\nprint('err', file=sys.stderr, flush=True)\n"
        "print('unfinished', end='')",
        "{}['eu']",
    )
    assert ran.error.code == "cell_failed"
    first, out, err, unfinished, third, *lines = ran.recorded.logged
    traceback = "\n".join(lines)
    assert [first, out, err, unfinished] == ["Cell 2 of 3:", "out", "err", "unfinished"]
    assert third == "Cell 3 of 3:"
    assert "----> 1 {}['eu']" in traceback
    assert traceback.endswith("KeyError: 'eu'")
    assert "\x1b" not in traceback


# --- an early end ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "exit()\nprint('never')",
        "quit",
        "import sys\ntry:\n    sys.exit(0)\nfinally:\n    pass\nprint('never')",
        "import helper\nhelper.leave()",
        new_code_cell("exit()", metadata={"tags": ["raises-exception"]}),
    ],
    ids=["exit", "quit", "sys.exit", "helper", "expected"],
)
def test_a_notebook_may_end_early(attempts: Attempts, cell: Any) -> None:
    files = {"helper.py": b"def leave():\n    exit()\n"}
    ran = attempts.run(
        "import wb\nwb.output('v', 1)\nopen('outputs/a.txt', 'w').close()",
        cell,
        "wb.output('v', 2)",
        "print('never')",
        files=files,
    )
    assert ran.outputs == {"v": 1}
    assert set(ran.artifacts) == {"a.txt"}
    assert ran.result.note == ENDED  # type: ignore[union-attr]
    assert ran.recorded.logged == [ENDED, "0 bytes into the artifact a.txt"]
    assert ran.recorded.steps[-1] == (2, 4, "ended in cell 2 of 4")
    assert ran.recorded.text(1) == f"[{ENDED}]\n"
    assert [len(cell.outputs) for cell in ran.recorded.last.cells] == [1, 1, 0, 0]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("exit(3)", "SystemExit: 3"),
        ("import sys\nsys.exit('no data')", "SystemExit: no data"),
    ],
)
def test_an_exit_with_another_status_fails_the_task(
    attempts: Attempts, cell: str, shown: str
) -> None:
    error = attempts.run("x = 1", cell, "y = 1").error
    assert (error.code, error.message) == ("cell_failed", f"Cell 2 of 3 failed: {shown}")


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["!exit 3", "found = !exit 3"])
def test_a_command_that_fails_fails_the_task(attempts: Attempts, cell: str) -> None:
    error = attempts.run(cell, "y = 1").error
    assert error.message == (
        "Cell 1 of 2 failed: CalledProcessError: Command 'exit 3' returned non-zero exit status 3."
    )


def test_failing_commands_can_be_ignored(attempts: Attempts) -> None:
    ran = attempts.run("!exit 3\n!echo on", ignore_command_errors=True)
    assert ran.outputs == {}
    assert ran.recorded.text() == "on\r\n"
    assert attempts.run("!false || true\n!true").outputs == {}


# --- folders and parameters -----------------------------------------------------------------------


def test_a_notebook_runs_in_its_own_folder(attempts: Attempts) -> None:
    cell = (
        "import helper, wb\n"
        "open('outputs/made.txt', 'w').write(open('inputs/extract/rows.txt').read())\n"
        "wb.output('is', [helper.WHOSE, open('data/a.csv').read(), open('../top.txt').read()])"
    )
    attempt, recorded = attempts.attempt(
        {
            "sub dir/n.ipynb": notebook(cell),
            "sub dir/helper.py": b"WHOSE = 'its own'",
            "sub dir/data/a.csv": b"a",
            "helper.py": b"WHOSE = 'of the folder above'",
            "top.txt": b"top",
        }
    )
    recorded.made = [stored("extract", "rows.txt", b"rows")]
    ran = attempts.end(attempt, recorded, notebook="sub dir/n.ipynb", needs=["extract"])
    assert ran.outputs == {"is": ["its own", "a", "top"]}
    assert set(ran.artifacts) == {"made.txt"}


def test_a_replaced_parameter_is_logged(attempts: Attempts) -> None:
    ran = attempts.run(
        "import wb",
        "period = '2020-01'\nregion = region.upper()",
        "wb.output('both', [period, region])",
        parameters={"period": "2026-07", "region": "eu"},
    )
    assert ran.outputs == {"both": ["2020-01", "EU"]}
    assert ran.recorded.logged == [
        "Warning: cell 3 assigns period, so the task's parameter period has no effect from there "
        "on. Assign it only in a cell tagged `parameters`."
    ]
    assert ran.recorded.last.cells[0].metadata["tags"] == ["injected-parameters"]


# --- files that other tools write -----------------------------------------------------------------


def written(metadata: Any) -> bytes:
    """A notebook with this metadata, as a tool may write it."""
    cell = {"cell_type": "code", "source": ["import wb\n", "wb.output('v', 1)"]}
    rest = {"metadata": {"tags": "x"}, "outputs": [], "execution_count": None}
    book = {"cells": [cell | rest], "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(book).encode()


@pytest.mark.parametrize(
    ("metadata", "kernel"),
    [
        ({}, "workbench-python"),
        ({"kernelspec": {"display_name": "Python 3", "language": "python"}}, "workbench-python"),
        ({"kernelspec": {"name": "python3"}}, "python3"),
        ({"kernelspec": {"name": "python3", "display_name": None}}, "python3"),
        ({"kernelspec": {}}, "workbench-python"),
        ({"kernelspec": None}, "workbench-python"),
        ({"kernelspec": "python3", "language_info": {"version": "3"}}, "workbench-python"),
        ({"kernelspec": {"name": 3, "display_name": "x"}}, "workbench-python"),
        ({"language_info": {}, "authors": "ana", "title": 3}, "workbench-python"),
    ],
    ids=repr,
)
def test_incomplete_metadata_is_accepted(metadata: dict[str, Any], kernel: str) -> None:
    assert kernel_of(read(written(metadata), "n.ipynb"), "n.ipynb") == kernel


def test_a_notebook_that_names_no_kernel_runs(attempts: Attempts) -> None:
    content = written({"kernelspec": {"display_name": "Python 3", "language": "python"}})
    attempt, recorded = attempts.attempt({"n.ipynb": content})
    assert attempts.end(attempt, recorded).outputs == {"v": 1}


def test_a_notebook_in_another_language_must_name_its_kernel() -> None:
    book = read(written({"kernelspec": {"display_name": "R", "language": "R"}}), "n.ipynb")
    with pytest.raises(TaskFailed, match="set `kernel` in the task") as raised:
        kernel_of(book, "n.ipynb")
    assert (raised.value.code, raised.value.retry) == ("no_kernel_named", False)
