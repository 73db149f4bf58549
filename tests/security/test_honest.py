"""Honest statements pass the gate, and the text it renders gives the same answer as the original.

The statements are in ``honest/*.sql``; ``support/honest/corpus.py`` describes their format. A single
refusal doesn't fail the test: refusals are listed, and their rates are bounded. A different result
always fails.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.honest.corpus import Engine, Tally, corpus, judge
from support.honest.engines import on_duckdb, on_mysql, on_postgres, schema_of
from support.mariadb import MariaDB
from support.postgres import Cluster

from wb_server.gate.models import DialectName

MOST_REFUSED = {False: 0.005, True: 0.05}

Record = Callable[[str, object], None]


def check(dialect: DialectName, engine: Engine, record: Record) -> None:
    tally = judge(corpus(dialect), dialect, engine)
    record("rate", f"honest, {dialect}: {tally.line()}")
    assert not tally.broken + tally.different, "\n".join(tally.broken + tally.different)
    for hard, most in MOST_REFUSED.items():
        assert tally.rate(hard) < most, refusals(tally)


def refusals(tally: Tally) -> str:
    return "\n".join(["refused:", *tally.refused[False], *tally.refused[True]])


def test_postgres(postgres: Cluster, record_property: Record) -> None:
    with on_postgres(postgres, schema_of("postgres")) as engine:
        check("postgres", engine, record_property)


def test_mysql(mariadb: MariaDB, record_property: Record) -> None:
    with on_mysql(mariadb, schema_of("mysql")) as engine:
        check("mysql", engine, record_property)


def test_duckdb(record_property: Record) -> None:
    with on_duckdb(schema_of("duckdb")) as engine:
        check("duckdb", engine, record_property)


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "duckdb"])
def test_titles_are_unique(dialect: str) -> None:
    titles = [case.title for case in corpus(dialect)]
    assert len(set(titles)) == len(titles)
