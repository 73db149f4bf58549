"""A MariaDB with something to steal and something to break."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from pymysql.constants import CLIENT

from ..mariadb import MariaDB
from .attempt import Seen

_numbers = itertools.count()

_SETUP = """
create table canary (id int primary key, note varchar(100)) engine = innodb;
insert into canary values (1, 'row 1'), (2, 'row 2'), (3, 'row 3');
create table hidden (secret varchar(100) comment '{secret}') engine = myisam;
insert into hidden values ('{secret}'), ('{secret}');
create table guarded (id int primary key auto_increment, n int) engine = myisam;
create table versioned (id int, note varchar(100)) with system versioning;
insert into versioned values (1, '{secret}');
delete from versioned;
create sequence numbers;
create procedure wipe_procedure() delete from canary;
create view secret_view as select '{secret}' as secret;
"""
_ROUTINES = (
    "create function wipe() returns int begin delete from canary; return 1; end",
    "create function wipe_number(n int) returns int begin delete from canary; return n; end",
    "create function upper(t varchar(100)) returns int begin delete from canary; return 1; end",
    "create function secret_function() returns varchar(100) return '{secret}'",
    "create view wiping_view as select wipe() as n",
    "create trigger with_a_secret before insert on guarded for each row "
    "set new.n = if('{secret}' = '', 1, new.n)",
)

# Queries for MySQL, which has neither row versions nor sequences.
_OF_MYSQL = {
    "hash": "select authentication_string from mysql.user where user = 'canary_user'",
    "globals": "select variable_name, variable_value from performance_schema.global_variables",
    "session": (
        "select md5(group_concat(variable_name, variable_value order by 1)) from "
        "performance_schema.session_variables where variable_name not regexp "
        "'gtid|pseudo|timestamp|last_insert|rand_seed|error_count|warning_count|identity|insert_id'"
    )
    .replace("md5(", "sha2(")
    .replace("order by 1))", "order by 1), 256)"),
}
_OF_MARIADB = {
    "hash": "select json_value(priv, '$.authentication_string') from mysql.global_priv "
    "where user = 'canary_user'",
    "globals": "select variable_name, global_value from information_schema.system_variables "
    "where variable_scope <> 'SESSION ONLY' and read_only = 'NO'",
}

_STATE = (
    "select * from canary order by id",
    "select count(*) from hidden",
    "select count(*) from versioned for system_time all",
    "select * from guarded order by id",
    "select next_not_cached_value from numbers",
    "select table_name, table_type, table_comment, auto_increment, create_options "
    "from information_schema.tables where table_schema = database() order by 1",
    "select table_name, column_name, column_type, column_default, extra "
    "from information_schema.columns where table_schema = database() order by 1, 2",
    "select table_name, index_name from information_schema.statistics "
    "where table_schema = database() order by 1, 2",
    "select routine_schema, routine_name, routine_definition from information_schema.routines "
    "where routine_schema <> 'sys' order by 1, 2",
    "select trigger_name from information_schema.triggers where trigger_schema <> 'sys' order by 1",
    "select event_name from information_schema.events order by 1",
    "select table_name, view_definition from information_schema.views "
    "where table_schema = database() order by 1",
    "select schema_name, default_collation_name from information_schema.schemata order by 1",
    "select host, user, priv from mysql.global_priv order by 1, 2",
    "select db, user from mysql.db order by 1, 2",
    "select server_name from mysql.servers order by 1",
    "select md5(group_concat(plugin_name, plugin_status order by 1)) "
    "from information_schema.plugins",
    "select md5(group_concat(variable_name, global_value order by 1)) from "
    "information_schema.system_variables where variable_scope <> 'SESSION ONLY' "
    "and variable_name not regexp 'gtid|pseudo|timestamp'",
    "select count(*) from information_schema.processlist where id = {pid}",
    "select variable_value from information_schema.global_status "
    "where variable_name = 'FEATURE_JSON' or variable_name = 'COM_FLUSH'",
)
_SESSION = (
    "select md5(group_concat(variable_name, session_value order by 1)) from "
    "information_schema.system_variables where variable_name not regexp 'gtid|pseudo|timestamp|last_insert|rand_seed|in_transaction|"
    "error_count|warning_count|identity|insert_id'",
    "select @a, @b, @later",
    "select current_role(), database()",
    "select is_used_lock('later') is not null",
    "select sum(variable_value) from information_schema.session_status "
    "where variable_name in ('COM_HA_OPEN', 'COM_XA_START', 'COM_LOCK_TABLES', "
    "'COM_PREPARE_SQL', 'COM_CREATE_TEMPORARY_TABLE', 'CREATED_TMP_TABLES_BY_HAND')",
)


@dataclass
class MysqlPlace:
    """One attempt's database on the server."""

    server: MariaDB
    login: str
    password: str
    words: dict[str, str]
    secrets: list[str]
    observer: pymysql.Connection
    victim: pymysql.Connection
    fresh: str = ""
    connector: str = "mysql"
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        return self.server.config(
            database=self.words["database"], user=self.login, password=self.password
        )

    def prepare(self, sql: str) -> None:
        with self.observer.cursor() as cursor:
            cursor.execute(sql)

    def state(self) -> str:
        found = []
        with self.observer.cursor() as cursor:
            for query in _STATE:
                try:
                    cursor.execute(query.format(**self.words))
                    found.append(str(cursor.fetchall()))
                except pymysql.MySQLError as error:
                    found.append(str(error.args[0]))
        return "\n".join([*found, str(sorted(os.listdir(self.words["folder"])))])

    def run_directly(self, sql: str) -> Seen:
        seen = Seen()
        words = self.words
        connection = _connect(self.server, words["database"], self.login, self.password)
        with connection, connection.cursor() as cursor:
            before = _session(cursor)
            cursor.execute("begin")
            began = time.monotonic()
            try:
                cursor.execute(sql)
                seen.output = _rows(cursor)
            except pymysql.MySQLError as error:
                seen.failed, seen.output = True, str(error)
            seen.seconds = time.monotonic() - began
            with contextlib.suppress(pymysql.MySQLError):
                seen.session_changed = _session(cursor) != before or self._locked()
                cursor.execute("commit")
        return seen

    def _locked(self) -> bool:
        """True if a session holds a lock on a row."""
        with self.observer.cursor() as cursor:
            try:
                cursor.execute("select * from canary for update nowait")
            except pymysql.OperationalError:
                return True
        return False


def _rows(cursor: Any) -> str:
    found = []
    while True:
        for row in cursor.fetchall():
            found += [
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                for value in row
            ]
        if not cursor.nextset():
            return "\n".join(found)


def _session(cursor: Any) -> str:
    found = []
    for query in (*_SESSION, _OF_MYSQL["session"]):
        try:
            cursor.execute(query)
            found.append(str(cursor.fetchall()))
        except pymysql.MySQLError as error:  # the other server's
            found.append(str(error.args[0]))
    return "\n".join(found)


class MysqlEngine:
    """Creates places on a server."""

    dialect = "mysql"

    def __init__(self, server: MariaDB, folder: Path, *, mariadb: bool = True) -> None:
        self._server = server
        self._mariadb = mariadb
        self._words = _OF_MARIADB if mariadb else _OF_MYSQL
        self._folder = folder
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("mysql").pw_uid, -1)
        self._secret = f"kanari{secrets.token_hex(8)}"
        self._login, self._password = f"login_{secrets.token_hex(6)}", secrets.token_hex(8)
        self._spare: MysqlPlace | None = None
        hidden = secrets.token_hex(8)
        server.execute(
            f"create user {self._login}@'%' identified by '{self._password}'",
            f"grant all on *.* to {self._login}@'%' with grant option",
            f"create user canary_user@'%' identified by '{hidden}'",
            "create role canary_role",
            f"grant canary_role to {self._login}@'%'",
            f"create server secret_server foreign data wrapper mysql options "
            f"(host '127.0.0.1', password '{self._secret}')",
        )
        ((text,),) = server.execute(self._words["hash"])
        self._hash = str(text)
        self._owner = _connect(server, server.database, server.user, server.password)
        self._variables = self._globals()

    def _globals(self) -> dict[str, Any]:
        with self._owner.cursor() as cursor:
            cursor.execute(self._words["globals"])
            return dict(cursor.fetchall())

    @contextlib.contextmanager
    def place(self) -> Iterator[MysqlPlace]:
        """A database for one attempt: a fresh one, or the previous one if it is unchanged."""
        place, self._spare = self._spare or self._make(), None
        try:
            yield place
        finally:
            if place.state() == place.fresh:
                self._spare = place
            else:
                self._remove(place)

    def close(self) -> None:
        """Removes what is left."""
        if self._spare is not None:
            self._remove(self._spare)
        self._owner.close()
        shutil.rmtree(self._folder)

    def _make(self) -> MysqlPlace:
        name = f"smuggling_{next(_numbers)}"
        folder = self._folder / name
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        secret_file = folder / f"{self._secret}.txt"
        secret_file.write_text(self._secret)
        secret_file.chmod(0o644)
        with self._owner.cursor() as cursor:
            cursor.execute(f"create database {name} character set utf8mb4")
        observer, victim = (
            _connect(self._server, name, self._login, self._password) for _ in range(2)
        )
        with observer.cursor() as cursor:
            for statement in _SETUP.split(";")[:-1]:
                if self._mariadb or not ("version" in statement or "sequence" in statement):
                    cursor.execute(statement.format(secret=self._secret))
            for routine in _ROUTINES:
                cursor.execute(routine.format(secret=self._secret))
        words = {
            "database": name,
            "folder": str(folder),
            "secret_file": str(secret_file),
            "hex_file": secret_file.as_posix().encode().hex(),
            "pid": str(victim.thread_id()),
            "port": str(self._server.port),
            "user": self._login,
            "password": self._password,
        }
        place = MysqlPlace(
            self._server,
            self._login,
            self._password,
            words,
            [self._secret, self._hash, self._login],
            observer,
            victim,
        )
        place.fresh = place.state()
        return place

    def _remove(self, place: MysqlPlace) -> None:
        for connection in (place.observer, place.victim):
            with contextlib.suppress(pymysql.MySQLError):
                connection.close()
        with self._owner.cursor() as cursor:
            for name, value in self._globals().items():
                before = str(self._variables.get(name))
                if str(value) != before:
                    number = before.lstrip("-").replace(".", "", 1).isdecimal()
                    # MySQL lists some variables that can't be set.
                    with contextlib.suppress(*(() if self._mariadb else (pymysql.MySQLError,))):
                        cursor.execute(f"set global {name} = {before if number else repr(before)}")
            for tidy in (
                "drop user if exists later",
                "revoke all privileges, grant option from canary_user@'%'",
                "drop server if exists later",
                "drop table if exists mysql.later",
                *(["uninstall soname if exists 'auth_ed25519'"] if self._mariadb else []),
                "drop database if exists later",
                f"drop database if exists {place.words['database']}",
            ):
                cursor.execute(tidy)


def _connect(server: MariaDB, database: str, user: str, password: str) -> pymysql.Connection:
    return pymysql.connect(
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=password,
        database=database,
        charset="utf8mb4",
        autocommit=True,
        client_flag=CLIENT.MULTI_STATEMENTS,
        local_infile=True,
        ssl_disabled=True,
        init_command="set group_concat_max_len = 10000000",
    )
