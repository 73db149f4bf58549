"""`wb credentials rotate` on a real PostgreSQL: with one login, with two, killed at each step."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.api import read
from support.command import Command, start
from support.metadata import migrate_new
from support.people import People
from support.postgres import Cluster
from support.service import installation
from support.wait import wait_for

from wb_server import cli
from wb_server.composition import Workbench, build
from wb_server.connections.credentials.safe import CredentialSafe
from wb_server.connections.credentials.store import CredentialStore
from wb_server.connections.models import ConnectionCreate, ConnectionUpdate, ConnectionView
from wb_server.connections.service import ConnectionService
from wb_server.connections.store import ConnectionStore
from wb_server.connectors.postgres.password import verifier
from wb_server.governance.audit.models import AuditQuery
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.settings import Settings

pytestmark = pytest.mark.slow

ENGINEER = Actor("engineer", frozenset({"engineer"}))
ADMIN = Actor("admin", frozenset({"admin"}))


def test_the_verifier_is_one_that_postgresql_accepts(postgres: Cluster) -> None:
    """The server stores it, and then accepts that password alone."""
    secret = verifier("pencil-Ⅸ_1")
    assert secret.startswith("SCRAM-SHA-256$4096:") and secret != verifier("pencil-Ⅸ_1")
    with postgres.connect() as connection:
        connection.execute(f"create role verified login password '{secret}'")
        try:
            (stored,) = connection.execute(
                "select rolpassword from pg_authid where rolname = 'verified'"
            ).fetchone() or ("",)
            assert stored == secret
            with psycopg.connect(
                postgres.url, user="verified", password="pencil-IX_1"
            ):  # the same after SASLprep
                pass
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(postgres.url, user="verified", password="pencil-IX_2")
        finally:
            connection.execute("drop role verified")


class Site:
    """A data folder with a connection that signs in as a login of the cluster."""

    def __init__(self, folder: Path, postgres: Cluster) -> None:
        mark = uuid.uuid4().hex[:8]
        self.postgres = postgres
        self.settings = Settings(data_dir=str(folder), allow_loopback=True)
        self.group, self.login, self.other = f"g_{mark}", f"a_{mark}", f"b_{mark}"
        self.name = f"warehouse_{mark}"
        vault.generate(self.settings.key_path)
        migrate_new(self.settings.database)
        with postgres.connect() as connection:
            connection.execute(
                f"create role {self.group}; "
                f"create table t_{mark} as select 42 as answer; "
                f"create view v_{mark} as select answer, session_user::text as who from t_{mark}; "
                f"grant select on t_{mark}, v_{mark} to {self.group}; "
                f"create role {self.login} login password 'first' in role {self.group}; "
                f"create role {self.other} login password 'second' in role {self.group}"
            )
        self.statement = f"select answer, who from v_{mark}"
        with self.workbench() as workbench:
            workbench.api.services.get(ConnectionService).create(ENGINEER, self.request())

    def request(self, **config: Any) -> ConnectionCreate:
        values = self.postgres.config(user=self.login, password="first")
        return ConnectionCreate(name=self.name, connector="postgres", config=values | config)

    @contextlib.contextmanager
    def workbench(self) -> Iterator[Workbench]:
        workbench = build(self.settings)
        try:
            yield workbench
        finally:
            workbench.close()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the command."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith("WB_")}
        return kept | {
            "WB_DATA_DIR": self.settings.data_dir,
            "WB_ALLOW_LOOPBACK": "1",
            # What libpq would read from here must have no effect.
            "PGPASSWORD": "nonsense",
            "PGUSER": "nobody",
            "PGHOST": "203.0.113.1",
        }

    def command(self, *options: str) -> Command:
        """Starts the command on the connection, to be killed."""
        return start(self._words(options), self.environment)

    def rotate(self, *options: str, status: int = 0, **variables: str) -> str:
        """Runs the command in this process, which takes a tenth of the time; returns its output."""
        output = io.StringIO()
        mask = os.umask(0o077)
        try:
            with (
                pytest.MonkeyPatch.context() as patch,
                contextlib.redirect_stdout(output),
                contextlib.redirect_stderr(output),
            ):
                for name, value in {**self.environment, **variables}.items():
                    patch.setenv(name, value)
                found = cli.main(self._words(options))
        finally:
            os.umask(mask)
        assert found == status, output.getvalue()
        return output.getvalue()

    def _words(self, options: tuple[str, ...]) -> list[str]:
        return ["credentials", "rotate", self.name, *options]

    @property
    def view(self) -> ConnectionView:
        with self.workbench() as workbench:
            return next(iter(workbench.api.services.get(ConnectionService).list(ADMIN)))

    @contextlib.contextmanager
    def _stored(self) -> Iterator[tuple[CredentialSafe, Database, str]]:
        database = Database(self.settings.database)
        connection = ConnectionStore(database).by_name(self.name)
        assert connection is not None
        key = vault.load(self.settings.key_path)
        yield CredentialSafe(CredentialStore(database), key), database, connection.id
        database.close()

    @property
    def password(self) -> str:
        """The stored password."""
        with self._stored() as (safe, _, connection):
            credential = safe.get(connection, None)
        assert credential is not None
        return credential.secrets["password"]

    @property
    def memory(self) -> dict[str, str]:
        """What is stored for the next rotation."""
        with self._stored() as (safe, database, connection), database.read() as transaction:
            return safe.rotation(transaction, connection)

    def signs_in(self, login: str, password: str) -> bool:
        try:
            psycopg.connect(self.postgres.url, user=login, password=password).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                return False
            raise
        return True

    def login_of_a_query(self) -> str:
        """Runs a query; returns the login that it ran as."""
        with self.workbench() as workbench:
            return query(workbench, self)

    def close(self) -> None:
        with self.postgres.connect() as connection:
            for login in (self.login, self.other):
                connection.execute(f"drop role if exists {login}")
            connection.execute(f"drop owned by {self.group}")
            connection.execute(f"drop role {self.group}")


def query(workbench: Workbench, site: Site) -> str:
    broker = workbench.api.services.get(Broker)
    request = QueryRequest(connection=site.name, sql=site.statement)
    stream = broker.statements.query(ENGINEER, Origin("", ""), request, HangUp())
    try:
        table, end = read(b"".join(stream))
    finally:
        stream.close()
    assert end.get("error") is None
    (row,) = table.to_pylist()
    assert row["answer"] == 42
    return str(row["who"])


@pytest.fixture
def site(tmp_path: Path, postgres: Cluster) -> Iterator[Site]:
    it = Site(tmp_path, postgres)
    yield it
    it.close()


def second(tmp_path: Path, password: str = "second") -> tuple[str, str]:
    """The options that name a file with the second login's password."""
    path = tmp_path / "second-password"
    path.write_text(f"{password}\n")
    return "--password-file", str(path)


# --- one login -------------------------------------------------------------------------------


def test_one_login_gets_a_new_password(site: Site, postgres: Cluster) -> None:
    with site.workbench() as running:
        assert query(running, site) == site.login
        before = site.view
        output = site.rotate()
        # A service that has been running all the time uses it at once.
        assert query(running, site) == site.login
        log = running.api.services.get(AuditService)
        (finished, started) = log.search(AuditQuery(action="credential.rotate")).items
    assert (started.event, finished.outcome, finished.target) == ("started", "ok", site.name)
    assert started.connection_id == before.id
    new = site.password
    assert len(new) >= 40
    assert new not in output
    assert site.signs_in(site.login, new)
    assert not site.signs_in(site.login, "first")
    assert site.memory == {}
    assert site.view.version == before.version + 1
    # Again, from the new one.
    site.rotate()
    assert site.password != new
    assert not site.signs_in(site.login, new)
    assert site.login_of_a_query() == site.login


def test_the_password_is_not_in_the_servers_log(site: Site, postgres: Cluster) -> None:
    with postgres.connect() as connection:
        connection.execute(f"alter role {site.login} set log_statement = 'all'")
        (data,) = connection.execute("show data_directory").fetchone() or ("",)
    site.rotate()
    log = (Path(data).parent / "log").read_text()
    assert "ALTER ROLE CURRENT_USER PASSWORD 'SCRAM-SHA-256$" in log
    assert site.password not in log


def test_a_read_only_login_that_acts_as_another_role_is_rotated(
    site: Site, postgres: Cluster
) -> None:
    with postgres.connect() as connection:
        connection.execute(
            f"alter role {site.login} set default_transaction_read_only = on; "
            f"alter role {site.login} set role = {site.group}"
        )
    site.rotate()
    assert site.signs_in(site.login, site.password)
    with postgres.connect() as connection:
        row = connection.execute(
            "select rolpassword from pg_authid where rolname = %s", (site.group,)
        ).fetchone()
    assert row == (None,)


def test_the_expiry_date_is_kept(site: Site) -> None:
    end = datetime.now(UTC) + timedelta(days=30)
    with site.workbench() as workbench:
        connections = workbench.api.services.get(ConnectionService)
        connections.update(ENGINEER, site.view.id, ConnectionUpdate(expires_at=end))
    assert "expiry date is unchanged" in site.rotate()
    assert site.view.credential.expires_at == end


# --- two logins ------------------------------------------------------------------------------


def test_two_logins_take_turns(site: Site, tmp_path: Path) -> None:
    options = ("--other-login", site.other)
    assert f"signs in as {site.other}" in site.rotate(*options, *second(tmp_path))
    assert site.login_of_a_query() == site.other
    # The password that older sessions use stays valid until the next rotation.
    assert site.signs_in(site.login, "first")
    assert not site.signs_in(site.other, "second")
    former = site.password
    # No password has to be given any more; the same command can be run each time.
    assert f"signs in as {site.login}" in site.rotate(*options)
    assert site.login_of_a_query() == site.login
    assert not site.signs_in(site.login, "first")
    assert site.signs_in(site.other, former)
    assert f"signs in as {site.other}" in site.rotate()
    assert not site.signs_in(site.other, former)
    # Back to one login.
    assert f"signs in as {site.other}, with" in site.rotate("--one-login")
    assert site.memory == {}
    assert f"signs in as {site.other}, with" in site.rotate()


@pytest.mark.timeout(300)
def test_no_query_fails_while_two_logins_take_turns(
    site: Site, people: People, tmp_path: Path
) -> None:
    """On a real service. Six at once: more than a pool keeps, so that sessions are dialled too."""
    with installation(people, tmp_path / "live") as place:
        service = place.start()
        api = service.api("a-engineer")
        api.ok("POST", "/connections", site.request().model_dump())
        api.close()
        asked: list[str] = []
        failed: list[BaseException] = []
        stop = threading.Event()

        def work() -> None:
            mine = service.api("a-engineer")
            try:
                while not stop.is_set():
                    table, end = mine.query(site.name, site.statement)
                    assert end.get("error") is None
                    asked.append(table.to_pylist()[0]["who"])
            except BaseException as error:
                failed.append(error)
            finally:
                mine.close()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            options = ("--other-login", site.other, *second(tmp_path))
            for login in (site.other, site.login, site.other):
                wait_for_more(asked, failed)
                place.run("credentials", "rotate", site.name, *options)
                wait_for(lambda login=login: failed or asked[-1] == login, 30)
                wait_for_more(asked, failed)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert failed == []
        assert {site.login, site.other} == set(asked)


def wait_for_more(asked: list[str], failed: list[BaseException]) -> None:
    before = len(asked)
    wait_for(lambda: failed or len(asked) > before + 20, 60)


def test_a_second_login_with_fewer_rights_is_refused(
    site: Site, postgres: Cluster, tmp_path: Path
) -> None:
    with postgres.connect() as connection:
        connection.execute(f"revoke {site.group} from {site.other}")
    output = site.rotate("--other-login", site.other, *second(tmp_path), status=1)
    assert f"{site.other} may not use public.t_" in output
    assert site.memory == {}
    assert site.signs_in(site.other, "second")
    assert site.login_of_a_query() == site.login


# --- killed ----------------------------------------------------------------------------------


@contextlib.contextmanager
def roles_locked(postgres: Cluster) -> Iterator[None]:
    """Blocks changes of roles; signing in still works."""
    with psycopg.connect(postgres.url) as connection:
        connection.execute("lock table pg_authid in share mode")
        yield


def altering(postgres: Cluster) -> int | None:
    """The server process that is waiting to change a password, if there is one."""
    with postgres.connect() as connection:
        row = connection.execute(
            "select pid from pg_stat_activity where query like '%%ALTER ROLE CURRENT_USER%%' "
            "and wait_event_type = 'Lock' and pid <> pg_backend_pid()"
        ).fetchone()
    return int(row[0]) if row else None


def kill(process: Command) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(20)
    assert process.returncode == -signal.SIGKILL
    assert process.stdout is not None
    process.stdout.close()


CASES = pytest.mark.parametrize("two", [False, True], ids=["one login", "two logins"])


def begin(site: Site, tmp_path: Path, two: bool) -> Command:
    options = ("--other-login", site.other, *second(tmp_path)) if two else ()
    return site.command(*options)


def require_completed(site: Site, two: bool, pending: str) -> None:
    """Asserts that the command, run again, resumes with the pending password and leaves nothing over."""
    login, old = (site.other, "second") if two else (site.login, "first")
    assert "resuming with the new password" in site.rotate()
    assert site.password == pending
    assert site.login_of_a_query() == login
    assert not site.signs_in(login, old)
    assert site.memory == ({"other_login": site.login, "other_password": "first"} if two else {})


@CASES
def test_a_rotation_killed_before_the_database_changed_is_resumed(
    site: Site, postgres: Cluster, tmp_path: Path, two: bool
) -> None:
    login, old = (site.other, "second") if two else (site.login, "first")
    with roles_locked(postgres):
        process = begin(site, tmp_path, two)
        pid = wait_for(lambda: altering(postgres), 60)
        process.send_signal(signal.SIGSTOP)
        with postgres.connect() as connection:
            connection.execute("select pg_terminate_backend(%s)", (pid,))
            wait_for(lambda: altering(postgres) is None)
        kill(process)
    pending = site.memory["other_new" if two else "own_new"]
    assert site.signs_in(login, old)
    assert site.login_of_a_query() == site.login
    require_completed(site, two, pending)


@CASES
def test_a_rotation_killed_after_the_database_changed_is_resumed(
    site: Site, postgres: Cluster, tmp_path: Path, two: bool
) -> None:
    login, old = (site.other, "second") if two else (site.login, "first")
    with roles_locked(postgres):
        process = begin(site, tmp_path, two)
        wait_for(lambda: altering(postgres), 60)
        kill(process)
    # The server completes the statement that it was sent before its client died.
    pending = site.memory["other_new" if two else "own_new"]
    wait_for(lambda: site.signs_in(login, pending))
    assert not site.signs_in(login, old)
    assert site.password == "first"
    require_completed(site, two, pending)


@CASES
def test_a_rotation_killed_while_storing_the_password_is_resumed(
    site: Site, tmp_path: Path, two: bool
) -> None:
    """The database has the new password, which was proved; the connection still has the old one."""
    database = Database(site.settings.database)
    with database.write() as transaction:
        transaction.exec_driver_sql(
            "CREATE TRIGGER stuck BEFORE DELETE ON credentials BEGIN SELECT count(*) FROM (WITH "
            "RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 4000000000) "
            "SELECT n FROM c); END"
        )
    key = "other_new" if two else "own_new"
    login = site.other if two else site.login
    process = begin(site, tmp_path, two)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "the database accepts it" in line:
            break
    else:
        raise AssertionError("".join(lines))
    kill(process)
    with database.write() as transaction:
        transaction.exec_driver_sql("DROP TRIGGER stuck")
    database.close()
    pending = site.memory[key]
    assert site.signs_in(login, pending)
    assert site.password == "first"
    require_completed(site, two, pending)


def test_a_change_of_the_login_in_use_is_not_lost_when_the_other_one_takes_over(
    site: Site, postgres: Cluster, tmp_path: Path
) -> None:
    with roles_locked(postgres):
        process = begin(site, tmp_path, two=False)
        wait_for(lambda: altering(postgres), 60)
        kill(process)
    pending = site.memory["own_new"]
    wait_for(lambda: site.signs_in(site.login, pending))
    site.rotate("--other-login", site.other, *second(tmp_path))
    assert site.login_of_a_query() == site.other
    site.rotate()
    assert site.login_of_a_query() == site.login
    assert not site.signs_in(site.login, "first")


# --- bad input -------------------------------------------------------------------------------


def spoil_nothing(site: Site) -> None:
    pass


def make_personal(site: Site) -> None:
    with site.workbench() as workbench:
        connections = workbench.api.services.get(ConnectionService)
        connections.update(ENGINEER, site.view.id, ConnectionUpdate(credentials="personal"))


def make_files(site: Site) -> None:
    with site.workbench() as workbench:
        connections = workbench.api.services.get(ConnectionService)
        connections.delete(ENGINEER, site.view.id)
        folder = site.settings.roots[0]
        folder.mkdir(parents=True)
        connections.create(
            ENGINEER,
            ConnectionCreate(name=site.name, connector="files", config={"folder": str(folder)}),
        )


def delete(site: Site) -> None:
    with site.workbench() as workbench:
        workbench.api.services.get(ConnectionService).delete(ENGINEER, site.view.id)


def change_password(site: Site) -> None:
    with site.postgres.connect() as connection:
        connection.execute(f"alter role {site.login} password 'else'")


def lock_soon(site: Site) -> None:
    with site.postgres.connect() as connection:
        connection.execute(f"alter role {site.login} set lock_timeout = '50ms'")


@pytest.mark.parametrize(
    ("spoil", "options", "words"),
    [
        (delete, (), "There is no connection named"),
        (make_personal, (), "each user enters their own"),
        (make_files, (), "passwords can't be changed from here"),
        (change_password, (), "Enter its current password in the connection's form"),
        (spoil_nothing, ("--other-login", "{login}"), "Name the second one"),
        (spoil_nothing, ("--other-login", "{other}"), "Pass the current one with --password-file"),
        (
            spoil_nothing,
            ("--other-login", "{other}", "--password-file", "/nowhere"),
            "can't be read",
        ),
        (
            spoil_nothing,
            ("--other-login", "{other}", "--password-file", "{wrong}"),
            "Nothing was changed",
        ),
        (
            spoil_nothing,
            ("--other-login", "{other}", "--password-file", "{empty}"),
            "empty",
        ),
        (
            spoil_nothing,
            ("--other-login", "no_such_login", "--password-file", "{wrong}"),
            "Nothing was changed",
        ),
    ],
)  # fmt: skip
def test_errors_are_reported_in_one_line(
    site: Site,
    tmp_path: Path,
    spoil: Callable[[Site], None],
    options: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "wrong").write_text("wrong")
    (tmp_path / "empty").write_text("\n")
    spoil(site)
    filled = [
        option.format(
            login=site.login, other=site.other, wrong=tmp_path / "wrong", empty=tmp_path / "empty"
        )
        for option in options
    ]
    output = site.rotate(*filled, status=1)
    assert words in output
    assert len(output.splitlines()) == 1
    assert site.signs_in(site.other, "second")


def test_a_password_that_the_database_does_not_change_can_be_rotated_later(
    site: Site, postgres: Cluster
) -> None:
    lock_soon(site)
    with roles_locked(postgres):
        output = site.rotate(status=1)
    assert "didn't set the password" in output
    assert site.signs_in(site.login, "first")
    assert site.login_of_a_query() == site.login
    # Nothing is lost: it can be run again.
    require_completed(site, False, site.memory["own_new"])


def test_the_address_is_checked(site: Site) -> None:
    output = site.rotate(status=1, WB_ALLOW_LOOPBACK="0")
    assert "is not allowed: it is this machine itself" in output
    assert "WB_ALLOW_LOOPBACK" in output
    assert site.memory == {}


def test_what_is_remembered_is_dropped_when_the_address_changes(site: Site, tmp_path: Path) -> None:
    site.rotate("--other-login", site.other, *second(tmp_path))
    assert site.memory
    with site.workbench() as workbench:
        connections = workbench.api.services.get(ConnectionService)
        config = site.postgres.config(host="localhost", user=site.login, password="first")
        connections.update(ENGINEER, site.view.id, ConnectionUpdate(config=config))
    assert site.memory == {}
