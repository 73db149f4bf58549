"""Sheets of workbooks are parsed once for each state of a file, and kept within a limit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from support.odd_files import ORDERS, workbook
from support.source import Source
from support.wait import wait_for

from wb_server.connectors.base import Target
from wb_server.connectors.embedded import sheets
from wb_server.connectors.embedded.profiles import is_settled, state_of
from wb_server.connectors.embedded.sheets import Sheets
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("books")
    connector = FilesConnector([folder], Workers(temporary=folder / "temporary"))
    config = FilesConfig.model_validate({"folder": str(folder)})
    yield Source(connector, Target("c1", 1, config, temp_bytes=64 << 20))
    connector.close()


def _kept(source: Source) -> list[Path]:
    assert isinstance(source.target.config, FilesConfig)
    return sorted(Path(source.target.config.folder, "temporary").glob("sheets-*/*"))


def _write(source: Source, amount: int) -> None:
    """Writes the workbook, with a time that is settled."""
    assert isinstance(source.target.config, FilesConfig)
    path = Path(source.target.config.folder, "orders.xlsx")
    path.write_bytes(workbook(("Orders", [*ORDERS, [3, amount]])))
    wait_for(lambda: is_settled(state_of(str(path))))


@pytest.mark.slow
def test_a_sheet_is_parsed_once_for_each_state_of_its_file(source: Source) -> None:
    _write(source, 100)
    sql = "select sum(amount)::int as v from orders"
    assert source.value(sql, "orders") == 125
    (kept,) = _kept(source)
    # What is kept is what a query reads.
    with pa.OSFile(str(kept), "wb") as file:
        table = pa.table({"id": [1], "amount": [7]})
        with pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    assert source.value(sql, "orders") == 7
    # Another connection, another state of this one, another user and a draft don't.
    for target in (
        replace(source.target, connection_id="c2"),
        replace(source.target, version=2),
        replace(source.target, user="ana"),
        replace(source.target, connection_id=""),
    ):
        assert Source(source.connector, target).value(sql, "orders") == 125
    assert len(_kept(source)) == 4
    # A changed file is read anew, and so is one whose copy is gone.
    _write(source, 200)
    assert source.value(sql, "orders") == 225
    for path in _kept(source):
        path.unlink()
    assert source.value(sql, "orders") == 225


def test_kept_sheets_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_BYTES", 1000)
    monkeypatch.setattr(sheets, "_MOST_OF_ONE", 600)
    cache = Sheets(tmp_path)
    for name, size in (("a", 500), ("b", 400), ("large", 700)):
        (tmp_path / name).write_bytes(bytes(size))
        cache.put(name, tmp_path / name)
    assert cache.find("large") is None
    assert cache.find("a") and cache.find("b")
    cache.find("a")
    (tmp_path / "c").write_bytes(bytes(300))
    cache.put("c", tmp_path / "c")
    assert cache.find("b") is None and cache.find("a") and cache.find("c")
    (tmp_path / "link").symlink_to("/etc/hosts")
    cache.put("link", tmp_path / "link")
    assert cache.find("link") is None
    cache.close()
    assert not list(tmp_path.glob("sheets-*"))


def test_sheets_of_ended_services_are_removed(tmp_path: Path) -> None:
    (tmp_path / "sheets-999999999-x").mkdir()
    (tmp_path / f"sheets-{os.getpid()}-x").mkdir()
    Workers(temporary=tmp_path).close()
    assert [it.name for it in tmp_path.iterdir()] == [f"sheets-{os.getpid()}-x"]
