"""How files are read, through the API: what is set and refused, the preview, the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.api import Api
from support.in_process import served
from support.metadata import migrate_new
from support.odd_files import ORDERS, workbook

from wb_server.composition import build
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.settings import Settings

pytestmark = pytest.mark.slow

PATTERNS = '"prices*.csv":\n  encoding: windows-1252\n  decimal: ","\n  date_format: "%d.%m.%Y"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reading")
    files = folder / "files"
    files.mkdir()
    text = "day;price;note\n31.12.2025;1.234,50;€\n"
    (files / "prices.csv").write_bytes(text.encode("cp1252"))
    (files / "budget.xlsx").write_bytes(workbook(("Plan", ORDERS), ("Actual", [["x"], [1]])))
    (files / "one.xlsx").write_bytes(workbook(("Sheet1", ORDERS)))
    return files


@pytest.fixture(scope="module")
def api(folder: Path) -> Iterator[Api]:
    settings = Settings(data_dir=str(folder.parent))
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    workbench = build(settings)
    engineer = Actor("engineer", frozenset({"engineer"}))
    with served(workbench) as host, closing(host.api(engineer)) as api:
        yield api
    workbench.close()


def draft(folder: Path, **config: Any) -> dict[str, Any]:
    return {"connector": "files", "config": {"folder": str(folder), **config}}


@pytest.fixture(scope="module")
def saved(api: Api, folder: Path) -> str:
    made = api.ok(
        "POST", "/connections", {"name": "odd", **draft(folder, reading={"patterns": PATTERNS})}
    )
    return str(made["id"])


def test_the_preview_shows_the_first_rows_as_they_will_be_read(api: Api, folder: Path) -> None:
    body = {**draft(folder, reading={"patterns": PATTERNS}), "table": "prices"}
    found = api.ok("POST", "/connections/preview", body)
    assert [it["name"] for it in found["tables"]] == [
        "budget_actual", "budget_plan", "one", "prices",
    ]  # fmt: skip
    assert found["code"] is None
    columns = [(it["name"], it["type"]) for it in found["preview"]["columns"]]
    assert columns == [("day", "DATE"), ("price", "DECIMAL(18,2)"), ("note", "VARCHAR")]
    assert found["preview"]["rows"] == [["2025-12-31", "1234.50", "€"]]


def test_the_preview_says_what_to_set(api: Api, folder: Path) -> None:
    found = api.ok("POST", "/connections/preview", {**draft(folder), "table": "prices"})
    assert found["preview"] is None and found["table"] == "prices"
    assert "It is probably windows-1252: set this as its encoding" in found["message"]
    assert found["details"]["encoding"] == "windows-1252"


def test_a_connection_without_files_has_no_preview(api: Api) -> None:
    body = {"connector": "postgres", "config": {"host": "x", "database": "x", "user": "x"}}
    assert api.refused(422, "POST", "/connections/preview", body)["code"] == "not_supported"


@pytest.mark.parametrize(
    ("config", "field", "says"),
    [
        ({"reading": {"delimiter": "ab"}}, "config.reading.delimiter", "one character"),
        ({"reading": {"encoding": "utf-7"}}, "config.reading.encoding", "windows-1252"),
        ({"reading": {"date_format": "dd.mm.yyyy"}}, "config.reading.date_format", "%d.%m.%Y"),
        ({"reading": {"types": {"a": "INT"}}}, "config.reading.types", "no such field"),
        ({"reading": {"patterns": "*.csv: {skip: 1}"}}, "config.reading.patterns", "in quotes"),
        ({"reading": {"patterns": '"*.csv": {skip: 1'}}, "config.reading.patterns", "line 1"),
        ({"reading": {"patterns": '"*.csv": 5'}}, "config.reading.patterns", "needs options"),
        ({"reading": {"patterns": "- a"}}, "config.reading.patterns", "is YAML such as"),
        (
            {"reading": {"patterns": '"*.csv": {coding: x}'}},
            "config.reading.patterns",
            "there is no option coding",
        ),
        (
            {"reading": {"patterns": '"*.csv": {types: {a: XML}}'}},
            "config.reading.patterns",
            "types.a is none of",
        ),
        ({"reading": {"patterns": "a: &x {skip: 1}\nb: *x"}}, "config.reading.patterns", "alias"),
        ({"reading": {"patterns": "[" * 10_000}}, "config.reading.patterns", "brackets"),
    ],
)
def test_wrong_settings_are_refused_at_their_field(
    api: Api, folder: Path, config: dict[str, Any], field: str, says: str
) -> None:
    body = {"name": "wrong", **draft(folder, **config)}
    error = api.refused(400, "POST", "/connections", body)
    assert error["details"]["field"] == field and says in error["message"]


def test_the_catalog_lists_files_and_sheets(api: Api, saved: str) -> None:
    listed = api.ok("GET", f"/connections/{saved}/tables")["items"]
    assert [it["name"] for it in listed] == ["budget_actual", "budget_plan", "one", "prices"]
    sql = "select table_schema, table_name from information_schema.tables order by 2"
    assert [tuple(row.values()) for row in api.query("odd", sql)[0].to_pylist()] == [
        ("files", it["name"]) for it in listed
    ]
    sql = (
        "select column_name, data_type from information_schema.columns "
        "where table_name = 'budget_plan' order by ordinal_position"
    )
    assert [tuple(row.values()) for row in api.query("odd", sql)[0].to_pylist()] == [
        ("id", "BIGINT"), ("amount", "DECIMAL(18,2)"),
    ]  # fmt: skip
    columns = api.ok("GET", f"/connections/{saved}/columns", schema="files", table="prices")
    assert [it["type"] for it in columns["items"]] == ["DATE", "DECIMAL(18,2)", "VARCHAR"]


def test_sheets_are_queried_by_their_names(api: Api, saved: str) -> None:
    for table in ("budget_plan", "budget", "budget_xlsx", "one", "one_sheet1"):
        found, _ = api.query("odd", f"select sum(amount) as s from {table}")
        assert str(found["s"][0]) == "24.99", table
    found, _ = api.query("odd", "select b.x, p.note from budget_actual b, prices p")
    assert found.to_pylist() == [{"x": 1, "note": "€"}]
