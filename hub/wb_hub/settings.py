"""The settings of the Hub, read from environment variables in one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
# Comes with a package that isn't built for every platform.
REDIS_SERVER = Path(sys.executable).parent / "redis-server"


class SettingError(ValueError):
    """A setting can't be used; the text names the variable."""


def _flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    value = env.get(name, "").strip().lower()
    if value in {"", "1", "true", "yes", "0", "false", "no"}:
        return default if not value else value in {"1", "true", "yes"}
    raise SettingError(f"{name} is {value!r}; it must be 1 or 0")


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name, "").strip()
    if not value:
        return default
    if not value.isdigit():
        raise SettingError(f"{name} is {value!r}; it must be a whole number")
    return int(value)


def _secret(env: Mapping[str, str], name: str) -> str:
    """A secret from ``NAME``, or from the file that ``NAME_FILE`` names."""
    path = env.get(f"{name}_FILE", "")
    if not path:
        return env.get(name, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{name}_FILE: {path} can't be read: {error.strerror}") from None


def _names(env: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(part.strip() for part in env.get(name, "").split(",") if part.strip())


def default_data_dir(env: Mapping[str, str]) -> Path:
    """``workbench`` in the user's data folder, by the XDG specification."""
    base = env.get("XDG_DATA_HOME", "")
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "workbench"


@dataclass(frozen=True)
class Oidc:
    """A sign-in provider of OAuth 2 or OpenID Connect.

    Attributes:
        groups_claim: If set, groups come from this claim only.
        allow_all: Whether everybody whom the provider authenticates may sign in.
        allowed_groups: Groups whose members may sign in; needs ``groups_claim``.
    """

    client_id: str
    client_secret: str = field(repr=False)
    issuer: str = ""
    authorize_url: str = ""
    token_url: str = ""
    userdata_url: str = ""
    username_claim: str = "preferred_username"
    groups_claim: str = ""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    callback_url: str = ""
    name: str = "single sign-on"
    allow_all: bool = False
    allowed_groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class HubSettings:
    """Everything ``wb_hub.config`` needs to know.

    Attributes:
        data_dir: Folder of the service, and of the users' homes if they are not system users.
        own_dir: Folder of the Hub's own files and secrets, if not in the data folder: a Hub that runs
            as root needs one that the service's user can't write to.
        redis_url: Redis for the queue of pipelines' tasks; empty: the service runs them itself.
        redis_socket: If set, Redis is started here, on this socket.
        runtime_dir: Short, private folder for sockets; empty: Jupyter's default.
        spawner: ``simple``: every server runs as the Hub's own user. ``local``: as the system
            user of the same name (the Hub runs as root).
        service_url: If set, the service runs elsewhere, at this address, and isn't started here.
        tether: Whether children end when their parent dies.
        notebook_servers: How many servers for notebooks of pipelines may run at the same time.
        notebooks_idle_minutes: Minutes without work after which one of them stops.
        plain_kernel: Whether users' servers also offer the Python kernel that has no ``%%sql``.
        worker_token: The Hub's token for workers that run elsewhere, which start users' servers.
        trusted_proxies: Addresses of proxies in front of the Hub's own that are trusted to report
            the client's address.
    """

    data_dir: Path
    own_dir: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    hub_port: int = 8081
    proxy_api_port: int = 8001
    service_port: int = 8082
    service_url: str = ""
    service_token: str = field(default="", repr=False)
    service_user: str = ""
    redis_url: str = field(default="", repr=False)
    redis_socket: str = ""
    runtime_dir: str = ""
    spawner: str = "simple"
    tether: bool = False
    sign_up: bool = True
    trusted_proxies: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    server_env_keep: frozenset[str] = frozenset()
    plain_kernel: bool = False
    worker_token: str = field(default="", repr=False)
    notebook_servers: int = 20
    notebooks_idle_minutes: int = 15
    oidc: Oidc | None = None

    @property
    def hub_dir(self) -> Path:
        return self.own_dir or self.data_dir / "hub"

    @property
    def proxy_url(self) -> str:
        """The address of the Hub's proxy, from this machine."""
        everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        host = everywhere.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def users_dir(self) -> Path:
        return self.data_dir / "users"

    @property
    def first_admin_file(self) -> Path:
        """Name and password hash of the administrator that the first start creates."""
        return self.hub_dir / "first-admin.json"

    @property
    def extra_config_dir(self) -> Path:
        # Code in this folder runs as the Hub.
        return (self.own_dir or self.data_dir) / "jupyterhub_config.d"

    @property
    def service_direct_url(self) -> str:
        """The address at which a kernel reaches the service without the proxy."""
        base = self.service_url or f"http://127.0.0.1:{self.service_port}"
        return f"{base.rstrip('/')}/services/workbench"


def _oidc(env: Mapping[str, str]) -> Oidc | None:
    client_id = env.get("WB_OIDC_CLIENT_ID", "")
    if not client_id:
        return None
    names = ("ISSUER", "AUTHORIZE_URL", "TOKEN_URL", "USERDATA_URL")
    issuer, authorize, token, userdata = (env.get(f"WB_OIDC_{name}", "") for name in names)
    if not issuer and not (authorize and token and userdata):
        raise SettingError(
            "WB_OIDC_CLIENT_ID is set, so WB_OIDC_ISSUER must be set too, or all of "
            "WB_OIDC_AUTHORIZE_URL, WB_OIDC_TOKEN_URL and WB_OIDC_USERDATA_URL"
        )
    return Oidc(
        client_id=client_id,
        client_secret=_secret(env, "WB_OIDC_CLIENT_SECRET"),
        issuer=issuer,
        authorize_url=authorize,
        token_url=token,
        userdata_url=userdata,
        username_claim=env.get("WB_OIDC_USERNAME_CLAIM") or Oidc.username_claim,
        groups_claim=env.get("WB_OIDC_GROUPS_CLAIM", ""),
        scopes=tuple(env.get("WB_OIDC_SCOPES", "").split()) or Oidc.scopes,
        callback_url=env.get("WB_OIDC_CALLBACK_URL", ""),
        name=env.get("WB_OIDC_NAME") or Oidc.name,
        allow_all=_flag(env, "WB_OIDC_ALLOW_ALL", False),
        allowed_groups=_names(env, "WB_OIDC_ALLOWED_GROUPS"),
    )


def from_env(env: Mapping[str, str] = os.environ) -> HubSettings:
    """The settings in force.

    Raises:
        SettingError: A variable has an invalid value.
    """
    spawner = env.get("WB_SPAWNER") or "simple"
    if spawner not in {"simple", "local"}:
        raise SettingError(f"WB_SPAWNER is {spawner!r}; it must be simple or local")
    service_url = env.get("WB_SERVICE_URL", "")
    service_token = _secret(env, "WB_SERVICE_TOKEN")
    if service_url and not service_token:
        raise SettingError(
            "WB_SERVICE_URL is set, so WB_SERVICE_TOKEN or WB_SERVICE_TOKEN_FILE must be set too"
        )
    data_dir, own_dir = env.get("WB_DATA_DIR"), env.get("WB_HUB_DIR")
    return HubSettings(
        data_dir=Path(data_dir).resolve() if data_dir else default_data_dir(env),
        own_dir=Path(own_dir).resolve() if own_dir else None,
        host=env.get("WB_HOST") or HubSettings.host,
        port=_number(env, "WB_PORT", HubSettings.port),
        hub_port=_number(env, "WB_HUB_PORT", HubSettings.hub_port),
        proxy_api_port=_number(env, "WB_PROXY_API_PORT", HubSettings.proxy_api_port),
        service_port=_number(env, "WB_SERVICE_PORT", HubSettings.service_port),
        service_url=service_url,
        service_token=service_token,
        service_user=env.get("WB_SERVICE_USER", ""),
        redis_url=env.get("WB_REDIS_URL", ""),
        redis_socket=env.get("WB_REDIS_SOCKET", ""),
        runtime_dir=env.get("WB_RUNTIME_DIR", ""),
        spawner=spawner,
        tether=_flag(env, "WB_TETHER", False),
        sign_up=_flag(env, "WB_SIGN_UP", True),
        trusted_proxies=_names(env, "WB_TRUSTED_PROXIES"),
        admins=_names(env, "WB_ADMINS"),
        server_env_keep=_names(env, "WB_SERVER_ENV_KEEP"),
        plain_kernel=_flag(env, "WB_PLAIN_KERNEL", False),
        worker_token=_secret(env, "WB_WORKER_TOKEN"),
        notebook_servers=_number(env, "WB_NOTEBOOK_SERVERS", HubSettings.notebook_servers),
        notebooks_idle_minutes=max(
            1, _number(env, "WB_NOTEBOOKS_IDLE_MINUTES", HubSettings.notebooks_idle_minutes)
        ),
        oidc=_oidc(env),
    )
