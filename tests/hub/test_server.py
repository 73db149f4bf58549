"""What a user's Jupyter server gets, as seen from inside a running one."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import httpx
import psutil
import pytest
from running_hub import Browser, Running, until


@pytest.fixture(scope="module")
def server(hub: Running) -> psutil.Process:
    """The administrator's server, started."""
    assert hub.admin_password
    with Browser(hub.url) as browser:
        browser.sign_in("admin", hub.admin_password)
        browser.start_server("admin")
    return next(p for p in hub.descendants() if _is_default_server(p, "admin"))


def _is_default_server(process: psutil.Process, user: str) -> bool:
    """Other tests may have started other users' servers, and the user's named one."""
    if "jupyterhub.singleuser" not in process.cmdline():
        return False
    env = process.environ()
    return (env["JUPYTERHUB_USER"], env["JUPYTERHUB_SERVER_NAME"]) == (user, "")


def test_its_environment_has_no_secrets(hub: Running, server: psutil.Process) -> None:
    env = server.environ()
    allowed = {
        "HOME",
        "LANG",
        "LC_ALL",
        "PATH",
        "PLOOMBER_STATS_ENABLED",
        "SHELL",
        "TZ",
        "USER",
        "WB_PLAIN_KERNEL",
        "WORKBENCH_URL",
    }
    others = {n for n in env if n not in allowed and not n.startswith(("JUPYTER", "JPY_API_TOKEN"))}
    assert others == set()
    text = "\n".join(env.values())
    assert "master.key" not in text
    assert "workbench.db" not in text
    for name in ("cookie_secret",):
        assert (hub.data_dir / "hub" / name).read_text().strip() not in text


def test_the_scopes_of_its_token(hub: Running, server: psutil.Process) -> None:
    headers = {"Authorization": f"token {server.environ()['JUPYTERHUB_API_TOKEN']}"}
    with httpx.Client(base_url=hub.url, headers=headers, trust_env=False) as http:
        user = http.get("/hub/api/user").json()
        assert user["name"] == "admin"
        assert user["groups"] == ["admin"]
        scopes = {scope.split("!")[0] for scope in user["scopes"]}
        assert {"access:services", "custom:workbench:use", "custom:workbench:read"} <= scopes
        # The administrator's own rights at the Hub are not in it.
        assert not {s for s in scopes if s.startswith(("admin", "groups", "tokens", "servers"))}
        assert http.get("/hub/api/users").status_code == 403
        assert http.post("/hub/api/users/mallory").status_code == 403


def test_home_is_private_and_has_the_examples(hub: Running, server: psutil.Process) -> None:
    home = Path(server.environ()["HOME"])
    assert home == hub.data_dir / "users" / "admin"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert list((home / "examples").glob("*.ipynb"))
    pipelines = home / "examples" / "pipelines"
    assert {path.name for path in pipelines.glob("*/*.pipeline.yaml")} == {
        "customer_balances.pipeline.yaml",
        "monthly_sales.pipeline.yaml",
    }
    assert list(pipelines.rglob("__pycache__")) == []
    assert server.cwd() == str(home)


def test_kernels_listen_on_no_port(hub: Running, admin: Browser, server: psutil.Process) -> None:
    admin.http.get("/user/admin/lab", headers={"Sec-Fetch-Mode": "navigate"})
    answer = admin.server("POST", "admin", "api/kernels", json={"name": "python3"})
    assert answer.status_code == 201, answer.text
    kernel = answer.json()["id"]
    try:
        process = until(
            lambda: next(
                (p for p in server.children(True) if kernel in " ".join(p.cmdline())), None
            ),
            what="the kernel's process",
        )
        sockets = Path(server.environ()["JUPYTER_RUNTIME_DIR"])
        until(lambda: list(sockets.glob(f"kernel-{kernel}-ipc-*")), what="its sockets")
        # At most one TCP port, the debugger's: none of Jupyter's five.
        assert stat.S_IMODE(sockets.stat().st_mode) & 0o777 == 0o700
        assert len([c for c in process.net_connections("tcp") if c.status == "LISTEN"]) <= 1
        until(
            lambda: (
                admin.server("GET", "admin", f"api/kernels/{kernel}").json()["execution_state"]
                in {"idle", "starting"}
            ),
            what="the kernel answers",
        )
    finally:
        admin.server("DELETE", "admin", f"api/kernels/{kernel}")


def test_lab_starts_without_news_and_with_the_workbench_kernel(
    admin: Browser, server: psutil.Process
) -> None:
    page = admin.http.get("/user/admin/lab", headers={"Sec-Fetch-Mode": "navigate"})
    assert page.status_code == 200
    assert "@jupyterlab/apputils-extension:announcements" in page.text
    kernels = admin.server("GET", "admin", "api/kernelspecs").json()
    assert kernels["default"] == "workbench-python"
    assert "workbench-python" in kernels["kernelspecs"]
    assert "python3" not in kernels["kernelspecs"]


def test_files_of_the_hub_are_private(hub: Running) -> None:
    for path in (hub.data_dir, hub.data_dir / "hub", hub.data_dir / "users"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in (hub.data_dir / "master.key", hub.data_dir / "hub" / "cookie_secret"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert path.stat().st_uid == os.getuid()


def test_health_through_the_proxy(hub: Running) -> None:
    with httpx.Client(base_url=hub.url, trust_env=False) as http:
        health = http.get("/services/workbench/api/v1/health").json()
    assert health["status"] == "ok"
    assert health["mode"] == "hub"
    assert health["isolated"] is False


def test_pictures_beside_notebooks_are_their_users_alone(
    hub: Running, admin: Browser, server: psutil.Process
) -> None:
    home = Path(server.environ()["HOME"])
    (home / "chart.png").write_bytes(b"chart")
    (home / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    folder = f"{hub.url}/user/admin/voila/files"
    for name in ("chart.png", "drawing.svg"):
        assert httpx.get(f"{folder}/{name}", trust_env=False).status_code == 302
    _open_server(admin)
    assert admin.http.get(f"{folder}/chart.png").content == b"chart"
    drawing = admin.http.get(f"{folder}/drawing.svg")
    assert drawing.status_code == 200
    assert "sandbox" in drawing.headers["Content-Security-Policy"]
    for name in (".workbench/x.png", "../../hub/x.png", "examples/02-sales-dashboard.ipynb"):
        assert admin.http.get(f"{folder}/{name}").status_code in (403, 404)


def test_a_dashboard_runs_only_when_its_user_asks(
    hub: Running, admin: Browser, server: psutil.Process
) -> None:
    """A link on another site neither runs a notebook nor puts text into the page."""
    home = Path(server.environ()["HOME"])
    cell = {"cell_type": "code", "id": "one", "metadata": {}, "source": "open('ran', 'x').close()",
            "execution_count": None, "outputs": []}  # fmt: skip
    kernel = {"kernelspec": {"name": "workbench-python", "display_name": "Workbench Python"}}
    (home / "ran.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
    )
    _open_server(admin)
    url = f"{hub.url}/user/admin/voila/render/ran.ipynb"
    script = '"><script>alert(1)</script>'
    for site in ("cross-site", "same-site"):
        asked = admin.http.get(url, params={"theme": script}, headers={"Sec-Fetch-Site": site})
        assert "Run ran.ipynb?" in asked.text
        assert script not in asked.text
        assert asked.headers["Content-Security-Policy"].startswith("frame-ancestors 'self'")
        assert not (home / "ran").exists()
    shown = admin.http.get(
        url,
        params={"theme": script, "template": "../../../.."},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert shown.status_code == 200
    assert script not in shown.text
    assert (home / "ran").exists()


def _open_server(browser: Browser) -> None:
    """Opens the user's Lab, which sets the server's own cookies."""
    browser.http.get("/user/admin/lab", headers={"Sec-Fetch-Mode": "navigate"})
