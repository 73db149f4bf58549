"""A full disk: under the metadata database with its audit log, and under the blobs.

Each is on its own small file system in memory, which only root can mount.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.api import Api
from support.disk import fill, small_disk
from support.jupyter import embedded
from support.metadata import migrate_new
from support.postgres import Cluster
from support.site import site
from support.wait import wait_for

from wb_server.kit.blobs import Blobs
from wb_server.kit.db import Database
from wb_server.kit.errors import Unavailable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with small_disk(tmp_path_factory.mktemp("full") / "data", 16) as folder:
        yield folder


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[Api]:
    """The API with its data on the small disk."""
    folder = tmp_path_factory.mktemp("server")
    with embedded(folder, variables={"WB_DATA_DIR": str(disk)}) as api:
        yield api


def test_work_is_refused_while_the_disk_is_full_and_resumes_afterwards(
    local: Api, disk: Path, postgres: Cluster
) -> None:
    body = {"name": "shop", "connector": "postgres", "config": postgres.config()}
    made = local.ok("POST", "/connections", body)
    query = {"connection": "shop", "sql": "select 1 as one"}
    assert local.call("POST", "/query", query).status_code == 200
    with postgres.connect() as connection:
        connection.execute("create table if not exists full_disk (n int)")

    filler = fill(disk)
    # SQLite's WAL file may still have free space; rows are written until it is used up.
    for _ in range(10_000):
        answer = local.call("POST", "/query", query)
        if answer.status_code != 200:
            break
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "storage_full"
    # Without a row in the audit log nothing is read, written or changed.
    for error in (
        local.refused(503, "POST", "/query", query),
        local.refused(
            503, "POST", "/query", {"connection": "shop", "sql": "insert into full_disk values (1)"}
        ),
        local.refused(503, "POST", "/connections", {**body, "name": "second"}),
        local.refused(503, "PATCH", f"/connections/{made['id']}", {"description": "changed"}),
        local.refused(503, "DELETE", f"/connections/{made['id']}"),
    ):
        assert error["code"] == "storage_full"
    with postgres.connect() as connection:
        assert connection.execute("select count(*) from full_disk").fetchone() == (0,)
        connection.execute("drop table full_disk")
    # What needs no space works.
    assert local.ok("GET", "/health")["status"]
    assert [item["name"] for item in local.ok("GET", "/connections")["items"]] == ["shop"]

    filler.unlink()
    table, _ = local.query("shop", "select 2 as two")
    assert table.to_pylist() == [{"two": 2}]
    assert local.ok("GET", f"/connections/{made['id']}")["description"] == ""
    assert local.ok("POST", "/connections", {**body, "name": "second"})["name"] == "second"
    with sqlite3.connect(f"file:{disk / 'workbench.db'}?mode=ro", uri=True) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_a_restarted_worker_waits_to_start(tmp_path: Path, postgres: Cluster) -> None:
    mark = f"nap_{os.urandom(4).hex()}"
    with postgres.connect() as connection:
        connection.execute(f"create view {mark} as select 1 as n from pg_sleep(3)")
    with (
        small_disk(tmp_path / "data", 16) as disk,
        site(tmp_path, WB_LEASE_SECONDS="600") as it,
    ):
        it.connect("shop", postgres.config())
        it.save(
            "name: p\ntasks:\n  a: {type: sql, connection: shop, "
            f"statement: 'select n from {mark}'}}\n"
        )
        it.start_worker()
        run = it.run("p")
        it.running(run, "a")
        wait_for(lambda: postgres.active(mark))
        it.kill(it.workers[0])
        filler = fill(disk)
        # As above, SQLite's WAL file has to be used up.
        with pytest.raises(Unavailable):
            for number in range(1_000):
                it.connect(f"shop{number}", postgres.config())
        it.start_worker()
        # To free the claims of its predecessor, it has to write.
        wait_for(lambda: "waiting to start" in it.log("worker"))
        filler.unlink()
        assert it.ended(run).state == "succeeded"


def test_every_answered_read_is_in_the_audit_log(local: Api) -> None:
    rows = local.ok("GET", "/audit/mine", action="query.read", limit=1000)["items"]
    started = {row["record"] for row in rows if row["event"] == "started"}
    finished = {row["record"] for row in rows if row["event"] == "finished"}
    assert finished <= started
    assert len(finished) >= 2


def test_a_blob_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    migrate_new(f"sqlite:///{tmp_path / 'workbench.db'}")
    database = Database(f"sqlite:///{tmp_path / 'workbench.db'}")
    with small_disk(tmp_path / "blobs", 2) as folder:
        store = Blobs(folder, database)
        kept = store.put([b"before"])
        with pytest.raises(Unavailable) as caught:
            store.put(bytes([number % 251]) * 65536 for number in range(64))
        assert caught.value.code == "storage_full"
        assert [path.name for path in folder.rglob("*") if path.is_file()] == [kept[2:]]
        with store.open(kept) as file:
            assert file.read() == b"before"
        again = store.put([b"after"])
        with store.open(again) as file:
            assert file.read() == b"after"
    database.close()
