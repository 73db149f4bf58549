"""Which columns of which tables a statement reads, for lineage."""

from __future__ import annotations

import pytest

from wb_server.gate.lineage import columns_read
from wb_server.gate.models import DialectName
from wb_server.gate.statement import analyse


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a, b from t", {"t": ("a", "b")}),
        ("select x.a from s.t as x where x.b > 1", {"t": ("a", "b")}),
        ("select t.a, u.b from t join u on t.id = u.id", {"t": ("a", "id"), "u": ("b", "id")}),
        ("select a from t join u on true", {}),  # the text doesn't say of which table
        ("select * from t", {}),
        ("with c as (select a from t) select a, z from c", {"t": ("a",)}),
        ("with t as (select a from t) select a from t", {"t": ("a",)}),
        ("select a from t union all select b from u", {"t": ("a",), "u": ("b",)}),
        (
            "select (select max(b) from u where u.id = t.id) from t",
            {"t": ("id",), "u": ("b", "id")},
        ),
        ("select count(*) from t group by g order by h", {"t": ("g", "h")}),
        ("select 1 as n", {}),
    ],
)
@pytest.mark.parametrize("dialect", ["postgres", "duckdb", "mysql"])
def test_columns_are_attributed_to_tables(
    sql: str, expected: dict[str, tuple[str, ...]], dialect: DialectName
) -> None:
    if dialect == "mysql" and "max(b)" in sql:
        sql = sql.replace("max(b)", "max(u.b)")
    statement = analyse(sql, dialect)
    found = columns_read(statement.sql, dialect, statement.tables)
    assert {table.name: columns for table, columns in found.items()} == expected
