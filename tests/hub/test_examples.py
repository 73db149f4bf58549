"""The examples in a home: copied once, added to by later versions, never over what is there."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook

from wb_hub.launch import copy_examples


@pytest.fixture(autouse=True)
def _signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


def notebook(path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_code_cell(f"print({path.name!r})")]), path)


def offer(folder: Path, *names: str) -> Path:
    """A version's examples: notebooks, and a pipeline."""
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    (folder / "pipelines" / "sales" / "__pycache__").mkdir(parents=True, exist_ok=True)
    notebook(folder / "pipelines" / "sales" / "report.ipynb")
    for name in names:
        notebook(folder / "notebooks" / name)
    return folder


def in_home(home: Path) -> set[str]:
    found = (each for each in (home / "examples").rglob("*") if not each.is_dir())
    return {str(each.relative_to(home / "examples")) for each in found}


def test_a_home_gets_new_examples_and_keeps_what_is_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    copy_examples(offer(tmp_path / "first", "a.ipynb", "b.ipynb"), home)
    assert in_home(home) == {"a.ipynb", "b.ipynb", "pipelines/sales/report.ipynb"}
    assert not (home / "examples/pipelines/sales/__pycache__").exists()

    (home / "examples/a.ipynb").write_text("mine")
    (home / "examples/b.ipynb").unlink()
    (home / "examples/d.ipynb").write_text("mine too")
    second = offer(tmp_path / "second", "a.ipynb", "b.ipynb", "c.ipynb", "d.ipynb")
    for _ in range(2):
        copy_examples(second, home)
        # What was deleted stays deleted.
        expected = {"a.ipynb", "c.ipynb", "d.ipynb", "pipelines/sales/report.ipynb"}
        assert in_home(home) == expected
    assert (home / "examples/a.ipynb").read_text() == "mine"
    assert (home / "examples/d.ipynb").read_text() == "mine too"
    assert {each.name for each in (home / ".workbench").iterdir()} == {
        "examples-copied", "pipelines-copied",
    }  # fmt: skip


def test_examples_are_trusted_as_the_users_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    copy_examples(offer(tmp_path / "first", "a.ipynb"), home)
    notary = NotebookNotary()
    for name in ("a.ipynb", "pipelines/sales/report.ipynb"):
        assert notary.check_signature(nbformat.read(home / "examples" / name, as_version=4))
    notary.store.close()


def test_a_folder_that_the_user_deleted_or_made_is_left_alone(tmp_path: Path) -> None:
    deleted, made = tmp_path / "deleted", tmp_path / "made"
    (deleted / ".workbench").mkdir(parents=True)
    # The mark of an earlier version had no names.
    (deleted / ".workbench/examples-copied").touch()
    (made / "examples").mkdir(parents=True)
    for home in (deleted, made):
        copy_examples(offer(tmp_path / "first", "a.ipynb"), home)
        assert "a.ipynb" not in in_home(home)
