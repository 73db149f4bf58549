"""The example notebooks: clean files whose queries run on the sample data.

A stub of a few lines replaces the kernel, so that a broken query is found without a service.
``test_notebooks_run.py`` runs the notebooks in the real kernel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import pytest

from wb_kernels.local.database import database
from wb_server.client import to_pandas

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "examples" / "notebooks").glob("*.ipynb"))
SQL_CELL = re.compile(r"%%sql (?P<connection>\w+)(?: (?P<name>\w+) <<)?\n(?P<sql>.+)", re.DOTALL)
PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    """A notebook as stored, without conversion."""
    load: Any = nbformat.read  # not typed
    notebook = load(path, as_version=nbformat.NO_CONVERT)
    assert notebook.nbformat == 4
    return notebook


@pytest.fixture
def no_window() -> Iterator[None]:
    """Draws into memory, and closes all figures at the end."""
    before = mpl.get_backend()
    mpl.use("Agg")
    yield
    plt.close("all")
    mpl.use(before)


def test_is_valid_and_numbered(path: Path) -> None:
    nbformat.validate(read(path))
    assert re.fullmatch(r"\d\d-[a-z0-9-]+", path.stem)


def test_uses_the_workbench_kernel(path: Path) -> None:
    kernel = json.loads(path.read_text("utf-8"))["metadata"]["kernelspec"]
    assert kernel["name"] == "workbench-python"
    assert kernel["display_name"] == "Workbench Python"


def test_stores_no_output(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


def test_cells_are_not_empty_and_a_title_comes_first(path: Path) -> None:
    cells = read(path).cells
    assert all(cell.source.strip() for cell in cells)
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert len({cell.id for cell in cells}) == len(cells)


@pytest.mark.usefixtures("no_window")
def test_runs_on_the_sample(
    path: Path,
    warehouse: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)

    def query(connection: str, sql: str, params: dict[str, Any] | None = None) -> SimpleNamespace:
        assert connection in ("sample", "local")
        if connection == "local":
            answer = database().query(sql, params, names).arrow()
        else:
            answer = warehouse.execute(PARAMETER.sub(r"$\1", sql), params or {}).to_arrow_table()
        # An example with an empty or truncated answer explains nothing.
        assert 0 < answer.num_rows <= 1_000, sql
        return SimpleNamespace(df=lambda: to_pandas(answer))

    names: dict[str, Any] = {}
    stub = SimpleNamespace(query=query, connections=lambda: ["sample"])
    for cell in read(path).cells:
        if cell.cell_type != "code":
            continue
        if cell.source.startswith("%%sql"):
            match = SQL_CELL.fullmatch(cell.source)
            assert match is not None, cell.source
            used = set(PARAMETER.findall(match["sql"]))
            answer = query(match["connection"], match["sql"], {name: names[name] for name in used})
            if match["name"]:
                names[match["name"]] = answer.df()
        else:
            names["wb"] = stub
            exec(cell.source.replace("import wb\n", ""), names)
