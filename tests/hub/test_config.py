from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from traitlets.config import Config

from wb_hub import config
from wb_hub.settings import HubSettings, Oidc


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubSettings:
    monkeypatch.delenv("WB_TETHER_TO", raising=False)
    (tmp_path / "hub").mkdir()
    return HubSettings(data_dir=tmp_path)


def applied(s: HubSettings) -> Config:
    c = Config()
    for concern in config.CONCERNS:
        concern(c, s)
    return c


def test_only_the_public_port_leaves_loopback(settings: HubSettings) -> None:
    from dataclasses import replace

    c = applied(replace(settings, host="0.0.0.0"))
    assert c.JupyterHub.bind_url == "http://0.0.0.0:8000/"
    assert c.JupyterHub.hub_bind_url.startswith("http://127.0.0.1:")
    assert c.ConfigurableHTTPProxy.api_url.startswith("http://127.0.0.1:")
    assert c.JupyterHub.services[0]["url"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("ann", True),
        ("ann.lee@example.com", True),
        ("7of9", True),
        ("", False),
        ("..", False),
        (".ssh", False),
        ("../x", False),
        ("a/b", False),
        ("a b", False),
        ("a\n", False),
        ("a\nb", False),
        ("Ann", False),
        ("a" * 64, False),
    ],
)
def test_user_names_are_safe_as_folder_names(settings: HubSettings, name: str, good: bool) -> None:
    # The Hub compares with re.match.
    pattern = applied(settings).Authenticator.username_pattern
    assert bool(re.match(pattern, name)) is good


def test_the_scopes_of_a_servers_token(settings: HubSettings) -> None:
    assert applied(settings).Spawner.server_token_scopes == [
        "access:services!service=workbench",
        "access:servers!server",
        "users:activity!user",
        "custom:workbench:use",
    ]


def test_only_the_service_gets_secrets(
    settings: HubSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        "WB_DATABASE_URL": "postgresql://wb:pw@db/wb",
        "WB_KEY_FILE": "/etc/wb/key",
        "WB_OIDC_CLIENT_SECRET": "oidc",
        "WB_SERVICE_TOKEN": "token",
        "JUPYTERHUB_CRYPT_KEY": "crypt",
        "CONFIGPROXY_AUTH_TOKEN": "proxy",
        "AWS_SECRET_ACCESS_KEY": "aws",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    c = applied(settings)
    passed = set(c.Spawner.env_keep) | set(c.Spawner.environment)
    assert not passed & set(secrets)
    assert not any(value in str(c.Spawner.environment) for value in secrets.values())
    service = c.JupyterHub.services[0]["environment"]
    assert service["WB_DATABASE_URL"] == secrets["WB_DATABASE_URL"]
    assert service["WB_KEY_FILE"] == secrets["WB_KEY_FILE"]
    assert not {
        "WB_OIDC_CLIENT_SECRET",
        "WB_SERVICE_TOKEN",
        "JUPYTERHUB_CRYPT_KEY",
        "CONFIGPROXY_AUTH_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
    } & set(service)


def test_a_service_on_another_machine_is_not_started(settings: HubSettings) -> None:
    from dataclasses import replace

    c = applied(replace(settings, service_url="http://service:8082", service_token="t"))
    (service,) = c.JupyterHub.services
    assert "command" not in service
    assert (service["url"], service["api_token"]) == ("http://service:8082", "t")
    assert c.Spawner.environment["WORKBENCH_URL"] == "http://service:8082/services/workbench"


def test_the_service_can_run_as_its_own_user(settings: HubSettings) -> None:
    from dataclasses import replace

    c = applied(replace(settings, service_user="workbench"))
    assert c.JupyterHub.services[0]["user"] == "workbench"


def test_the_first_administrator_comes_from_its_file(settings: HubSettings) -> None:
    assert applied(settings).Authenticator.admin_users == set()
    assert applied(settings).JupyterHub.load_groups["admin"] == {"users": []}
    settings.first_admin_file.write_text(json.dumps({"username": "admin", "password_hash": "x"}))
    c = applied(settings)
    assert c.Authenticator.admin_users == {"admin"}
    assert c.JupyterHub.load_groups["admin"] == {"users": ["admin"]}
    assert c.JupyterHub.load_groups["engineer"] == {"users": []}


def oidc(**more: object) -> Oidc:
    return Oidc(
        client_id="wb",
        client_secret="s",
        authorize_url="https://id.example/a",
        token_url="https://id.example/t",
        userdata_url="https://id.example/u",
        **more,  # type: ignore[arg-type]
    )


def test_a_provider_alone_admits_nobody(settings: HubSettings) -> None:
    from dataclasses import replace

    c = applied(replace(settings, oidc=oidc()))
    assert c.GenericOAuthenticator.allow_all is False
    assert c.GenericOAuthenticator.allow_existing_users is True
    assert set(c.JupyterHub.load_groups) == set(config.GROUPS)


def test_groups_of_the_provider_replace_the_hubs(settings: HubSettings) -> None:
    from dataclasses import replace

    c = applied(replace(settings, oidc=oidc(groups_claim="groups")))
    assert c.GenericOAuthenticator.manage_groups is True
    # The Hub refuses to start with both.
    assert "load_groups" not in c.JupyterHub


def test_no_service_gets_the_workers_token(
    settings: HubSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    monkeypatch.setenv("WB_WORKER_TOKEN", "of-the-worker")
    c = applied(replace(settings, redis_url="redis://r", worker_token="of-the-worker"))
    by_name = {each["name"]: each for each in c.JupyterHub.services}
    assert by_name[config.WORKER]["api_token"] == "of-the-worker"
    for each in c.JupyterHub.services:
        assert "of-the-worker" not in str(each.get("environment"))
    # The service itself can neither start nor access a user's server.
    assert "WB_NOTEBOOKS_URL" not in by_name[config.SERVICE]["environment"]
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    assert roles[config.WORKER]["services"] == [config.WORKER]
    assert not any("servers" in scope for scope in roles["workbench-service"]["scopes"])


def test_workers_on_other_machines_have_a_role(settings: HubSettings) -> None:
    from dataclasses import replace

    elsewhere = replace(settings, service_url="http://s", service_token="s")
    assert config.WORKER not in {each["name"] for each in applied(elsewhere).JupyterHub.services}
    c = applied(replace(elsewhere, worker_token="w"))
    (worker,) = [each for each in c.JupyterHub.services if each["name"] == config.WORKER]
    assert worker == {"name": config.WORKER, "display": False, "api_token": "w"}
    assert config.WORKER in {role["name"] for role in c.JupyterHub.load_roles}
