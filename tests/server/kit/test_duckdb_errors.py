"""Positions in DuckDB's messages."""

from __future__ import annotations

import duckdb
import pytest

from wb_server.kit.duckdb_errors import place_of


@pytest.mark.parametrize(
    "sql",
    [
        "select wrong",
        "select 1,\n  wrong",
        f"select {', '.join(map(str, range(200)))}, wrong, {', '.join(map(str, range(300, 500)))}",
        f"select {', '.join(map(str, range(200)))}, wrong",
        f"select 1,\n{', '.join(map(str, range(200)))}, wrong, 2\n, 3",
    ],
)
def test_a_position_is_that_of_the_statement(sql: str) -> None:
    with pytest.raises(duckdb.BinderException) as caught:
        duckdb.connect().execute(sql)
    before = sql[: sql.index("wrong")]
    column = len(before) - (before.rfind("\n") + 1) + 1
    assert place_of(str(caught.value), sql) == {"line": before.count("\n") + 1, "column": column}


def test_a_place_that_may_be_another_has_no_column() -> None:
    sql = f"select {'1, ' * 200}wrong, {'1, ' * 200}2"
    message = "LINE 1: ...1, 1, 1...\n                ^"
    assert place_of(message, sql) == {"line": 1}
    assert place_of("no place", sql) == {}
