"""What refusals say: the construct as it was written, and what to do instead."""

from __future__ import annotations

import pytest

from wb_server.gate.models import DialectName
from wb_server.gate.statement import RULES, analyse
from wb_server.kit.errors import WorkbenchError


def refusal(dialect: DialectName, sql: str) -> WorkbenchError:
    with pytest.raises(WorkbenchError) as caught:
        analyse(sql, dialect)
    return caught.value


@pytest.mark.parametrize(
    ("dialect", "sql", "advice"),
    [
        ("postgres", "select ifnull(a, b) from t", "Write coalesce(a, b)."),
        ("postgres", "select group_concat(a) from t", "Write string_agg(a, ', ')."),
        ("postgres", "select lenght(a) from t", "Did you mean length?"),
        ("postgres", "select date_trunk('day', a) from t", "Did you mean date_trunc?"),
        ("postgres", "select pg_sleep(1)", "It only waits."),
        ("postgres", "select pg_read_file('x')", "It accesses files"),
        ("postgres", "select dblink('x', 'y')", "It runs SQL from a string."),
        ("postgres", "select mine(a) from t", "called as schema.name, and the owner"),
        (
            "postgres",
            "select public.mine(1)",
            "public.mine isn't one of the functions and procedures",
        ),
        ("postgres", "set time zone 'x'", "AT TIME ZONE"),
        ("postgres", "copy t to 'x'", "copy task"),
        ("postgres", "select 'x'::mood", "The type mood isn't"),
        ("postgres", "create index i on t (a text_pattern_ops)", "An operator class in an index"),
        ("postgres", "select 1 operator(public.+) 2", "The operator public.+ isn't"),
        ("duckdb", "select to_char(a, 'x') from t", "Write strftime(a, '%Y-%m-%d')."),
        ("duckdb", "select * from upper('x')", "upper isn't allowed in FROM here"),
        ("mysql", "select string_agg(a, ',') from t", "Write group_concat(a SEPARATOR ', ')."),
        ("mysql", "lock tables t read", "LOCK TABLES isn't allowed here."),
        ("mysql", "replace into t values (1)", "Write INSERT … ON DUPLICATE KEY UPDATE."),
        ("mysql", "select found_rows()", "sessions aren't kept here"),
        ("mysql", "select `binary`(1)", "The function binary isn't"),
        ("mysql", "select binary(1, 2)", "syntax that the Workbench doesn't support"),
        ("postgres", "select pg_relation_size('t')", "It reveals details of the server"),
        ("duckdb", "pragma table_info('t')", "DESCRIBE, SUMMARIZE"),
        ("duckdb", "attach 'x.db'", "Add a connection"),
    ],
)
def test_a_refusal_gives_the_reason_or_an_alternative(
    dialect: DialectName, sql: str, advice: str
) -> None:
    assert advice in refusal(dialect, sql).message


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        ("postgres", "version"),
        ("postgres", "tattle"),
        ("postgres", "f"),
        ("postgres", "my_sum"),
        ("postgres", "equipment"),
        ("mysql", "sys_exec"),
        ("duckdb", "sin_cos"),
    ],
)
def test_unlikely_names_are_not_suggested(dialect: DialectName, name: str) -> None:
    if name not in RULES[dialect].functions:
        error = refusal(dialect, f"select {name}(a) from t")
        assert "Did you mean" not in error.message and not error.details["near"]


def test_suggested_functions_are_allowed() -> None:
    from wb_server.gate.dialects import refusals

    for dialect, table in refusals._INSTEAD.items():
        rules = RULES[dialect]  # type: ignore[index]
        for name, instead in table.items():
            assert name not in rules.functions, (dialect, name)
            sql = instead.replace("…", "year").replace("AS type", "AS char(1)")
            for each in sql.replace(", or ", " or ").split(" or "):
                analyse(f"select {each} from t", dialect)  # type: ignore[arg-type]
