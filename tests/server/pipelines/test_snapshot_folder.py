"""What of a folder is saved with a pipeline."""

from __future__ import annotations

import json
from pathlib import Path

from wb_server.pipelines.folder import MAX_FILE, collect, content_of


def test_code_and_small_tables_belong_to_it(tmp_path: Path) -> None:
    for name in (
        "a.ipynb", "helper.py", "sub/query.sql", "sub/small.csv", "README.md", "x.pipeline.yaml",
        ".hidden.py", ".git/x.py", "__pycache__/x.py", "data.parquet", "secret/key.txt", "notes.txt",
        "inputs/extract.csv", "outputs/sales.csv", "sub/inputs/kept.csv",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("x")
    (tmp_path / "large.csv").write_bytes(b"x" * (MAX_FILE + 1))
    (tmp_path / "link.py").symlink_to(tmp_path / "helper.py")
    (tmp_path / ".workbenchignore").write_text("# not these\nsecret/\n*.txt\n")
    assert [name for name, _ in collect(tmp_path)] == [
        "README.md", "a.ipynb", "helper.py", "sub/inputs/kept.csv", "sub/query.sql", "sub/small.csv",
    ]  # fmt: skip


def test_a_notebook_is_saved_without_its_outputs(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    cell = {
        "cell_type": "code",
        "source": "1",
        "outputs": [{"text": "9" * MAX_FILE}],
        "execution_count": 3,
    }
    path.write_text(json.dumps({"cells": [cell, {"cell_type": "markdown", "source": "é"}]}))
    assert [name for name, _ in collect(tmp_path)] == ["n.ipynb"]
    saved = json.loads(content_of(path))
    assert saved["cells"][0] | {"metadata": {}} == {
        "cell_type": "code", "source": "1", "outputs": [], "execution_count": None, "metadata": {},
    }  # fmt: skip
    assert saved["cells"][1]["source"] == "é"


def test_what_is_no_notebook_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    for text in ("no json", "[]", '{"cells": 3}', "{}"):
        path.write_text(text)
        assert content_of(path) == text.encode()
