"""A temporary S3-compatible store: rclone, from its wheel, over a local folder.

It checks signatures, so it refuses a wrong secret like any store.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.ports import free_port
from support.source import Source
from support.wait import wait_for
from wb_server.connectors.base import Target
from wb_server.connectors.s3.connector import S3Config, S3Connector
from wb_server.kit.errors import WorkbenchError

LAKE_ROWS = 400_000


@dataclass(frozen=True)
class ObjectStore:
    """A running store. Each folder of ``folder`` is a bucket, each file an object."""

    folder: Path
    port: int
    certificate: str | None = None
    access_key_id: str = "AKIDTEST"
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    def bucket(self, name: str = "lake") -> Path:
        """A bucket, created if missing."""
        made = self.folder / name
        made.mkdir(exist_ok=True)
        return made

    def config(self, **changes: Any) -> dict[str, Any]:
        """The configuration of a connection to it."""
        return {
            "host": "localhost" if self.certificate else "127.0.0.1",
            "port": self.port,
            "tls": self.certificate is not None,
            "root_certificate": self.certificate,
            "bucket": "lake",
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret,
            **changes,
        }


@contextmanager
def object_store(*, tls: bool = False, path_style: bool = True) -> Iterator[ObjectStore]:
    """Runs a fresh store while the block runs.

    Args:
        path_style: whether the bucket is the first part of the path, rather than of the host name.
    """
    with tempfile.TemporaryDirectory(prefix="wb-s3-") as made:
        place = Path(made)
        certificate = _certificate(place) if tls else None
        (place / "data").mkdir()
        store = ObjectStore(place / "data", free_port(), certificate)
        command = [
            str(Path(sys.executable).with_name("rclone")), "serve", "s3", str(store.folder),
            "--addr", f"127.0.0.1:{store.port}", "--config", str(place / "rclone.conf"),
            f"--force-path-style={str(path_style).lower()}", "--vfs-cache-mode", "off", "--dir-cache-time", "0s", "--poll-interval", "0",
        ]  # fmt: skip
        if tls:
            command += ["--cert", str(place / "cert.pem"), "--key", str(place / "key.pem")]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            # Not on the command line, which is public.
            "RCLONE_AUTH_KEY": f'"{store.access_key_id},{store.secret}"',
        }
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            address = f"http{'s' if tls else ''}://127.0.0.1:{store.port}/"
            wait_for(lambda: _answers(address, process, place / "log"))
            yield store
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(address: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"rclone ended: {log.read_text()}")
    try:
        httpx.get(address, verify=False, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _certificate(place: Path) -> str:
    """A self-signed certificate for ``localhost``."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,DNS:lake.localhost",
            "-keyout", str(place / "key.pem"), "-out", str(place / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return (place / "cert.pem").read_text()


def fill_lake(store: ObjectStore) -> None:
    """Puts tables of several formats into the bucket ``lake``, and a canary into another bucket."""
    lake = store.bucket()
    (lake / "people.csv").write_text("id,name\n1,ä b\n2,c\n")
    (lake / "Price list + 2025 [new]?.csv").write_text("sku\nx\n")
    (lake / "lines.jsonl").write_text('{"a": 1}\n{"a": null}\n')
    (lake / "_hidden.csv").write_text("a\n1\n")
    (lake / "note.txt").write_text("no table")
    big = pa.table(
        {
            "i": pa.array(range(LAKE_ROWS), pa.int64()),
            "amount": pa.array([Decimal(i) / 4 for i in range(LAKE_ROWS)], pa.decimal128(12, 2)),
            "day": pa.array([dt.date(2025, 1, 1)] * LAKE_ROWS),
            "s": pa.array([f"text of row {i}" for i in range(LAKE_ROWS)]),
        }
    )
    pq.write_table(big, lake / "big.parquet", row_group_size=50_000)
    for year in (2024, 2025):
        folder = lake / "deep" / "sales" / f"year={year}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [year * 10]}), folder / "part one%.parquet")
    (store.bucket("other") / "secret.csv").write_text("word\nkanari\n")


def of(connector: S3Connector, config: dict[str, Any]) -> Source:
    """A source with this configuration."""
    return Source(connector, Target("c1", 1, S3Config.model_validate(config)))


def failure(source: Source, sql: str = "select * from people", *tables: str) -> WorkbenchError:
    """The error that a statement fails with."""
    with pytest.raises(WorkbenchError) as caught:
        source.table(sql, *(tables or ("people",)))
    return caught.value
