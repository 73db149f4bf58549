"""``wb up`` as a process: how it ends, and what it leaves behind.

Starting takes seconds, so each test checks several things on one start.
"""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography.fernet import Fernet
from running_hub import (
    LAST_LINE,
    Browser,
    NotStarted,
    Running,
    command,
    launch,
    start_up,
    until,
)

# Starts its own Workbenches, one after the other in one test.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def alive(processes: list[psutil.Process]) -> list[str]:
    left = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    return left


def with_server_and_kernel(running: Running, password: str) -> list[psutil.Process]:
    """Signs in, starts a server and a kernel; returns all processes."""
    with Browser(running.url) as browser:
        browser.sign_in("admin", password)
        browser.start_server("admin")
        answer = browser.server("POST", "admin", "api/kernels", json={"name": "python3"})
        assert answer.status_code == 201, answer.text
        kernel = answer.json()["id"]

    def started() -> list[psutil.Process]:
        return [p for p in running.descendants() if kernel in " ".join(p.cmdline())]

    until(started, what="the kernel's process")
    processes = running.descendants()
    assert len(processes) >= 5
    return processes


def port_is_free(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1]))) != 0


def stops(running: Running, sign: signal.Signals, password: str) -> None:
    """Asserts that a signal stops the Workbench and everything it started."""
    processes = with_server_and_kernel(running, password)
    assert running.stop(sign) == 0
    assert alive(processes) == []
    assert port_is_free(running.url)
    assert not (running.data_dir / "hub" / "proxy.pid").exists()


def noise(running: Running) -> list[str]:
    """Log lines in its output."""
    return [line for line in running.lines if line.startswith("[")]


def refused(data: Path) -> str:
    """Asserts that a start is refused without a traceback; returns its last line."""
    with pytest.raises(NotStarted) as raised:
        launch(data)
    assert raised.value.status == 1
    assert "Traceback" not in raised.value.output
    return raised.value.output.strip().splitlines()[-1]


def test_a_second_one_on_the_same_folder_is_refused(hub: Running) -> None:
    assert "already running on" in refused(hub.data_dir)


def test_a_second_start_keeps_everything(hub: Running, tmp_path: Path) -> None:
    """Two starts, ended by Ctrl-C and by SIGTERM; between them one with a wrong master key."""
    data = tmp_path / "data"
    with start_up(data, "--host", "0.0.0.0") as first:
        assert noise(first) == []
        assert any("plain HTTP" in line for line in first.lines)
        assert first.url.startswith("http://127.0.0.1:")
        password = first.admin_password
        assert password
        with Browser(first.url) as browser:
            # Two side by side: each has its own port, users and passwords.
            assert hub.admin_password and first.url != hub.url
            assert browser.sign_in("admin", hub.admin_password).status_code == 403
            browser.sign_in("admin", password)
            browser.api("POST", "/users/ann")
            browser.api("POST", "/groups/analyst/users", json={"users": ["ann"]})
        stops(first, signal.SIGINT, password)
    key = data / "master.key"
    right = key.read_bytes()
    key.write_bytes(Fernet.generate_key())
    assert "doesn't belong to this database" in refused(data)
    key.write_bytes(right)
    with start_up(data) as second:
        print(f"first start {first.seconds:.1f} s, second start {second.seconds:.1f} s")
        assert noise(second) == []
        assert not any("plain HTTP" in line for line in second.lines)
        assert second.admin_password is None
        assert key.read_bytes() == right
        with Browser(second.url) as browser:
            browser.sign_in("admin", password)
            assert browser.api("GET", "/users/ann").json()["groups"] == ["analyst"]
        stops(second, signal.SIGTERM, password)


def test_after_a_kill_nothing_is_left_and_it_starts_again(tmp_path: Path) -> None:
    """First its service is killed, then all of it, then the Hub of the next start."""
    with start_up(tmp_path / "data") as running:
        assert running.admin_password
        service = next(p for p in running.descendants() if "service" in p.cmdline())
        service.kill()
        until(lambda: "The service is running again." in running.lines, 60, "the service is back")
        assert any("The service ended" in line for line in running.lines)
        health = f"{running.url}/services/workbench/api/v1/health"
        until(lambda: httpx.get(health, trust_env=False).status_code == 200, 30, "it answers")
        with Browser(running.url) as browser:
            browser.sign_in("admin", running.admin_password)
            # Revoked by hand: no later start may grant it again.
            browser.api("DELETE", "/groups/admin/users", json={"users": ["admin"]})
        processes = with_server_and_kernel(running, running.admin_password)
        port = int(running.url.rsplit(":", 1)[1])
        running.stop(signal.SIGKILL)
        # At once, on the same port: it waits until the previous one is gone.
        with start_up(tmp_path / "data", port=port) as again:
            assert again.admin_password is None
            with Browser(again.url) as browser:
                browser.sign_in("admin", running.admin_password)
                assert browser.api("GET", "/user").json()["groups"] == []
            until(lambda: not alive(processes), 30, "all processes are gone")
            processes = again.descendants()
            next(p for p in processes if "jupyterhub" in p.cmdline()).kill()
            assert again.process.wait(60) == 1
            until(lambda: not alive(processes), 30, "all processes are gone")
    last = next(line for line in reversed(again.lines) if line.strip())
    assert "The whole log" in last
    assert "The Hub ended" in last


def test_a_terminal_that_hangs_up_stops_it_and_leaves_nothing(tmp_path: Path) -> None:
    """Like `./wb up | tee log` at Ctrl-C: nobody reads its output while it stops."""
    process = subprocess.Popen(
        command(tmp_path / "data"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout as output:
        lines = iter(output.readline, "")
        assert any(line.rstrip("\n") == LAST_LINE for line in lines)
    processes = psutil.Process(process.pid).children(recursive=True)
    assert len(processes) >= 3
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0
    assert alive(processes) == []
