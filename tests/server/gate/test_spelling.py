"""The words listed as reserved are those that the databases themselves reserve."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import psycopg
import pymysql
from support.mariadb import MariaDB
from support.postgres import Cluster

from wb_server.gate.dialects.spelling import SPELLINGS


def test_words_that_postgresql_reserves_are_listed(postgres: Cluster) -> None:
    with postgres.connect() as connection:
        rows = connection.execute(
            "select word from pg_get_keywords() where catcode in ('R', 'T')"
        ).fetchall()
    assert len(rows) > 90
    assert {word for (word,) in rows} <= SPELLINGS["postgres"].reserved_words


def test_words_that_duckdb_reserves_are_listed() -> None:
    rows = duckdb.sql(
        "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
    ).fetchall()
    assert len(rows) > 70
    assert {word for (word,) in rows} <= SPELLINGS["duckdb"].reserved_words


def test_unlisted_keywords_need_no_quotes_in_mariadb(mariadb: MariaDB) -> None:
    """Its keywords that aren't on the list can name a column as they are."""
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select lower(word) from information_schema.keywords")
        found = {str(word) for (word,) in cursor.fetchall() if str(word).isidentifier()}
        free = found - SPELLINGS["mysql"].reserved_words
        assert len(free) > 200
        for word in sorted(free):
            cursor.execute(f"select {word} from (select 1 as {word}) t")


# Each runs where the flag is set, and is refused where it isn't.
FLAGS = {
    "backslash_escapes": r"select '\''",
    "hash_comments": "select 1 # one",
    "nested_comments": "select 1 /* /* */ */",
}


def flags(run: Callable[[str], object], error: type[Exception]) -> dict[str, bool]:
    """What a database accepts."""
    found = {}
    for name, sql in FLAGS.items():
        try:
            run(sql)
        except error:
            found[name] = False
        else:
            found[name] = True
    return found


def test_texts_and_comments_are_spelled_as_the_databases_read_them(
    postgres: Cluster, mariadb: MariaDB
) -> None:
    with postgres.connect() as connection:
        connection.autocommit = True
        read = {"postgres": flags(connection.execute, psycopg.Error)}
    with mariadb.connect() as other, other.cursor() as cursor:
        read["mysql"] = flags(cursor.execute, pymysql.Error)
    read["duckdb"] = flags(duckdb.sql, duckdb.Error)
    for name, spelling in SPELLINGS.items():
        assert read[name] == {flag: getattr(spelling, flag) for flag in FLAGS}, name
