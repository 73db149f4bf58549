"""The example notebooks run from top to bottom in the real kernel, on the sample."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.people import People

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_on_the_sample(
    path: Path, people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WORKBENCH_URL", f"{people.url}/services/workbench")
    monkeypatch.setenv("WORKBENCH_TOKEN", people.token("a-analyst"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="workbench-python",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs and not [output for output in outputs if output["output_type"] == "error"]
    # `%sql` prints an expected error as one line instead of raising: there must be none.
    texts = [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert texts == [], f"after {time.monotonic() - began:.0f} s"
