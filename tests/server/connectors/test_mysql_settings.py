"""A server whose own defaults change how text is read, and which rows come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pymysql
import pytest
from support.mariadb import MariaDB, server
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.mysql import settings as mysql_settings
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.gate.statement import analyse
from wb_server.kit.errors import SourceFailed
from wb_server.kit.network import NetworkPolicy

MODES = (
    "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE,HIGH_NOT_PRECEDENCE,"
    "REAL_AS_FLOAT,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH,TIME_ROUND_FRACTIONAL"
)
# Run on each connection of a login that isn't an administrator.
FIRST = (
    f"set session sql_mode = '{MODES}', character_set_client = latin1, time_zone = '+09:00', "
    "character_set_connection = latin1, character_set_results = latin1, sql_select_limit = 1, "
    "group_concat_max_len = 4, max_recursive_iterations = 3, timestamp = 1, sql_auto_is_null = 1, "
    "old_mode = 'ZERO_DATE_TIME_CAST', foreign_key_checks = 0, unique_checks = 0, "
    "system_versioning_asof = '1999-01-01', default_regex_flags = 'EXTENDED', autocommit = 0, "
    "completion_type = 1"
)
VALUES = ["\\", "\\'", "'\\", "a\\b", "\\\\", "C:\\new", "\\' or 1=1 -- ", '"', '\\"', "é\\", "縗'"]


@pytest.fixture(scope="module")
def hostile_server() -> Iterator[MariaDB]:
    with server(f"--sql-mode={MODES}", f"--init-connect={FIRST}") as it:
        it.execute("set global sql_select_limit = 1", "create user plain@'%' identified by 'x'")
        it.execute(f"grant all on {it.database}.* to plain@'%'")
        it.execute(
            "create table notes (id int primary key, note varchar(100) character set utf8mb4)"
        )
        yield it


@pytest.fixture(params=["owner", "plain"])
def hostile(request: pytest.FixtureRequest, hostile_server: MariaDB) -> Iterator[Source]:
    """As the administrator, to whom only the global defaults apply, and as another login."""
    changes = {} if request.param == "owner" else {"user": "plain", "password": "x"}
    config = MySQLConfig.model_validate(hostile_server.config(**changes))
    connector = MySQLConnector(NetworkPolicy(allow_loopback=True))
    yield Source(connector, Target("m1", 1, config))
    connector.close()
    hostile_server.execute("delete from notes")


def plain(it: MariaDB) -> pymysql.Connection:
    """A connection as any other program makes it."""
    return pymysql.connect(
        host="127.0.0.1", port=it.port, user="plain", password="x", database=it.database,
        ssl_disabled=True,
    )  # fmt: skip


def rows(source: Source, sql: str, **params: Any) -> list[dict[str, Any]]:
    return source.rows(analyse(sql, "mysql", params).sql)


def test_without_the_settings_the_defaults_change_results(
    hostile: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_settings, "settings", lambda timeout, **_: "SET @nothing = 1")
    monkeypatch.setattr(mysql_settings, "hold", lambda found, mariadb: True)
    text = analyse("select :a as a, 'b' || '1' as b, not 1 between 0 and 5 as c", "mysql",
                   {"a": "\\"}).sql  # fmt: skip
    assert hostile.rows(text) != [{"a": "\\", "b": 1, "c": 0}]


def test_settings_that_do_not_take_effect_are_noticed(
    hostile: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mysql_settings, "settings", lambda timeout, **_: "SET @nothing = 1")
    with pytest.raises(SourceFailed) as caught:
        hostile.rows("SELECT 1")
    assert caught.value.code == "settings_refused"


def test_text_is_read_as_the_gate_reads_it(hostile: Source) -> None:
    for value in VALUES:
        assert rows(hostile, "select :x as x", x=value) == [{"x": value}]
    both = rows(hostile, "select :a as a, :b as b", a="\\", b=", 1 as c -- ")
    assert both == [{"a": "\\", "b": ", 1 as c -- "}]
    assert rows(
        hostile, """select "it's" as a, 'b\\'s' as b, `x`.`y` from (select 1 as y) x"""
    ) == [{"a": "it's", "b": "b's", "y": 1}]
    sql = "select 'a' || '1' as o, not 1 between 0 and 5 as n, not 0 = 5 as e, count( * ) as c"
    assert rows(hostile, sql) == [{"o": 1, "n": 0, "e": 1, "c": 1}]


def test_a_backslash_attack_stays_text(hostile: Source, hostile_server: MariaDB) -> None:
    attack = r"select '\', user() as b -- ' as c"
    assert rows(hostile, attack) == [{"c": "', user() as b -- "}]
    with plain(hostile_server) as connection, connection.cursor() as cursor:
        cursor.execute(attack)
        assert "plain@" in str(cursor.fetchall()), "the attack doesn't work anyway"


def test_no_row_and_no_value_is_truncated(hostile: Source) -> None:
    many = "with recursive c as (select 1 as n union all select n + 1 from c where n < 3000) "
    assert len(rows(hostile, f"{many} select n from c")) == 3000
    assert rows(hostile, f"{many} select length(group_concat(n)) as n from c") == [{"n": 13892}]
    (now,) = rows(hostile, "select year(now()) > 2000 as y, now() = utc_timestamp() as utc")
    assert now == {"y": 1, "utc": 1}


def test_writes_and_loads_keep_values(hostile: Source, hostile_server: MariaDB) -> None:
    for number, value in enumerate(VALUES):
        sql = analyse("insert into notes values (:n, :x)", "mysql", {"n": number, "x": value}).sql
        hostile.rows(sql, kind="write")
    numbers = [number + 100 for number in range(len(VALUES))]
    hostile.load("notes", pa.table({"id": pa.array(numbers, pa.int32()), "note": VALUES}))
    for first in (0, 100):
        found = rows(hostile, f"select note from notes where id between {first} and {first + 99}"
                     " order by id")  # fmt: skip
        assert [row["note"] for row in found] == VALUES


def test_a_pooled_session_gets_the_settings_again(hostile: Source) -> None:
    for _ in range(3):
        assert rows(hostile, "select :x as x", x="\\") == [{"x": "\\"}]


def test_a_user_variable_does_not_reach_the_next_session(hostile: Source) -> None:
    assert rows(hostile, "select @left := 5 as n") == [{"n": 5}]
    # The gate would refuse to read one that the statement doesn't set.
    assert hostile.value("SELECT @left") is None
