from __future__ import annotations

import base64
import os
import socket
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest

from wb_hub import data_dir
from wb_hub.data_dir import DataDir, Refused
from wb_hub.up import check_port, main


def sqlite(path: Path, *statements: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_folder_is_private(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "a" / "data")
    data.prepare()
    data.prepare()
    assert {mode(p) for p in (data.path, data.hub, data.logs, data.users, data.files)} == {0o700}


def test_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.odt").touch()
    with pytest.raises(Refused, match="already holds other files"):
        DataDir(tmp_path).prepare()
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.odt"]


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(Refused, match="is a file"):
        DataDir(tmp_path / "data").prepare()


def test_a_parent_that_can_not_be_written(tmp_path: Path) -> None:
    # Missing write permission doesn't stop root; a file as the parent stops every user.
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="can't be written"):
        DataDir(tmp_path / "file" / "data").prepare()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "workbench.db").write_text("To do: everything. " * 100)
    with pytest.raises(Refused, match="isn't an SQLite database"):
        DataDir(tmp_path).prepare()


def test_a_database_of_another_program(tmp_path: Path) -> None:
    sqlite(tmp_path / "workbench.db", "create table moz_cookies (id integer)")
    with pytest.raises(Refused, match="another program"):
        DataDir(tmp_path).prepare()


@pytest.mark.parametrize("name", ["workbench.db", "hub/jupyterhub.sqlite"])
def test_a_damaged_database(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = "users" if "hub" in name else "alembic_version"
    sqlite(
        path,
        f"create table {table} (id integer primary key, name text unique)",
        f"with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) "
        f"insert into {table} select i, 'name ' || i from n",
    )
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * 4096 * 8)
    with pytest.raises(Refused, match="damaged"):
        DataDir(tmp_path).prepare()


def test_the_workbenchs_own_databases_pass(tmp_path: Path) -> None:
    sqlite(tmp_path / "workbench.db", "create table alembic_version (version_num text)")
    sqlite(tmp_path / "hub" / "jupyterhub.sqlite", "create table users (id integer)")
    DataDir(tmp_path).prepare()


def test_master_key_is_made_once_and_private(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    key = tmp_path / "master.key"
    data.master_key(key, needed=False)
    made = key.read_bytes()
    assert len(base64.urlsafe_b64decode(made.strip())) == 32
    assert mode(key) == 0o600
    data.master_key(key, needed=True)
    assert key.read_bytes() == made
    key.chmod(0o644)
    data.master_key(key, needed=True)
    assert mode(key) == 0o600


def test_several_keys_pass(tmp_path: Path) -> None:
    """After a rotation the file holds the older keys too, the newest first."""
    key = tmp_path / "master.key"
    DataDir(tmp_path).master_key(key, needed=False)
    key.write_bytes(key.read_bytes() + base64.urlsafe_b64encode(b"o" * 32) + b"\n")
    DataDir(tmp_path).master_key(key, needed=True)


def test_lost_master_key_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is missing"):
        DataDir(tmp_path).master_key(tmp_path / "master.key", needed=True)
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("content", [b"", b"not a key\n", base64.urlsafe_b64encode(b"short")])
def test_an_invalid_master_key_is_left_unchanged(tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "master.key"
    key.write_bytes(content)
    with pytest.raises(Refused, match="isn't a key"):
        DataDir(tmp_path).master_key(key, needed=True)
    assert key.read_bytes() == content


def test_first_administrator(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.prepare()
    first = data.first_admin()
    assert first is not None
    made = (data.hub / "first-admin.json").read_text()
    assert first.password not in made
    assert mode(data.hub / "first-admin.json") == 0o600
    # The start was interrupted before anyone saw the password: the next start shows a new one.
    sqlite(data.hub / "jupyterhub.sqlite", "create table users (id integer)")
    again = data.first_admin()
    assert again is not None
    assert again.password != first.password
    import json

    stored = json.loads((data.hub / "first-admin.json").read_text())["password_hash"]
    assert bcrypt.checkpw(again.password.encode(), stored.encode())
    data.first_start_done()
    assert data.first_admin() is None


def test_one_workbench_per_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_dir, "_RUNNING_SECONDS", 0.1)
    data = DataDir(tmp_path)
    data.prepare()
    with data.exclusive(), pytest.raises(Refused, match="already running"), data.exclusive():
        pass
    with data.exclusive():
        pass


def test_a_start_waits_for_one_that_is_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_dir, "_RUNNING_SECONDS", 0)
    data = DataDir(tmp_path)
    data.prepare()
    events: list[str] = []

    def again() -> None:
        with data.exclusive():
            events.append("started")

    other = threading.Thread(target=again)
    with data.exclusive():
        data.ending()
        other.start()
        # Longer than its polling interval.
        other.join(0.5)
        events.append("ended")
    other.join(10)
    assert events == ["ended", "started"]
    monkeypatch.setattr(data_dir, "_ENDING_SECONDS", 0.1)
    with data.exclusive():
        data.ending()
        with pytest.raises(Refused, match=rf"process {os.getpid()}\)"), data.exclusive():
            pass


def test_the_runtime_folder_of_a_killed_start_is_removed(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.prepare()
    with data.runtime_dir() as first:
        assert mode(first) == 0o700
        with data.runtime_dir() as second:
            assert not first.exists()
    assert not second.exists()
    # The note in the data folder can't be used to remove other folders.
    (tmp_path / "precious").mkdir()
    (data.hub / "runtime-dir").write_text(str(tmp_path / "precious"))
    with data.runtime_dir():
        assert (tmp_path / "precious").is_dir()


def test_a_stale_pid_file_of_the_proxy_is_removed(tmp_path: Path) -> None:
    data = DataDir(tmp_path)
    data.prepare()
    (data.hub / "proxy.pid").write_text("1")
    with data.exclusive():
        assert not (data.hub / "proxy.pid").exists()


def test_port_in_use() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} on 127.0.0.1 is in use"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70000), ("192.0.2.1", 8000), ("no.such.host.invalid", 8000)]
)
def test_invalid_addresses(host: str, port: int) -> None:
    with pytest.raises(Refused, match=r"isn't a port|can't be listened on"):
        check_port(host, port)


@pytest.mark.usefixtures("home")
def test_refusals_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert main(["--port", port, "--data-dir", str(tmp_path / "data")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "--port" in printed.err
    assert not (tmp_path / "data").exists()
