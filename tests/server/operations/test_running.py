"""A running Workbench is backed up, and one restored from the backup works too."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from running_hub import Browser, Running, start_up
from support import service
from support.api import Api
from support.installation import Rows, environment, rows_of, wb
from support.people import People
from support.postgres import Cluster

from wb_server.governance.audit.store import audit


@dataclass
class Load:
    """What the users did, and what went wrong."""

    queries: int = 0
    changes: int = 0
    wrong: list[str] = field(default_factory=list)


@contextmanager
def under_load(apis: list[Api], config: dict[str, object]) -> Iterator[Load]:
    """Users who query and who add connections, for as long as the block runs."""
    load, stop = Load(), threading.Event()

    def query(api: Api) -> None:
        while not stop.is_set():
            answer = api.call("POST", "/query", {"connection": "shop", "sql": "select 1 as one"})
            load.queries += 1
            if answer.status_code != 200:
                load.wrong.append(answer.text)

    def change(api: Api, mark: int) -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            body = {"name": f"c_{mark}_{number}", "connector": "postgres", "config": config}
            answer = api.call("POST", "/connections", body)
            load.changes += 1
            if not answer.is_success:
                load.wrong.append(answer.text)

    threads = [threading.Thread(target=query, args=(api,)) for api in apis[:2]]
    threads += [threading.Thread(target=change, args=(api, n)) for n, api in enumerate(apis[2:])]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def unsealed(rows: Rows) -> set[tuple[object, ...]]:
    """The audit rows without the last column, the seal's number, which is written later."""
    assert list(audit.columns)[-1] is audit.c.seal
    return {row[:-1] for row in rows["audit"]}


def test_a_service_under_load_is_backed_up_and_its_copy_works(
    people: People,
    postgres: Cluster,
    new_url: Callable[[str], str],
    tmp_path: Path,
    passphrase_file: Path,
) -> None:
    data, new, archive = tmp_path / "data", tmp_path / "new", tmp_path / "b.tar"
    url, other = new_url("data"), new_url("new")
    lite = url.startswith("sqlite")
    secret = ("--passphrase-file", str(passphrase_file))
    with service.installation(people, data, {"WB_DATABASE_URL": url}) as old:
        running = old.start()
        apis = [running.api("a-engineer") for _ in range(4)]
        config = postgres.config()
        apis[0].ok(
            "POST", "/connections", {"name": "shop", "connector": "postgres", "config": config}
        )
        before = rows_of(url)
        with under_load(apis, config) as load:
            old.run("backup", str(archive), *secret)
        assert load.wrong == []
        assert load.queries > 5 and load.changes > 5
        after = rows_of(url)
        running.end()

    settings = {"WB_DATA_DIR": str(new), "WB_DATABASE_URL": "" if lite else other}
    done = wb("restore", archive, *secret, **settings)
    assert done.returncode == 0, done.stderr
    found = rows_of(other)
    # A consistent state between the two: everything from before, nothing invented, nothing half done.
    assert unsealed(before) <= unsealed(found) <= unsealed(after)
    assert len(before["audit"]) < len(found["audit"])
    assert set(map(str, before["credentials"])) <= set(map(str, found["credentials"]))
    assert {row[0] for row in found["connections"]} == {row[1] for row in found["credentials"]}
    assert wb("audit", "verify", **settings).returncode == 0

    # The copy works with the stored password and the key that came with it.
    copy = service.Installation(people, new, environment(**settings, WB_ALLOW_LOOPBACK="1"))
    running = copy.start()
    try:
        table, _ = running.api("a-engineer").query("shop", "select 2 as two")
        assert table.to_pylist() == [{"two": 2}]
    finally:
        running.end()


@pytest.mark.slow
def test_a_restored_workbench_starts_with_its_users_and_passwords(
    hub: Running, people: People, tmp_path: Path, postgres: Cluster, passphrase_file: Path
) -> None:
    new, archive = tmp_path / "elsewhere" / "new", tmp_path / "b.tar"
    secret = ("--passphrase-file", passphrase_file)
    password = hub.admin_password
    assert password
    api = people.api("a-engineer")
    body = {"name": "restored", "connector": "postgres", "config": postgres.config()}
    api.ok("POST", "/connections", body)
    home = hub.data_dir / "users" / "a-engineer"
    home.mkdir(exist_ok=True)
    (home / "restored.ipynb").write_text("{}")
    done = wb("backup", archive, *secret, WB_DATA_DIR=str(hub.data_dir))
    assert done.returncode == 0, done.stderr
    new.parent.mkdir()
    done = wb("restore", archive, *secret, WB_DATA_DIR=str(new))
    assert done.returncode == 0, done.stderr
    with start_up(new) as second:
        assert second.admin_password is None
        with Browser(second.url) as browser:
            browser.sign_in("admin", password)
            assert browser.signed_in() == "admin"
        # The administrator's token, which the Hub knows by its hash, came with it.
        api = People(second.url, people.admin_token).api("a-engineer")
        assert api.query("restored", "select 3 as three")[0].to_pylist() == [{"three": 3}]
        # The sample's files, which are elsewhere now.
        table, _ = api.query("sample", "select count(*) as n from customers")
        assert table.to_pylist()[0]["n"] > 0
    assert (new / "users" / "a-engineer" / "restored.ipynb").read_text() == "{}"
