"""Cells in a real IPython shell of this process, with the Workbench's magics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config


class Notebook:
    """Runs cells as a notebook does, and records their outputs."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.out = self.err = self.html = ""
        self.shown: list[Any] = []

    def run(self, cell: str) -> Any:
        with capture_output() as captured:
            done = self.shell.run_cell(cell, store_history=False)
        self.out, self.err = captured.stdout, captured.stderr
        self.shown = captured.outputs
        self.html = "".join(str(each.data.get("text/html", "")) for each in self.shown)
        self.text = self.out + "".join(str(each.data.get("text/plain")) for each in self.shown)
        self.error = done.error_before_exec or done.error_in_exec
        return done.result

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]


@contextmanager
def notebook_of_shell() -> Iterator[Notebook]:
    """A shell with the magics, while the block runs; nothing of it stays."""
    from wb_kernels import session

    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    shell.extension_manager.load_extension("wb_kernels")
    yield Notebook(shell)
    session.close()
    from sql.connection import ConnectionManager
    from sql.store import store

    ConnectionManager.close_all()
    ConnectionManager.current = None
    store._data.clear()
    InteractiveShell.clear_instance()
