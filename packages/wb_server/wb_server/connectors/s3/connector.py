"""Objects of an S3-compatible store as tables: Parquet, CSV, TSV and JSON, read by DuckDB's httpfs.

The objects below a prefix are tables by the rule of ``file_tables``, as if they lay in a folder. Who
runs a statement is a worker's process (``worker``), which reaches the objects of the tables that the
statement names through a gateway of the service (``s3_gateway``), and nothing else. The keys stay in
the service, and so do name resolution, TLS and the check of the address.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Hashable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import duckdb_extension_httpfs
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from ...gate.models import DialectName
from ...gate.permits import Permit
from ...kit.errors import NotFound, Unprocessable, WorkbenchError
from ...kit.network import NetworkPolicy
from ..base import Answer, Connector, ConnectorConfig, Session, Target, require_fit
from ..embedded.browsing import as_source, chosen, described, list_tables, quoted
from ..embedded.errors import split_class, was_cancelled
from ..embedded.file_tables import SCHEMA, FileTable, FileTables, is_hidden, kind_of, name_tables
from ..embedded.profiles import Profiles
from ..embedded.session import BROWSE_SECONDS, WorkerSession
from ..embedded.workers import Workers
from ..models import ColumnInfo, SchemaInfo, TableInfo
from .client import Keys, Place, Store, StoredObject
from .gateway import Gateway


class S3Config(ConnectorConfig):
    """A bucket, and who reads it."""

    model_config = ConfigDict(extra="forbid", title="S3")

    host: str = Field(
        title="Host",
        description="The store's name or address, without the bucket's.",
        min_length=1,
        max_length=253,
        json_schema_extra={"examples": ["s3.eu-central-1.amazonaws.com", "minio.example.org"]},
    )
    port: int | None = Field(
        None, title="Port", description="Empty: 443 with TLS, 80 without.", ge=1, le=65535
    )
    tls: bool = Field(
        True,
        title="TLS",
        description="Encrypt, and check the store's certificate and name. Without it, what is "
        "read can be seen on the way; the secret is never sent.",
    )
    root_certificate: str | None = Field(
        None,
        title="Root certificate",
        description="PEM text of the authority that signed the store's certificate. Empty: the "
        "system's list of authorities.",
        max_length=100_000,
    )
    region: str = Field(
        "us-east-1",
        title="Region",
        description="As the store calls it; many stores of one's own take any.",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
    )
    bucket: str = Field(
        title="Bucket",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$",
        json_schema_extra={"examples": ["sales"]},
    )
    prefix: str = Field(
        "",
        title="Prefix",
        description="The folder in the bucket whose Parquet, CSV, TSV and JSON objects are the "
        "tables. Empty: the whole bucket.",
        max_length=900,
        json_schema_extra={"examples": ["exports/2025"]},
    )
    url_style: Literal["path", "vhost"] = Field(
        "path",
        title="Addresses",
        description="path: host/bucket, which stores of one's own use. vhost: bucket.host, which "
        "Amazon uses.",
    )
    access_key_id: str | None = Field(
        None,
        title="Access key",
        description="Empty, and the secret too, for a public bucket.",
        pattern=r"^[\x21-\x7e]{1,200}$",
        json_schema_extra={"login": True},
    )
    secret_access_key: SecretStr | None = Field(None, title="Secret")
    session_token: SecretStr | None = Field(None, title="Session token")

    @field_validator("bucket")
    @classmethod
    def _no_path(cls, bucket: str) -> str:
        if ".." in bucket:
            raise ValueError("is no bucket's name")
        return bucket

    @field_validator("prefix")
    @classmethod
    def _folder(cls, prefix: str) -> str:
        if not prefix.isprintable():
            raise ValueError("may not hold control characters")
        plain = prefix.strip("/")
        return f"{plain}/" if plain else ""

    @field_validator("root_certificate")
    @classmethod
    def _certificate(cls, pem: str | None) -> str | None:
        if not pem or not pem.strip():
            return None
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
        except (ssl.SSLError, ValueError):
            raise ValueError("is no certificate in PEM text") from None
        return pem

    @field_validator("session_token", "secret_access_key")
    @classmethod
    def _one_line(cls, secret: SecretStr | None) -> SecretStr | None:
        # A line break in a header would begin another one.
        if secret is not None and not re.fullmatch(r"[\x21-\x7e]*", secret.get_secret_value()):
            raise ValueError("may hold letters, digits and signs only, without spaces")
        return secret

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.access_key_id) != bool(_plain(self.secret_access_key)):
            raise ValueError("give both the access key and the secret, or neither")
        if _plain(self.session_token) and not self.access_key_id:
            raise ValueError("a session token needs an access key and a secret")
        return self

    @property
    def name(self) -> str:
        """The host that is dialled, which requests and certificates bear."""
        return self.host if self.url_style == "path" else f"{self.bucket}.{self.host}"

    @property
    def dialled_port(self) -> int:
        return self.port or (443 if self.tls else 80)


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def extension() -> str:
    """Where DuckDB's httpfs lies, as its package brings it.

    Raises:
        RuntimeError: the package is damaged.
    """
    folder = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    found = sorted(folder.glob("*/httpfs.duckdb_extension"))
    if len(found) != 1:
        raise RuntimeError("the package duckdb-extension-httpfs has no extension in it")
    return str(found[0])


class S3Connector(Connector):
    """Reads buckets of S3-compatible stores.

    Args:
        policy: which addresses may be dialled.
        workers: where processes come from.
    """

    kind: ClassVar[str] = "s3"
    title: ClassVar[str] = "S3"
    description: ClassVar[str] = (
        "Parquet, CSV, TSV and JSON objects in a bucket of an S3-compatible store."
    )
    dialect: ClassVar[DialectName] = "duckdb"
    supports_writes: ClassVar[bool] = False
    supports_schemas: ClassVar[bool] = False
    Config: ClassVar[type[ConnectorConfig]] = S3Config

    def __init__(self, policy: NetworkPolicy, workers: Workers) -> None:
        self._policy = policy
        self._workers = workers
        self._extension = extension()
        self._profiles = Profiles()

    def check(self, config: ConnectorConfig) -> None:
        assert isinstance(config, S3Config)
        if config.url_style == "vhost" and _is_address(config.host):
            raise Unprocessable(
                "An address has no bucket's name before it: choose path, or give the host's name.",
                code="bad_option",
                field="url_style",
            )
        self._policy.check(config.name, config.dialled_port)

    def destination(self, config: ConnectorConfig) -> object:
        """Where requests go, and what they read: a kept secret opens no other bucket."""
        assert isinstance(config, S3Config)
        return (
            config.host,
            config.dialled_port,
            config.tls,
            config.root_certificate,
            config.url_style,
            config.bucket,
        )

    def open(self, permit: Permit, target: Target) -> Session:
        require_fit(permit, target)
        config = target.config
        assert isinstance(config, S3Config)
        place = Place(
            peer=self._policy.check(config.name, config.dialled_port),
            bucket=config.bucket,
            path_style=config.url_style == "path",
            region=config.region,
            context=_context(config.root_certificate) if config.tls else None,
        )
        keys = None
        if config.access_key_id:
            token = _plain(config.session_token) or None
            keys = Keys(config.access_key_id, _plain(config.secret_access_key), token)
        return S3Session(
            self._workers,
            permit,
            target.temp_bytes,
            Store(place, keys),
            config.prefix,
            self._extension,
            self._profiles,
        )

    def close(self) -> None:
        self._workers.close()


def _context(root_certificate: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root_certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class S3Session(WorkerSession):
    """One use of a bucket.

    Args:
        store: the bucket.
        prefix: of the keys that are read; empty, or ends with ``/``.
        httpfs: where DuckDB's extension lies.
        profiles: what is known of objects, kept from one session to the next.
    """

    def __init__(
        self,
        workers: Workers,
        permit: Permit,
        temp_bytes: int,
        store: Store,
        prefix: str,
        httpfs: str,
        profiles: Profiles,
    ) -> None:
        super().__init__(workers, permit, temp_bytes)
        self._store = store
        self._prefix = prefix
        self._httpfs = httpfs
        self._profiles = profiles
        self._states: dict[str, Hashable] = {}
        self._gateway: Gateway | None = None
        self._guard = threading.Lock()

    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        self._require_read()
        end = time.monotonic() + timeout
        if self._permit.kind == "test":
            self._list(timeout, limit=1)
        objects = self._list(timeout) if self._permit.tables else {}
        source = self._source(chosen(self._named(objects), self._permit), objects)
        return self._ask(self._permit.sql, source, max(end - time.monotonic(), 0.1))

    def schemas(self) -> list[SchemaInfo]:
        self._require_browse()
        return [SchemaInfo(name=SCHEMA, tables=len(self._named(self._list(BROWSE_SECONDS))))]

    def tables(self, schema: str | None) -> list[TableInfo]:
        self._require_browse()
        if schema not in (None, SCHEMA):
            return []
        return list_tables(self._named(self._list(BROWSE_SECONDS)))

    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        self._require_browse()
        objects = self._list(BROWSE_SECONDS) if schema in (None, SCHEMA) else {}
        found = self._named(objects).find(table)
        if found is None:
            raise NotFound(f"There is no table “{table}” here.", code="unknown_table", name=table)
        source = self._source({table: found}, objects)
        return described(self._rows(f"DESCRIBE {quoted(table)}", source))

    def server_version(self) -> str | None:
        shown = re.sub(r"[^\w ./()-]", "", self._store.server or "")[:80].strip()
        return shown or "S3"

    def cancel(self) -> None:
        super().cancel()
        if self._cancelled:
            self._store.close()

    def close(self) -> None:
        self._store.close()
        with self._guard:
            gateway, self._gateway = self._gateway, None
        if gateway is not None:
            gateway.close()
        super().close()

    def _list(self, seconds: float, **limit: int) -> dict[str, StoredObject]:
        """The objects that hold data, by their paths below the prefix."""
        if self._cancelled or self._closed:
            raise was_cancelled()
        try:
            found = self._store.objects(self._prefix, seconds=seconds, **limit)
        except WorkbenchError:
            if self._cancelled:
                raise was_cancelled() from None
            raise
        objects = {}
        for it in found:
            path = it.key.removeprefix(self._prefix)
            *folders, name = path.split("/")
            if kind_of(name) and not any(map(is_hidden, (*folders, name))):
                objects[path] = it
        return objects

    @staticmethod
    def _named(objects: Mapping[str, StoredObject]) -> FileTables:
        return name_tables((path, path) for path in objects)

    def _source(
        self, tables: Mapping[str, FileTable | None], objects: Mapping[str, StoredObject]
    ) -> dict[str, Any]:
        """What a process is to read: addresses of a gateway that is made for it."""
        paths = [path for table in tables.values() if table for path in table.paths]
        if not paths:
            return {"reads": [], "tables": dict.fromkeys(tables)}
        gateway = Gateway(self._store, [objects[path] for path in paths], paths)
        with self._guard:
            previous, self._gateway = self._gateway, gateway
        if previous is not None:
            previous.close()
        numbers = iter(range(len(paths)))
        place = self._store.place
        tables_by_name: dict[str, Any] = {}
        for name, table in tables.items():
            if table is None:
                tables_by_name[name] = None
                continue
            addresses = [gateway.address(next(numbers)) for _ in table.paths]
            states = [
                (place.authority, place.bucket, it.key, it.etag, it.size)
                for it in map(objects.__getitem__, table.paths)
            ]
            self._states.update(zip(addresses, states, strict=True))
            profiles = self._profiles.wanted(table.kind, addresses, states)
            tables_by_name[name] = as_source(table, addresses, profiles)
        return {
            "reads": [self._httpfs],
            "port": gateway.port,
            "extension": self._httpfs,
            "tables": tables_by_name,
        }

    def _learn(self, path: str, profile: dict[str, Any]) -> None:
        state = self._states[path]
        assert isinstance(state, tuple)
        # A store that names no version of an object may change it unseen.
        if state[-2]:
            self._profiles.put((profile["kind"], state), profile)

    def _explain(self, kind: str, message: str) -> WorkbenchError:
        gateway = self._gateway
        said, _ = split_class(kind, message)
        if gateway is not None and said in ("io", "http", "error") and gateway.failure is not None:
            return gateway.failure
        shown = re.sub(r"http://127\.0\.0\.1:\d+/[\w-]+/\d+/", "", message)
        return super()._explain(kind, shown)
