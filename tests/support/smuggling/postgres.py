"""A PostgreSQL with something to steal and something to break."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

from ..postgres import Cluster
from .attempt import Seen

_TEMPLATE = "smuggling_template"
_numbers = itertools.count()

_SETUP = """
create table canary (id int primary key, note text);
insert into canary select n, 'row ' || n from generate_series(1, 3) n;
create schema vault;
create table vault.hidden (secret text);
insert into vault.hidden select '{secret}' from generate_series(1, 20);
analyze vault.hidden;
create table guarded (id int);
alter table guarded enable row level security;
create sequence numbers;

create function wipe() returns int volatile language sql as 'delete from canary returning id';
create function wipe_number(n int) returns int immutable language plpgsql as
    'begin perform nextval(''numbers''); return n; end';
create function wipe_named(really boolean) returns int language sql as
    'delete from canary returning id';
create function wipe_check(n int) returns int volatile language plpgsql as
    'begin delete from canary; return n; end';
create function wipe_pair(a int, b int) returns int volatile language plpgsql as
    'begin delete from canary; return coalesce(a, 0) + coalesce(b, 0); end';
create function wipe_row(c canary) returns int volatile language plpgsql as
    'begin delete from canary; return 1; end';
create function wipe_trigger() returns trigger language plpgsql as 'begin return null; end';
create procedure wipe_procedure() language sql as 'delete from canary';
create view wiping_view as select wipe();
create operator @#@ (leftarg = int, rightarg = int, function = wipe_pair);
create type wiping_type as (n int);
create function wipe_cast(n int) returns wiping_type volatile language plpgsql as
    'begin delete from canary; return row(n)::wiping_type; end';
create cast (int as wiping_type) with function wipe_cast(int);
create domain wiping_domain as int check (wipe_check(value) is not null);
create aggregate wiping_sum(int) (sfunc = wipe_pair, stype = int, initcond = '0');
create schema evil;
create function evil.upper(t text) returns text volatile language plpgsql as
    'begin delete from public.canary; return t; end';
create aggregate evil.sum(int) (sfunc = public.wipe_pair, stype = int, initcond = '0');
create aggregate evil.mode(order by int) (sfunc = public.wipe_pair, stype = int, initcond = '0');
create view secret_view as select '{secret}' as secret;

create function secret_function() returns int language sql as 'select 1 /* {secret} */';
create trigger with_a_secret before insert on guarded
    for each row when (new.id::text = '{secret}') execute function wipe_trigger();
create extension dblink;
create extension postgres_fdw;
create server elsewhere foreign data wrapper postgres_fdw;
create user mapping for current_user server elsewhere options (password '{secret}');
"""

_STATE = """
select array[
    (select coalesce(string_agg(concat(c::text, c.xmax), ' ' order by id), '') from canary c),
    (select count(*)::text from vault.hidden),
    (select string_agg(concat(relname, relkind, relacl::text, relrowsecurity), ' '
        order by oid) from pg_class where relnamespace::regnamespace::text !~ '^pg_(toast|temp)'
        and relname !~ '^pg_'),
    (select string_agg(proname, ' ' order by oid) from pg_proc where oid >= 16384),
    (select string_agg(tgname, ' ' order by oid) from pg_trigger),
    (select string_agg(concat(rulename, ev_class), ' ' order by oid) from pg_rewrite
        where oid >= 16384),
    (select string_agg(extname, ' ' order by oid) from pg_extension),
    (select string_agg(pubname, ' ') from pg_publication),
    (select string_agg(stxname, ' ') from pg_statistic_ext),
    (select string_agg(polname, ' ') from pg_policy),
    (select string_agg(concat(rolname, rolsuper), ' ' order by oid) from pg_authid),
    (select string_agg(concat(setdatabase, setconfig::text), ' ') from pg_db_role_setting),
    (select string_agg(oid::text, ' ' order by oid) from pg_largeobject_metadata),
    (select string_agg(description, ' ') from pg_description where objoid = 'canary'::regclass),
    (select string_agg(slot_name, ' ') from pg_replication_slots),
    (select string_agg(objid::text, ' ') from pg_locks where locktype = 'advisory'),
    (select count(*)::text from pg_stat_activity where pid = {pid}),
    (select concat(last_value, is_called) from numbers),
    pg_read_file('postgresql.auto.conf')
]::text
"""

_SESSION = """
select array[
    current_setting('statement_timeout'), current_setting('default_transaction_read_only'),
    current_role::text, current_setting('search_path'),
    (select count(*)::text from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()),
    (select count(*)::text from pg_listening_channels()),
    (select count(*)::text from pg_cursors where is_holdable),
    (select count(*)::text from pg_prepared_statements),
    (select count(*)::text from pg_class where relpersistence = 't')
]::text
"""


@dataclass
class PostgresPlace:
    """One attempt's database on the cluster."""

    cluster: Cluster
    login: str
    password: str
    words: dict[str, str]
    secrets: list[str]
    observer: psycopg.Connection
    victim: psycopg.Connection
    fresh: str = ""
    connector: str = "postgres"

    @property
    def config(self) -> dict[str, Any]:
        return self.cluster.config(
            database=self.words["database"], user=self.login, password=self.password
        )

    def connect(self) -> psycopg.Connection:
        """A connection of the login."""
        return _connect(self.cluster, self.words["database"], self.login, self.password)

    def prepare(self, sql: str) -> None:
        with self.connect() as connection:
            result = connection.pgconn.exec_(sql.encode())
            assert result.status == ExecStatus.COMMAND_OK, connection.pgconn.error_message

    def state(self) -> str:
        row = self.observer.execute(_STATE.format(**self.words)).fetchone()
        assert row is not None
        return f"{row[0]} {sorted(os.listdir(self.words['folder']))}"

    def run_directly(self, sql: str) -> Seen:
        seen = Seen()
        with self.connect() as connection:
            connection.execute(f"prepare before as select '{self.secrets[0]}'")
            before = connection.execute(_SESSION).fetchone()
            began = time.monotonic()
            result = connection.pgconn.exec_(sql.encode())
            seen.seconds = time.monotonic() - began
            if result.status == ExecStatus.COPY_OUT:
                size, data = connection.pgconn.get_copy_data(0)
                while size > 0:
                    seen.output += bytes(data).decode()
                    size, data = connection.pgconn.get_copy_data(0)
                connection.pgconn.get_result()
            seen.failed = result.status == ExecStatus.FATAL_ERROR
            seen.output += result.error_message.decode() if hasattr(result, "error_message") else ""
            for row in range(result.ntuples):
                for column in range(result.nfields):
                    seen.output += (result.get_value(row, column) or b"").decode() + "\n"
            if connection.pgconn.transaction_status:
                connection.pgconn.exec_(b"rollback")
            with contextlib.suppress(psycopg.Error):
                seen.session_changed = connection.execute(_SESSION).fetchone() != before
        return seen


class PostgresEngine:
    """Creates places on a cluster."""

    dialect = "postgres"

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._spare: PostgresPlace | None = None
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
        self._secret = f"kanari{secrets.token_hex(8)}"
        self._login, self._password = f"login_{secrets.token_hex(6)}", secrets.token_hex(8)
        with cluster.connect() as connection:
            connection.execute(
                f"create role {self._login} superuser login password '{self._password}'"
            )
            connection.execute(f"create role canary_role password '{secrets.token_hex(8)}'")
            connection.execute("create role vault_key")
            row = connection.execute(
                "select rolpassword, oid from pg_authid where rolname = 'canary_role'"
            ).fetchone()
            assert row is not None
            self._hash = str(row[0])
            connection.execute(f"create database {_TEMPLATE} owner {self._login}")
        with _connect(cluster, _TEMPLATE, self._login, self._password) as connection:
            connection.pgconn.exec_(_SETUP.format(secret=self._secret).encode())
            row = connection.execute("select count(*) from pg_user_mappings").fetchone()
            assert row == (1,), "the template is incomplete"

    @contextlib.contextmanager
    def place(self) -> Iterator[PostgresPlace]:
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
        shutil.rmtree(self._folder)

    def _make(self) -> PostgresPlace:
        name = f"smuggling_{next(_numbers)}"
        folder = self._folder / name
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        secret_file = folder / f"{self._secret}.txt"
        secret_file.write_text(self._secret)
        with self._cluster.connect() as owner:
            owner.execute(f"create database {name} template {_TEMPLATE} owner {self._login}")
            owner.execute(f"alter database {name} set canary.secret = '{self._secret}'")
        observer, victim = (
            _connect(self._cluster, name, self._login, self._password) for _ in range(2)
        )
        row = observer.execute(f"select lo_from_bytea(0, '{self._secret}')").fetchone()
        assert row is not None
        words = {
            "database": name,
            "folder": str(folder),
            "secret_file": str(secret_file),
            "large_object": str(row[0]),
            "pid": str(victim.info.backend_pid),
            "socket": "127.0.0.1",
            "port": str(self._cluster.port),
            "user": self._login,
            "password": self._password,
        }
        # Another session's statement is visible in pg_stat_activity.
        victim.execute(f"select '{self._secret}'")
        place = PostgresPlace(
            self._cluster,
            self._login,
            self._password,
            words,
            [self._secret, self._hash, self._login],
            observer,
            victim,
        )
        place.fresh = place.state()
        return place

    def _remove(self, place: PostgresPlace) -> None:
        for connection in (place.observer, place.victim):
            with contextlib.suppress(psycopg.Error):
                connection.close()
        with self._cluster.connect() as owner:
            owner.execute("alter role canary_role nosuperuser")
            owner.execute("alter system reset all")
            owner.execute("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
            owner.execute(f"drop database {place.words['database']} with (force)")


def _connect(cluster: Cluster, database: str, user: str, password: str) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1",
        port=cluster.port,
        dbname=database,
        user=user,
        password=password,
        autocommit=True,
    )
