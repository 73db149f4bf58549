"""The settings of the service, with help, from the environment or the command line.

Each setting is a traitlet; ``WB_<NAME>`` in the environment sets it. ``wb config`` prints the
settings in force and where each comes from.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from traitlets import Bool, Enum, Float, Integer, List, TraitError, Unicode, validate
from traitlets.config import Configurable

# Signatures with a private key that only the issuer has; none with a shared secret.
JWT_ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip


class Settings(Configurable):
    """The settings. Durations are in seconds, sizes in bytes."""

    data_dir = Unicode(
        str(Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "workbench"),
        help="The folder of the metadata database, blobs, logs and the master key.",
    ).tag(config=True)
    database_url = Unicode(
        help="SQLAlchemy URL of the metadata database. Empty: `workbench.db` in the data folder."
    ).tag(config=True, secret=True)
    key_file = Unicode(
        help="File with the master keys, one per line, newest first; readable only by the "
        "service's user. Empty: `master.key` in the data folder."
    ).tag(config=True)
    mode = Enum(
        ["hub", "local"],
        "hub",
        help="`hub`: identity from JupyterHub's tokens. `local`: inside one user's Jupyter server.",
    ).tag(config=True)
    isolated = Bool(
        False,
        help="Whether users run as other system users or in other containers than the service. "
        "Shown on the health page; set it only if it is true.",
    ).tag(config=True)
    allow_loopback = Bool(
        False, help="Whether connections may use loopback addresses of the service's machine."
    ).tag(config=True)
    allow_private = Bool(
        True, help="Whether connections may use private address ranges (10/8, 192.168/16, …)."
    ).tag(config=True)
    file_roots = List(
        Unicode(),
        help="Folders that file connections may use, separated by `:` in the environment. Empty: "
        "`files` in the data folder.",
    ).tag(config=True)
    query_timeout = Float(300.0, min=0.1, help="Seconds that a statement may run.").tag(config=True)
    max_rows = Integer(20_000_000, min=1, help="Maximum number of rows of a result.").tag(
        config=True
    )
    max_bytes = Integer(8 * 2**30, min=1, help="Maximum size of a result, in bytes of Arrow.").tag(
        config=True
    )
    run_query_timeout = Float(
        7 * 24 * 3600.0,
        min=0.1,
        help="Seconds that a statement of a pipeline's run may take. The task's own `timeout` "
        "holds as well.",
    ).tag(config=True)
    run_max_rows = Integer(
        10**12, min=1, help="Maximum number of rows of a result in a pipeline's run."
    ).tag(config=True)
    run_max_bytes = Integer(
        2**50, min=1, help="Maximum size of a result in a pipeline's run, in bytes of Arrow."
    ).tag(config=True)
    max_write_rows = Integer(
        100_000,
        min=1,
        help="Rows that a write may return; they are kept in memory until it is committed.",
    ).tag(config=True)
    max_queries_per_user = Integer(
        8, min=1, help="Statements that one user may run at the same time."
    ).tag(config=True)
    max_queries = Integer(
        32, min=1, help="Statements that all users together may run at the same time."
    ).tag(config=True)
    max_temp_bytes = Integer(
        2 * 2**30,
        min=0,
        help="Bytes of temporary files that a statement may write, if the connector can enforce "
        "it; 0 allows none.",
    ).tag(config=True)
    queue_wait = Float(
        10.0,
        min=0.0,
        help="Seconds that a statement waits when a limit is reached; 0 refuses it at once.",
    ).tag(config=True)
    max_waiting = Integer(200, min=0, help="Statements of all users together that may wait.").tag(
        config=True
    )
    max_waiting_per_user = Integer(50, min=0, help="Statements of one user that may wait.").tag(
        config=True
    )
    max_body = Integer(4 * 2**20, min=1024, help="Maximum size of a request's body, in bytes.").tag(
        config=True
    )
    max_upload = Integer(
        2**30, min=1, help="Maximum size of a file that is uploaded to be loaded into a table."
    ).tag(config=True)
    worker_memory = Unicode(
        "2GB", help="Memory that a query on files may use, in DuckDB's notation."
    ).tag(config=True)
    redis_url = Unicode(
        help="URL of the Redis server for pipelines, such as `redis://host:6379/0` or "
        "`unix:///path`. Empty: the service runs pipelines itself, without workers."
    ).tag(config=True, secret=True)
    worker_slots = Integer(
        4, min=1, max=100, help="Tasks that one worker runs at the same time."
    ).tag(config=True)
    notebooks_url = Unicode(
        help="Where a worker reaches user servers: the address of the Hub's proxy, such as "
        "`http://hub:8000`. Without it, pipelines behind a Hub can't run notebooks. `./wb "
        "up` sets it."
    ).tag(config=True)
    notebooks_start_seconds = Float(
        120.0,
        min=1.0,
        help="Seconds to wait for a user's notebook server to start, including the wait for "
        "another one to stop when the limit is reached.",
    ).tag(config=True)
    lease_seconds = Float(
        15.0,
        min=1.0,
        help="Seconds after which other workers take over the tasks of a worker that stopped "
        "responding.",
    ).tag(config=True)
    run_retention_days = Integer(
        90, min=1, max=36_500, help="Days that runs are kept after they end."
    ).tag(config=True)
    run_retention_count = Integer(
        1000, min=1, help="How many of a pipeline's newest runs are kept."
    ).tag(config=True)
    trusted_proxies = Unicode(
        help="Comma-separated addresses of proxies in front of the Hub's proxy. The audit log "
        "trusts what they report as the client's address. Loopback addresses are always "
        "trusted."
    ).tag(config=True)
    audit_retention_days = Integer(
        0,
        min=0,
        max=36_500,
        help="Days that rows of the audit log are kept. Older rows are deleted, and the rest "
        "still verifies. 0 keeps them forever.",
    ).tag(config=True)
    log_format = Enum(
        ["text", "json"], "text", help="`text` for a terminal, `json` for a log collector."
    ).tag(config=True)
    jwt_issuer = Unicode(
        help="Issuer of JWTs that are accepted besides the Hub's tokens: the exact value of "
        "their claim `iss`, at most 200 characters. Empty: no JWTs. Requires "
        "`WB_JWT_AUDIENCE` and `WB_JWT_JWKS_URL`."
    ).tag(config=True)
    jwt_audience = Unicode(
        help="The value that a JWT's claim `aud` must contain: the Workbench's own name at the "
        "issuer, which no other application uses."
    ).tag(config=True)
    jwt_jwks_url = Unicode(
        help="Address of the issuer's public keys: https, or http on a loopback address if "
        "`WB_ALLOW_LOOPBACK` is set. Redirects aren't followed."
    ).tag(config=True)
    jwt_algorithms = Unicode(
        "RS256,ES256",
        help="Accepted signature algorithms, separated by commas, out of "
        f"{', '.join(JWT_ALGORITHMS)}.",
    ).tag(config=True)
    jwt_claim = Unicode(
        "preferred_username",
        help="The claim with the user's name at the Hub. Users must not be able to change it.",
    ).tag(config=True)
    jwt_fold_case = Bool(
        False,
        help="Match user names case-insensitively. Only for an issuer where no two names differ "
        "only by case.",
    ).tag(config=True)
    jwt_read_scope = Unicode(
        "workbench:read",
        help="A JWT with this value in its claim `scope` or `scp` may only read. Without it, a "
        "JWT may do what its user may.",
    ).tag(config=True)
    jwt_max_lifetime = Integer(
        24 * 3600, min=1, help="Maximum lifetime of a JWT, from `iat` to `exp`, in seconds."
    ).tag(config=True)
    jwt_keys_interval = Integer(
        30, min=1, help="Minimum seconds between two requests for the issuer's keys."
    ).tag(config=True)

    @validate("jwt_issuer")
    def _short(self, proposal: Any) -> str:
        if len(proposal["value"]) > 200:
            raise TraitError("it is too long for the audit log")
        return str(proposal["value"])

    @validate("jwt_algorithms")
    def _asymmetric(self, proposal: Any) -> str:
        names = _parts(proposal["value"])
        if not names or not set(names) <= set(JWT_ALGORITHMS):
            raise TraitError("not an accepted algorithm: it must sign with a private key")
        return ",".join(names)

    @property
    def jwt_algorithm_names(self) -> tuple[str, ...]:
        """The algorithms that a JWT may be signed with."""
        return _parts(self.jwt_algorithms)

    @property
    def database(self) -> str:
        """The URL of the metadata database in force."""
        return self.database_url or f"sqlite:///{Path(self.data_dir) / 'workbench.db'}"

    @property
    def key_path(self) -> Path:
        """The file of the master keys in force."""
        return Path(self.key_file) if self.key_file else Path(self.data_dir) / "master.key"

    @property
    def roots(self) -> list[Path]:
        """The folders in force that file connections may use."""
        return [Path(root) for root in self.file_roots] or [Path(self.data_dir) / "files"]

    @property
    def blobs_folder(self) -> Path:
        """The folder of the blobs."""
        return Path(self.data_dir) / "blobs"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings, with the ``WB_…`` variables applied.

        Raises:
            TraitError: a value is invalid; the message names the variable.
        """
        values: dict[str, Any] = {}
        for name, trait in cls.class_own_traits(config=True).items():
            variable = variable_of(name)
            raw = environment.get(variable)
            if raw is None or raw == "":
                continue
            try:
                if isinstance(trait, List):
                    values[name] = [part for part in raw.split(os.pathsep) if part]
                else:
                    values[name] = trait.from_string(raw)
                cls(**{name: values[name]})
            except (TraitError, ValueError) as error:
                raise TraitError(f"{variable}={raw!r} is not valid: {trait.help}") from error
        settings = cls(**values)
        settings._check_jwt()
        return settings

    def _check_jwt(self) -> None:
        """Raises ``TraitError`` if the settings for JWTs are incomplete or inconsistent."""
        names = ("jwt_issuer", "jwt_audience", "jwt_jwks_url")
        given = [name for name in names if getattr(self, name)]
        if not given:
            return
        if missing := [variable_of(name) for name in names if name not in given]:
            raise TraitError(
                f"{variable_of(given[0])} is set, so {' and '.join(missing)} must be set too. "
                "JWTs need all three."
            )
        url = self.jwt_jwks_url
        if not (_is_https(url) or (self.allow_loopback and _is_http_on_loopback(url))):
            raise TraitError(
                f"WB_JWT_JWKS_URL={url!r} is not valid: {type(self).jwt_jwks_url.help}"
            )


def _parts(value: str) -> tuple[str, ...]:
    """The non-empty parts between commas."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_http_on_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def variable_of(name: str) -> str:
    """The environment variable that sets a setting."""
    return f"WB_{name.upper()}"


def in_force(environment: Mapping[str, str] = os.environ) -> list[tuple[str, str, str, str]]:
    """Rows of (name, value, source, help), for ``wb config``. A secret's value is hidden."""
    settings = Settings.from_environment(environment)
    rows = []
    for name, trait in Settings.class_own_traits(config=True).items():
        variable = variable_of(name)
        source = variable if environment.get(variable) else "default"
        value = getattr(settings, name)
        shown = "(set)" if trait.metadata.get("secret") and value else str(value)
        rows.append((name, shown, source, trait.help))
    return rows
