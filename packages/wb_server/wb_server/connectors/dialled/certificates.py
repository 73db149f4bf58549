"""Certificates of servers: those that a connection brings, and those that the machine trusts."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Final

from ...kit.errors import Unprocessable

# Where distributions keep the certificates that they trust.
_TRUSTED: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


class Certificates:
    """Puts certificates given as text where libpq can read them: in files of our own."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[str, str] = {}
        self._lock = threading.Lock()

    def file_of(self, pem: str) -> str:
        """The path of a file with this text."""
        with self._lock:
            if pem not in self._files:
                if self._folder is None:
                    self._folder = tempfile.TemporaryDirectory(prefix="wb-certificates-")
                path = Path(self._folder.name) / f"{len(self._files)}.pem"
                path.write_text(pem)
                self._files[pem] = str(path)
            return self._files[pem]

    def close(self) -> None:
        with self._lock:
            if self._folder is not None:
                self._folder.cleanup()
            self._folder, self._files = None, {}


def trusted_file() -> str:
    """The certificates that this system trusts, for ``verify-full`` without one of its own."""
    known = ssl.get_default_verify_paths()
    for path in (os.environ.get("SSL_CERT_FILE"), known.cafile, *_TRUSTED):
        if path and Path(path).is_file():
            return path
    raise Unprocessable(
        "This system has no list of trusted certificates: give the database's root certificate.",
        code="no_certificate",
        field="sslrootcert",
    )
