"""Statements with known answers, from the source's own driver or from arithmetic.

The cases are in ``cases.json``; ``--cases FILE`` runs another file of the same form: ``dialect``
(``pg``, ``my``, ``files``), ``setup`` for the native driver, ``files`` by name, ``sql``, ``want`` (the
rows; null allows any), ``err_ok`` (error codes that are acceptable instead). ``files_shift`` adds a
file, after which the table that had ``want`` must still have it. ``my_advice`` follows the advice in an
error's message.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from wb_server.client import QueryError, python_values
from wb_server.client.texts import interval_text, plain

from .place import Place

pytestmark = pytest.mark.slow

OWN = Path(__file__).with_name("cases.json")
_CAST = re.compile(r"(?i)cast\((?P<column>[^()]+) as \w+(\([\d, ]+\))?\)")
_ADDED = re.compile(r"after (\S+) \(v=9\)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    given = metafunc.config.getoption("--cases")
    cases = json.loads((Path(given) if given else OWN).read_text())
    metafunc.parametrize("case", cases, ids=[each["id"] for each in cases])


def content(made: str | dict[str, Any]) -> str:
    """A file's text; a long file is described by its rows."""
    if isinstance(made, str):
        return made
    rows = "".join(made["row"].format(i=i) for i in range(made["count"]))
    return f"{made['head']}{rows}{made['tail']}"


def cells(table: pa.Table) -> list[list[Any]]:
    """The rows, as Python values."""
    columns = [python_values(column, interval_text) for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def same(want: Any, found: Any) -> bool:
    """True if a value equals the expected one: numbers by value, all else by its text."""
    if want is None or found is None:
        return want is found
    if isinstance(want, dict):
        return isinstance(found, dict) and dict.fromkeys(want, True) == {
            k: same(want.get(k), v) for k, v in found.items()
        }
    if isinstance(want, list):
        return isinstance(found, list) and len(want) == len(found) and all(map(same, want, found))
    if isinstance(found, bool):
        return str(want).lower() == str(found).lower()
    if isinstance(found, int | float | Decimal):
        try:
            return Decimal(str(want)) == Decimal(str(found))
        except InvalidOperation:
            return False
    return str(want) == plain(found)


def _ask(place: Place, connection: str, sql: str) -> list[list[Any]]:
    answer = place.client.query(connection, sql)
    rows = cells(answer.arrow())
    repr(answer.df())
    try:
        answer.pl()
    except QueryError as error:
        if error.code != "numeric_overflow":  # polars has 38 digits
            raise
    return rows


def _native(place: Place, dialect: str, statements: list[str]) -> list[tuple[Any, ...]]:
    if dialect.startswith("my"):
        return list(place.mariadb.execute(*statements)) if statements else []
    with place.postgres.connect() as own:
        for each in statements:
            own.execute(each.encode())
    return []


def _folder(place: Place, case: dict[str, Any]) -> str:
    """A connection to a folder with only the case's files."""
    folder = place.folder / f"case_{case['id'].lower()}"
    folder.mkdir()
    for name, made in case["files"].items():
        (folder / name).write_text(content(made), newline="")
    return place.connect(f"case_{case['id'].lower()}", "files", {"folder": str(folder)})


def test_case(case: dict[str, Any], workbench: Place) -> None:
    dialect, want, sql = case["dialect"], case["want"], case["sql"]
    connection = "my" if dialect.startswith("my") else "pg"
    if dialect.startswith("files"):
        connection = _folder(workbench, case)
    elif dialect not in ("pg", "my", "my_advice"):
        pytest.skip(f"no connection for {dialect}")
    _native(workbench, dialect, case["setup"])
    if dialect == "files_shift":
        sql = _after_another_file(case, workbench, connection)
    if dialect == "my_advice":
        want, sql = _as_advised(case, workbench, connection)
    try:
        found = _ask(workbench, connection, sql)
    except QueryError as error:
        if error.code not in case["err_ok"]:
            raise
        return
    if want is not None:
        assert len(want) == len(found) and all(map(same, want, found)), f"{sql}\n{want}\n{found}"


def _after_another_file(case: dict[str, Any], place: Place, connection: str) -> str:
    """The statement on the table that had the expected rows before another file was added."""
    tables = place.tables(connection)
    quoted = ['"' + name.replace('"', '""') + '"' for name in tables]
    held = [t for t in quoted if _ask(place, connection, case["sql"].format(t=t)) == [[2]]]
    assert held, tables
    added = _ADDED.search(case["note"])
    name = added[1] if added else "0.csv"
    (place.folder / f"case_{case['id'].lower()}" / name).write_text("v\n9\n")
    return str(case["sql"].format(t=held[0]))


def _as_advised(case: dict[str, Any], place: Place, connection: str) -> tuple[list[list[Any]], str]:
    """The native driver's rows, and the statement that an error advises, if there is an error."""
    own = _native(place, "my", [case["sql"]])
    sql = str(case["sql"])
    try:
        _ask(place, connection, sql)
    except QueryError as error:
        if (advised := _CAST.search(str(error))) is None:
            raise
        sql = sql.replace(advised["column"], f"{advised[0]} as v", 1)
        ((found,),) = _ask(place, connection, sql)
        scale = -int(found.as_tuple().exponent)
        ((value,),) = own
        return [[str(round(value, scale))]], sql
    return [[None if value is None else str(value) for value in row] for row in own], sql
