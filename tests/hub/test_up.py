"""``wb up`` as a process: how it ends, and what it leaves."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest
from running_hub import Browser, NotStarted, Running, launch, start_up, until

# Starts Workbenches of its own.
pytestmark = pytest.mark.slow


def alive(processes: list[psutil.Process]) -> list[str]:
    left = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return left


def with_server_and_kernel(running: Running) -> list[psutil.Process]:
    """Signs in, starts a server and a kernel; all processes there are then."""
    assert running.admin_password
    with Browser(running.url) as browser:
        browser.sign_in("admin", running.admin_password)
        browser.start_server("admin")
        answer = browser.server("POST", "admin", "api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        kernel = answer.json()["id"]

    def started() -> list[psutil.Process]:
        return [p for p in running.descendants() if kernel in " ".join(p.cmdline())]

    until(started, what="the kernel's process")
    return running.descendants()


def port_is_free(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) != 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_leaves_nothing(tmp_path: Path, sign: signal.Signals) -> None:
    with start_up(tmp_path / "data") as running:
        processes = with_server_and_kernel(running)
        assert len(processes) >= 5
        assert running.stop(sign) == 0
        assert alive(processes) == []
        assert port_is_free(running.url)
        assert not (tmp_path / "data" / "hub" / "proxy.pid").exists()


def test_killed_it_leaves_nothing_and_starts_again(tmp_path: Path) -> None:
    with start_up(tmp_path / "data") as running:
        processes = with_server_and_kernel(running)
        port = int(running.url.rsplit(":", 1)[1])
        running.stop(signal.SIGKILL)
        # At once, on the same port: it waits for the one before it to be gone.
        with start_up(tmp_path / "data", port=port) as again:
            assert again.admin_password is None
        until(lambda: not alive(processes), 30, "all processes are gone")


def test_ends_with_a_clear_line_when_the_hub_dies(tmp_path: Path) -> None:
    with start_up(tmp_path / "data") as running:
        processes = running.descendants()
        next(p for p in processes if "jupyterhub" in p.cmdline()).kill()
        assert running.process.wait(60) == 1
        until(lambda: not alive(processes), 30, "all processes are gone")
    last = next(line for line in reversed(running.lines) if line.strip())
    assert "The whole log" in last
    assert "The Hub ended" in last


def test_the_service_is_started_again_when_it_dies(tmp_path: Path) -> None:
    with start_up(tmp_path / "data") as running:
        old = next(p for p in running.descendants() if "service" in p.cmdline())
        old.kill()
        # The Hub looks every half minute.
        until(lambda: "The service runs again." in running.lines, 90, "the service is back")
        assert any("The service ended" in line for line in running.lines)
        health = f"{running.url}/services/workbench/api/v1/health"
        until(lambda: httpx.get(health, trust_env=False).status_code == 200, 30, "it answers")
        assert running.process.poll() is None


def test_second_start_finds_everything_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with start_up(data) as first:
        password = first.admin_password
        assert password
        key = (data / "master.key").read_bytes()
        with Browser(first.url) as browser:
            browser.sign_in("admin", password)
            browser.api("POST", "/users/ann")
            browser.api("POST", "/groups/analyst/users", json={"users": ["ann"]})
            # Taken back by hand: no later start may give it again.
            browser.api("DELETE", "/groups/admin/users", json={"users": ["admin"]})
    with start_up(data) as second:
        print(f"first start {first.seconds:.1f} s, second start {second.seconds:.1f} s")
        assert second.admin_password is None
        assert (data / "master.key").read_bytes() == key
        with Browser(second.url) as browser:
            browser.sign_in("admin", password)
            assert browser.api("GET", "/user").json()["groups"] == []
            assert browser.api("GET", "/users/ann").json()["groups"] == ["analyst"]


def test_a_wrong_master_key_is_refused_in_one_line(tmp_path: Path) -> None:
    from cryptography.fernet import Fernet

    data = tmp_path / "data"
    with start_up(data):
        pass
    key = data / "master.key"
    right = key.read_bytes()
    key.write_bytes(Fernet.generate_key())
    with pytest.raises(NotStarted) as wrong:
        launch(data)
    assert wrong.value.status == 1
    (line,) = wrong.value.output.strip().splitlines()[-1:]
    assert "not the one that this database was sealed with" in line
    assert "Traceback" not in wrong.value.output
    key.write_bytes(right)
    with start_up(data):
        pass


def test_two_on_one_folder(tmp_path: Path) -> None:
    with start_up(tmp_path / "data"), pytest.raises(NotStarted, match="already runs on") as raised:
        launch(tmp_path / "data")
    assert raised.value.status == 1


def test_two_side_by_side(tmp_path: Path) -> None:
    with start_up(tmp_path / "a") as one, start_up(tmp_path / "b") as two:
        assert one.url != two.url
        assert one.admin_password != two.admin_password
        with Browser(two.url) as browser:
            assert one.admin_password
            assert browser.sign_in("admin", one.admin_password).status_code == 403


def test_warns_of_plain_http(tmp_path: Path) -> None:
    with start_up(tmp_path / "data", "--host", "0.0.0.0") as running:
        assert any("plain HTTP" in line for line in running.lines)
        assert running.url.startswith("http://127.0.0.1:")


def test_a_start_shows_no_noise(tmp_path: Path) -> None:
    with start_up(tmp_path / "data") as running:
        assert [line for line in running.lines if line.startswith("[")] == []
