"""Objects of an S3-compatible store as tables: Parquet, CSV, TSV, JSON and XLSX, by DuckDB's httpfs.

The objects below a prefix are tables by the rules of ``file_tables``, as if they were in a folder. A
statement runs in a separate process (``process.py``). Through a gateway in the service
(``gateway.py``) that process reaches the objects of the tables that the statement names, and nothing
else. The keys stay in the service, as do name resolution, TLS and the check of the address.
"""

from __future__ import annotations

import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Literal, Self

import duckdb_extension_httpfs
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from ...gate.models import DialectName
from ...gate.permits import Permit
from ...kit.errors import Unprocessable
from ...kit.network import NetworkPolicy
from ..base import Connector, ConnectorConfig, Session, Target, require_fit
from ..embedded.options import FileReading
from ..embedded.profiles import Profiles
from ..embedded.workers import Workers
from .client import Keys, Place, Store
from .session import S3Session


class S3Config(ConnectorConfig):
    """A bucket, and the keys to read it with."""

    model_config = ConfigDict(extra="forbid", title="S3")

    host: str = Field(
        title="Host",
        description="The store's host name or address, without the bucket.",
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
        description="Encrypt, and check the store's certificate and name. Without it, data can be "
        "read on the way; the secret is never sent.",
    )
    root_certificate: str | None = Field(
        None,
        title="Root certificate",
        description="The certificate of the authority that signed the store's, as PEM. Empty: the "
        "system's authorities.",
        max_length=100_000,
        json_schema_extra={"shown_for": {"tls": [True]}},
    )
    region: str = Field(
        "us-east-1",
        title="Region",
        description="The store's name for it. Many self-hosted stores accept any.",
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
        description="The folder in the bucket whose Parquet, CSV, TSV, JSON and XLSX objects are the "
        "tables. Empty: the whole bucket.",
        max_length=900,
        json_schema_extra={"examples": ["exports/2025"]},
    )
    url_style: Literal["path", "vhost"] = Field(
        "path",
        title="Addresses",
        description="path: host/bucket, as self-hosted stores use. vhost: bucket.host, as Amazon "
        "uses.",
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
    reading: FileReading = Field(
        default_factory=lambda: FileReading.model_validate({}), title="How files are read"
    )

    @field_validator("bucket")
    @classmethod
    def _no_path(cls, bucket: str) -> str:
        if ".." in bucket:
            raise ValueError("isn't a bucket's name")
        return bucket

    @field_validator("prefix")
    @classmethod
    def _folder(cls, prefix: str) -> str:
        if not prefix.isprintable():
            raise ValueError("must not contain control characters")
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
            raise ValueError("isn't a certificate in PEM format") from None
        return pem

    @field_validator("session_token", "secret_access_key")
    @classmethod
    def _one_line(cls, secret: SecretStr | None) -> SecretStr | None:
        # A line break in a header would start another header.
        if secret is not None and not re.fullmatch(r"[\x21-\x7e]*", secret.get_secret_value()):
            raise ValueError("must consist of printable ASCII characters, without spaces")
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
        """The host to dial, as in requests and certificates."""
        return self.host if self.url_style == "path" else f"{self.bucket}.{self.host}"

    @property
    def dialled_port(self) -> int:
        """The port to dial."""
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
    """Returns the file of DuckDB's extension httpfs, from its package.

    Raises:
        RuntimeError: the package is incomplete.
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
        workers: the processes that run statements.
    """

    kind: ClassVar[str] = "s3"
    title: ClassVar[str] = "S3"
    description: ClassVar[str] = (
        "Parquet, CSV, TSV, JSON and XLSX objects in a bucket of an S3-compatible store."
    )
    dialect: ClassVar[DialectName] = "duckdb"
    supports_writes: ClassVar[bool] = False
    supports_schemas: ClassVar[bool] = False
    supports_preview: ClassVar[bool] = True
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
                "A bucket's name can't precede an IP address: choose path, or give a host name.",
                code="bad_option",
                field="url_style",
            )
        self._policy.check(config.name, config.dialled_port)

    def destination(self, config: ConnectorConfig) -> object:
        """Where requests go and what they read, so that a kept secret can't open another bucket."""
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
            target,
            Store(place, keys),
            config.prefix,
            self._extension,
            config.reading.reading(),
            self._profiles,
        )

    def close(self) -> None:
        self._workers.close()


def _context(root_certificate: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root_certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
