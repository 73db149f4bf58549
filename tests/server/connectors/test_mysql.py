"""The MySQL connector on a real MariaDB: nothing left behind, nothing unbounded, no bypass."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError
from pymysql.cursors import DictCursor
from support.mariadb import MariaDB
from support.slow_reader import read_slowly
from support.source import Source
from support.wait import wait_for as until

from wb_server.connectors.base import Session, Target
from wb_server.connectors.mysql.connection import MySQLConnection
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.connectors.mysql.session import MySQLSession
from wb_server.gate.permits import PermitKind
from wb_server.gate.statement import analyse
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SourceFailed,
    SourceTimeout,
    TooLarge,
    Unprocessable,
    WorkbenchError,
)
from wb_server.kit.network import NetworkPolicy

MANY = "select seq, repeat('x', 100) as {mark} from seq_1_to_5000000"
ENDLESS = (
    "select count(*) as {mark} from seq_1_to_1000000 a, seq_1_to_1000000 b "
    "where a.seq % 7 = b.seq % 5"
)


@pytest.fixture
def source(source_mysql: Source) -> Source:
    return source_mysql


@pytest.fixture
def tables(mariadb: MariaDB) -> Iterator[MariaDB]:
    """A table ``w (id int primary key)``, dropped afterwards."""
    mariadb.execute("create or replace table w (id int primary key)")
    yield mariadb
    mariadb.execute("drop table if exists w")


def connected(mariadb: MariaDB, user: str = "") -> int:
    """How many sessions a login has, apart from the one that asks."""
    ((number,),) = mariadb.execute(
        f"select count(*) from information_schema.processlist where user = '{user or mariadb.user}' "
        "and id <> connection_id()"
    )
    return int(str(number))


def unsaved(source: Source, mariadb: MariaDB, **changes: object) -> Source:
    """The same server through an unsaved configuration, which isn't pooled."""
    config = MySQLConfig.model_validate(mariadb.config(**changes))
    return Source(source.connector, Target("", 0, config))


# --- a read can't write ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "insert into w values (1)",
        "insert into w values (1) returning id",
        "update w set id = 2",
        "delete from w",
        "replace into w values (1)",
        "truncate w",
        "drop table w",
        "create table x (i int)",
        "create temporary table x (i int)",
        "alter table w add column y int",
        "commit",
        "start transaction read write",
        "set session transaction read write",
        "set autocommit = 0",
        "lock tables w write",
        "do get_lock('x', 0)",
        "call mysql.AddGeometryColumn('', '', '', '', 0)",
    ],
)
def test_reads_are_read_only(source: Source, tables: MariaDB, sql: str) -> None:
    """Even for statements that the gate would refuse: the session itself is read-only."""
    tables.execute("insert into w values (7)")
    with pytest.raises(WorkbenchError):
        source.table(sql, "w")
    assert tables.execute("select id from w") == ((7,),)


def test_a_read_cannot_call_a_function_that_writes(source: Source, tables: MariaDB) -> None:
    tables.execute(
        "create or replace function sneak() returns int modifies sql data "
        "begin insert into w values (99); return 1; end"
    )
    try:
        with pytest.raises(Forbidden) as caught:
            source.table("select sneak()")
        assert caught.value.code == "not_a_read"
    finally:
        tables.execute("drop function sneak")
    assert tables.execute("select id from w") == ()


def test_two_statements_are_refused(source: Source, tables: MariaDB) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table("select 1; insert into w values (1)")
    assert caught.value.code == "syntax_error"
    assert tables.execute("select id from w") == ()


def test_local_files_are_not_sent(source: Source, tables: MariaDB, tmp_path: Path) -> None:
    """A server can ask its client for a file; this client never sends one."""
    (tmp_path / "rows").write_text("1\n2\n")
    with pytest.raises(WorkbenchError):
        source.table(f"load data local infile '{tmp_path}/rows' into table w", kind="write")
    assert tables.execute("select id from w") == ()


# --- nothing of one session reaches the next -------------------------------------------------


def test_a_pooled_session_is_reset(source: Source, tables: MariaDB) -> None:
    first = source.value("select connection_id()")
    for sql in (
        "set @left = 1, sql_mode = '', time_zone = '+05:00', character_set_results = latin1, "
        "group_concat_max_len = 4, sql_select_limit = 1, autocommit = 0",
        "create temporary table left_over (i int)",
    ):
        source.table(sql, kind="write")
    assert source.value("select connection_id()") == first
    assert source.rows(
        "select @left as mine, @@time_zone as zone, @@group_concat_max_len > 4 as grouped, "
        "instr(@@sql_mode, 'STRICT_TRANS_TABLES') > 0 as strict, 'é' as text "
        "union all select null, '', 1, 1, ''"
    )[0] == {"mine": None, "zone": "+00:00", "grouped": 1, "strict": 1, "text": "é"}
    with pytest.raises(InvalidInput):
        source.table("select * from left_over")


def test_a_dead_pooled_connection_is_replaced(source: Source, mariadb: MariaDB) -> None:
    first = source.value("select connection_id()")
    mariadb.execute(f"kill {first}")
    assert source.value("select connection_id()") != first


def test_a_new_version_drops_the_pool(source: Source) -> None:
    first = source.value("select connection_id()")
    source.target = Target("m1", 2, source.target.config)
    assert source.value("select connection_id()") != first


def test_each_user_has_their_own_pool(source: Source) -> None:
    first = source.value("select connection_id()")
    source.target = Target("m1", 1, source.target.config, user="ana")
    assert source.value("select connection_id()") != first


def test_unsaved_and_forgotten_connections_are_not_kept(source: Source, mariadb: MariaDB) -> None:
    assert unsaved(source, mariadb).value("select 1") == 1
    until(lambda: connected(mariadb) == 0)
    assert source.value("select 1") == 1
    assert connected(mariadb) == 1
    source.connector.forget("m1")
    until(lambda: connected(mariadb) == 0)


# --- writing ---------------------------------------------------------------------------------


def test_a_write_is_committed_when_run_returns(source: Source, tables: MariaDB) -> None:
    with source.open("insert into w values (1), (2)", kind="write") as session:
        answer = session.run(timeout=5, max_write_rows=0)
        assert tables.execute("select count(*) from w") == ((2,),)
        assert [batch.to_pylist() for batch in answer] == [[{"rows_affected": 2}]]
    returned = source.rows("insert into w values (3) returning id * 2 as twice", kind="write")
    assert returned == [{"twice": 6}]


def test_an_update_counts_the_matched_rows(source: Source, tables: MariaDB) -> None:
    """As other databases do; MySQL's own count leaves out rows that don't change."""
    tables.execute("insert into w values (1)")
    changed = source.rows("update w set id = 1 where id = 1", kind="write")
    assert changed == [{"rows_affected": 1}]


def test_too_many_returned_rows_roll_back(source: Source, tables: MariaDB) -> None:
    with pytest.raises(TooLarge):
        source.table(
            "insert into w select seq from seq_1_to_50 returning id",
            kind="write",
            max_write_rows=49,
        )
    assert tables.execute("select count(*) from w") == ((0,),)


def test_a_violated_constraint_is_named(source: Source, tables: MariaDB) -> None:
    tables.execute("insert into w values (1)")
    with pytest.raises(Conflict) as caught:
        source.table("insert into w values (2), (1)", kind="write")
    assert (caught.value.code, caught.value.details["constraint"]) == ("constraint", "PRIMARY")
    assert tables.execute("select id from w") == ((1,),)


def test_a_lost_commit_reports_an_unknown_outcome(
    source: Source, tables: MariaDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost between the statement and the reply to COMMIT."""
    command = MySQLConnection.command

    def cut(connection: MySQLConnection, sql: str) -> None:
        if sql == "COMMIT":
            tables.execute(f"kill {connection.number}")
        command(connection, sql)

    monkeypatch.setattr(MySQLConnection, "command", cut)
    with pytest.raises(SourceFailed) as caught:
        source.table("insert into w values (1)", kind="write")
    assert caught.value.code == "outcome_unknown"


# --- stopping --------------------------------------------------------------------------------


def run_in_thread(
    source: Source, sql: str, kind: PermitKind = "read"
) -> tuple[Session, threading.Thread, list[str]]:
    """Runs a statement in a thread. Returns the session, the thread, and the code it fails with."""
    session = source.open(sql, kind=kind)
    codes: list[str] = []

    def run() -> None:
        try:
            list(session.run(timeout=60, max_write_rows=10))
        except WorkbenchError as error:
            codes.append(error.code)

    runner = threading.Thread(target=run)
    runner.start()
    return session, runner, codes


def test_a_cancel_stops_the_statement_in_the_database(source: Source, mariadb: MariaDB) -> None:
    session, runner, codes = run_in_thread(source, ENDLESS.format(mark="cancel_me"))
    until(lambda: mariadb.active("cancel_me"))
    session.cancel()
    runner.join(10)
    assert codes == ["cancelled"]
    until(lambda: mariadb.active("cancel_me") == 0)
    session.close()


def test_closing_from_another_thread_ends_the_statement(source: Source, mariadb: MariaDB) -> None:
    session, runner, codes = run_in_thread(source, ENDLESS.format(mark="closed_early"))
    until(lambda: mariadb.active("closed_early"))
    session.close()
    runner.join(10)
    assert codes == ["cancelled"]
    until(lambda: not mariadb.active("closed_early"))


def test_a_cancelled_write_is_rolled_back(source: Source, tables: MariaDB) -> None:
    sql = "insert into w select seq from seq_1_to_900 where sleep(1) = 0 /* roll_me */"
    session, runner, codes = run_in_thread(source, sql, "write")
    until(lambda: tables.active("roll_me"))
    session.cancel()
    runner.join(10)
    assert codes == ["cancelled"]
    session.close()
    until(lambda: not tables.active("roll_me"))
    assert tables.execute("select count(*) from w") == ((0,),)


def test_a_write_has_a_timeout_too(source: Source, tables: MariaDB) -> None:
    sql = "insert into w select seq from seq_1_to_900 where sleep(1) = 0"
    with pytest.raises(SourceTimeout):
        source.table(sql, kind="write", timeout=0.5)
    assert tables.execute("select count(*) from w") == ((0,),)


def test_a_cancel_between_batches_ends_the_statement(source: Source, mariadb: MariaDB) -> None:
    with source.open(MANY.format(mark="between_batches")) as session:
        batches = iter(session.run(timeout=60, max_write_rows=0))
        next(batches)
        session.cancel()
        with pytest.raises(Conflict):
            for _ in batches:
                pass
    until(lambda: not mariadb.active("between_batches"))


def test_closing_mid_stream_ends_the_statement(source: Source, mariadb: MariaDB) -> None:
    with source.open(MANY.format(mark="left_early")) as session:
        batches = iter(session.run(timeout=60, max_write_rows=0))
        next(batches)
    until(lambda: not mariadb.active("left_early"))
    assert source.value("select 1") == 1
    with pytest.raises(Conflict) as caught:
        for _ in batches:
            pass
    assert caught.value.code == "session_closed"


def test_an_error_mid_stream_is_raised(source: Source) -> None:
    sql = (
        "select repeat('x', 100) as x, if(seq = 100000, (select 1 union select 2), 1) as y "
        "from seq_1_to_100001"
    )
    with source.open(sql) as session:
        batches = iter(session.run(timeout=30, max_write_rows=0))
        next(batches)
        with pytest.raises(InvalidInput, match="more than 1 row"):
            for _ in batches:
                pass
    assert source.value("select 1") == 1


def test_a_connection_lost_mid_stream_is_an_error(source: Source, mariadb: MariaDB) -> None:
    with source.open(MANY.format(mark="dies")) as session:
        batches = iter(session.run(timeout=60, max_write_rows=0))
        next(batches)
        assert isinstance(session, MySQLSession)
        mariadb.execute(f"kill {session._connection.number}")
        with pytest.raises(SourceFailed) as caught:
            for _ in batches:
                pass
    assert caught.value.code == "unreachable"
    assert source.value("select 1") == 1


def test_memory_is_bounded_for_a_slow_reader(mariadb: MariaDB) -> None:
    """A million rows, 200 MB: a slow reader holds no more than a few batches."""
    sql = "select seq, repeat('x', 180) as s, cast(seq / 7 as decimal(12, 4)) as n from seq_1_to_%d"
    connector = "wb_server.connectors.mysql.connector:MySQLConnector"
    small, large = read_slowly(connector, mariadb.config(), [sql % 1000, sql % 1000000])
    assert large[0] == 1_001_000
    assert large[1] - small[1] < 60


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "code", "details"),
    [
        ("select * from nowhere", "unknown_table", {"name": "nowhere"}),
        ("select * from nowhere.t", "unknown_table", {"name": "nowhere.t"}),
        ("select nope from w", "unknown_column", {"name": "nope"}),
        ("select\n  1 +", "syntax_error", {"line": 2, "near": ""}),
        ("select\n  1 from from w", "syntax_error", {"line": 2, "column": 10, "near": "from w"}),
        ("select no_such(1)", "unknown_function", {"name": "no_such"}),
        ("select date '2026-02-30'", "bad_value", {}),
        ("select ?", "syntax_error", {}),
        ("select id from w, w", "bad_statement", {}),
        ("select 9223372036854775807 + 1", "numeric_overflow", {}),
    ],
)
def test_statement_errors_have_codes_and_details(
    source: Source, tables: MariaDB, sql: str, code: str, details: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table(sql)
    assert caught.value.code == code
    assert details.items() <= caught.value.details.items()
    assert "\n" not in caught.value.message


def test_missing_rights_in_the_database_are_reported(source: Source, tables: MariaDB) -> None:
    tables.execute(
        "create or replace user plain identified by 'p'", "create database if not exists other"
    )
    tables.execute("grant usage on other.* to plain", "grant select on other.* to plain")
    try:
        plain = unsaved(source, tables, user="plain", password="p", database="other")
        with pytest.raises(Forbidden) as caught:
            plain.table(f"select * from {tables.database}.w")
        assert caught.value.code == "source_refused"
        with plain.open(kind="browse") as session:
            assert [schema.name for schema in session.schemas()] == ["other"]
        with pytest.raises(SourceFailed) as failed:
            unsaved(source, tables, user="plain", password="p").open("select 1")
        assert failed.value.code == "unknown_database"
    finally:
        tables.execute("drop user plain", "drop database other")


ODD_PASSWORDS = [
    "it's", "a b", "100%", "p@ss:w/rd?#", "back\\slash", "\\'", "'", "ünïcödé 密码", "tab\tline\nend",
    "", "x" * 200,
]  # fmt: skip


def test_odd_passwords_work(source: Source, mariadb: MariaDB) -> None:
    with mariadb.connect() as plain, plain.cursor() as cursor:
        for password in ODD_PASSWORDS:
            cursor.execute("create or replace user odd identified by %s", [password])
            cursor.execute(f"grant select on {mariadb.database}.* to odd")
            odd = unsaved(source, mariadb, user="odd", password=password)
            assert odd.value("select current_user()") == "odd@%"
        cursor.execute("drop user odd")


def test_a_failed_sign_in_has_a_constant_message(source: Source, mariadb: MariaDB) -> None:
    messages = set()
    for changes in ({"password": "s3cret-wrong"}, {"password": None}, {"user": "nobody_here"}):
        with pytest.raises(SourceFailed) as caught:
            unsaved(source, mariadb, **changes).open("select 1")
        assert caught.value.code == "sign_in_failed"
        messages.add(caught.value.message)
    assert messages == {"The database refused the user name or the password."}


def test_an_unreachable_database_is_named_with_host_and_port(
    source: Source, mariadb: MariaDB
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(SourceFailed) as caught:
        unsaved(source, mariadb, port=port, password="s3cret").open("select 1")
    assert caught.value.code == "unreachable"
    assert caught.value.message == f"The database at 127.0.0.1:{port} can't be reached."


def test_a_server_that_is_no_database_is_unreachable(source: Source, mariadb: MariaDB) -> None:
    """Another protocol, or no greeting at all, is an error within the connect timeout."""
    for greeting in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"", b"\xff" * 5):
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer(listener: socket.socket = listener, greeting: bytes = greeting) -> None:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(greeting)

            runner = threading.Thread(target=answer)
            runner.start()
            port = listener.getsockname()[1]
            with pytest.raises(SourceFailed) as caught:
                unsaved(source, mariadb, port=port).open("select 1")
            assert caught.value.code == "unreachable"
            runner.join(10)


# --- where it connects to, and how -----------------------------------------------------------


def test_the_checked_address_is_dialled(mariadb: MariaDB) -> None:
    """Only the policy can resolve the name, so the checked address must have been dialled."""
    policy = NetworkPolicy(allow_loopback=True, resolver=lambda name, port: ["127.0.0.1"])
    connector = MySQLConnector(policy)
    config = MySQLConfig.model_validate(mariadb.config(host="db.pinned.invalid"))
    assert Source(connector, Target("", 0, config)).value("select 1") == 1


def test_forbidden_addresses_are_refused(source: Source, mariadb: MariaDB) -> None:
    for host in ("169.254.169.254", "/run/mysqld/mysqld.sock", "a,b", "0x7f.1"):
        config = MySQLConfig.model_validate(mariadb.config(host=host))
        with pytest.raises(Unprocessable) as caught:
            source.connector.check(config)
        assert caught.value.code == "address_not_allowed"
        with pytest.raises(Unprocessable):
            unsaved(source, mariadb, host=host).open("select 1")


@pytest.mark.parametrize(
    ("host", "changes", "outcome"),
    [
        ("db.example.org", {"sslmode": "disable"}, ""),
        ("db.example.org", {"sslmode": "prefer"}, "TLS"),
        ("db.example.org", {"sslmode": "require"}, "TLS"),
        ("db.example.org", {"sslmode": "verify-full", "sslrootcert": "theirs"}, "TLS"),
        ("other.example.org", {"sslmode": "verify-full", "sslrootcert": "theirs"}, "tls_failed"),
        ("db.example.org", {"sslmode": "verify-full"}, "tls_failed"),
        ("db.example.org", {"sslmode": "verify-full", "sslrootcert": "no PEM"}, "no_certificate"),
    ],
)
def test_each_tls_mode_is_enforced(
    mariadb: MariaDB, host: str, changes: dict[str, object], outcome: str
) -> None:
    if changes.get("sslrootcert") == "theirs":
        changes = {**changes, "sslrootcert": mariadb.authority}
    policy = NetworkPolicy(allow_loopback=True, resolver=lambda name, port: ["127.0.0.1"])
    config = MySQLConfig.model_validate(mariadb.config(host=host, **changes))
    source = Source(MySQLConnector(policy), Target("", 0, config))
    sql = "select variable_value from information_schema.session_status where variable_name = 'ssl_version'"
    try:
        found = source.value(sql)
    except WorkbenchError as error:
        found = error.code
    assert found[:3] == outcome[:3]
    assert found.startswith("TLSv1.") or found == outcome


def test_the_environment_has_no_influence(
    source: Source, mariadb: MariaDB, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("my.cnf", ".my.cnf"):
        (tmp_path / name).write_text("[client]\nuser=evil\nhost=10.0.0.1\nport=1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_PWD", "MYSQL_UNIX_PORT"):
        monkeypatch.setenv(name, "evil")
    assert unsaved(source, mariadb).value("select current_user()") == f"{mariadb.user}@%"


def test_invalid_configuration_is_refused() -> None:
    base = {"host": "h", "database": "shop", "user": "u"}
    for changes in (
        {"database": "mysql"},
        {"database": " Information_Schema "},
        {"host": ""},
        {"user": "a\0b"},
        {"password": "a\0b"},
        {"port": 0},
        {"sslmode": "allow"},
        {"driver_options": {"init_command": "set x = 1"}},
        {"driver_options": {"read_default_file": "/etc/passwd"}},
        {"driver_options": {"local_infile": True}},
    ):
        with pytest.raises(ValidationError):
            MySQLConfig.model_validate({**base, **changes})


# --- browsing --------------------------------------------------------------------------------


def test_browsing_lists_schemas_tables_and_columns(source: Source, tables: MariaDB) -> None:
    tables.execute(
        "create or replace table `Odd ``Name` (`a b` int unsigned not null comment 'Mine', c text) "
        "comment 'What it is'",
        "create or replace view v as select 1 as one",
    )
    try:
        with source.open(kind="browse") as session:
            names = {schema.name for schema in session.schemas()}
            assert tables.database in names
            assert not names & {"mysql", "information_schema", "performance_schema", "sys"}
            found = {table.name: table for table in session.tables(tables.database)}
            assert found["Odd `Name"].comment == "What it is"
            assert (found["v"].kind, found["v"].comment) == ("view", None)
            columns = session.columns(tables.database, "Odd `Name")
            assert [(c.name, c.type, c.nullable, c.comment) for c in columns] == [
                ("a b", "int(10) unsigned", False, "Mine"), ("c", "text", True, None),
            ]  # fmt: skip
            assert session.columns(None, "w")[0].name == "id"
            for schema in ("mysql", "information_schema"):
                assert session.tables(schema) == []
                with pytest.raises(NotFound):
                    session.columns(schema, "user" if schema == "mysql" else "TABLES")
    finally:
        tables.execute("drop table `Odd ``Name`", "drop view v")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from information_schema.tables where table_schema = '{place}' order by table_name",
        "select t.* from INFORMATION_SCHEMA.TABLES t join information_schema.schemata s "
        "on s.schema_name = t.table_schema where table_schema = '{place}' order by t.table_name",
        "select information_schema.tables.* from information_schema.tables "
        "where information_schema.tables.table_schema = '{place}' order by tables.table_name",
    ],
)
def test_a_star_expands_to_the_allowed_columns(source: Source, tables: MariaDB, sql: str) -> None:
    sql = sql.format(place=tables.database)
    found = source.rows(analyse(sql, "mysql").sql)
    with tables.connect() as direct, direct.cursor(DictCursor) as cursor:
        cursor.execute(sql)
        native = cursor.fetchall()
    assert len(found) == len(native) > 0
    assert "CREATE_OPTIONS" in native[0] and "CREATE_OPTIONS" not in found[0]
    assert list(found[0]) == [name for name in native[0] if name in found[0]]
    assert len(found[0]) == 20
    for mine, theirs in zip(found, native, strict=True):
        assert mine["TABLE_NAME"] == theirs["TABLE_NAME"]
        assert mine["TABLE_COMMENT"] == theirs["TABLE_COMMENT"]
