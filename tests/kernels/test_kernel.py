"""The kernel itself, started from its spec as Jupyter does."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from .conftest import Peer

PACKAGES = Path(__file__).parents[2] / "packages"
SPEC = PACKAGES / "wb_kernels" / "kernelspec"


@pytest.fixture
def kernel(
    peer: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BlockingKernelClient]:
    shutil.copytree(SPEC, tmp_path / "kernels" / "workbench-python")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv(
        "PYTHONPATH", ":".join(str(PACKAGES / name) for name in ("wb_server", "wb_kernels"))
    )
    monkeypatch.chdir(tmp_path)
    # A notebook's folder may hold anything: its modules must not shadow what the kernel needs to start.
    (tmp_path / "ipykernel.py").write_text("raise ImportError('the wrong one')")
    specs = KernelSpecManager(data_dir=str(tmp_path))
    manager = KernelManager(kernel_name="workbench-python", kernel_spec_manager=specs)
    manager.transport = "ipc"
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.manager = manager
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
        manager.context.destroy(linger=0)


def run(client: BlockingKernelClient, cell: str) -> tuple[str, str, str]:
    """A cell's status, text and HTML."""
    text: list[str] = []
    html: list[str] = []

    def note(message: dict) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            text.append(content["text"])
        elif message["msg_type"] in ("execute_result", "display_data"):
            text.append(content["data"].get("text/plain", ""))
            html.append(content["data"].get("text/html", ""))
        elif message["msg_type"] == "error":
            text.extend(content["traceback"])

    # For a moment after an error a kernel aborts further cells, unless `stop_on_error` is false.
    reply = client.execute_interactive(cell, output_hook=note, timeout=60, stop_on_error=False)
    return reply["content"]["status"], "".join(text), "".join(html)


def test_sql_works_without_load_ext(kernel: BlockingKernelClient, peer: Peer) -> None:
    status, text, _ = run(
        kernel,
        "import sys; print([m for m in ('pandas', 'sql', 'pyarrow') if m in sys.modules])\n"
        "import os; print(os.environ['PLOOMBER_STATS_ENABLED'], sys.executable)",
    )
    assert text.splitlines() == ["[]", f"false {sys.executable}"]

    peer.says("select 1", {"x": [1]})
    status, text, html = run(kernel, "%%sql warehouse\nselect 1")
    assert status == "ok" and "1 row · warehouse" in html

    status, text, _ = run(kernel, "%%sql warehouse\nselect 2")
    assert status == "error" and text.strip() == "InvalidInput: Not a known statement."

    status, text, _ = run(kernel, "import sys; print([m for m in sys.modules if 'posthog' in m])")
    assert text.strip() == "[]"


def test_the_stop_button_stops_the_query(kernel: BlockingKernelClient, peer: Peer) -> None:
    peer.says("select 1", {"x": [1]})
    run(kernel, "%%sql warehouse\nselect 1")  # the first use spends time on imports
    peer.says("select sleep()", {"x": [1]}, hang=True)
    sent = kernel.execute("%%sql warehouse frame <<\nselect sleep()", stop_on_error=False)
    assert peer.hangs.wait(30)
    kernel.manager.interrupt_kernel()
    assert peer.cancel_seen.wait(30)
    while (reply := kernel.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != sent:
        pass
    assert reply["content"]["status"] == "error"
    assert reply["content"]["evalue"] == "Query interrupted; it was stopped in the database."
    assert peer.cancelled == [peer.queries[-1]["query_id"]]
    assert run(kernel, "'frame' in globals()")[1] == "False"


def test_the_kernel_spec() -> None:
    spec = json.loads((SPEC / "kernel.json").read_text())
    assert spec["display_name"] == "Workbench Python"
    assert spec["argv"] == ["python", "-m", "wb_kernels", "-f", "{connection_file}"]
