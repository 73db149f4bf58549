"""Which files of a folder are saved with a pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wb_server.user_server import packages
from wb_server.user_server.folder import MAX_FILE, collect, content_of, snapshot


def test_code_and_small_tables_are_collected(tmp_path: Path) -> None:
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


def test_with_notebooks_the_installed_packages_are_kept(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert dict(snapshot(tmp_path)) == {"helper.py": b"x = 1\n"}
    (tmp_path / "n.ipynb").write_text("{}")
    kept = dict(snapshot(tmp_path))[packages.PACKAGES].decode().splitlines()
    assert f"pytest=={pytest.__version__}" in kept
    names = [line.partition("==")[0] for line in kept]
    assert names == sorted(names)


def test_changed_packages_are_listed(tmp_path: Path) -> None:
    assert packages.changes(tmp_path) == ""  # a version without notebooks has no list
    kept = tmp_path / packages.PACKAGES
    kept.write_text(packages.installed())
    assert packages.changes(tmp_path) == ""
    missing = "".join(f"zz-{n}==1\n" for n in range(9))
    kept.write_text(f"pytest==1.2\nnonsense\n{missing}")
    assert packages.changes(tmp_path) == (
        f"pytest 1.2, now {pytest.__version__}; zz-0 1, now gone; zz-1 1, now gone; "
        "zz-2 1, now gone; zz-3 1, now gone; and 5 more"
    )


def test_an_invalid_notebook_is_saved_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    for text in ("no json", "[]", '{"cells": 3}', "{}"):
        path.write_text(text)
        assert content_of(path) == text.encode()
