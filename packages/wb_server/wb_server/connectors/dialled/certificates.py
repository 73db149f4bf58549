"""Root certificates for servers: those of a connection, and those that the system trusts."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import Final

from ...kit.errors import Unprocessable

# Where distributions store trusted certificates.
_TRUSTED: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


class Certificates:
    """Writes certificates to private files, where libpq can read them."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[str, str] = {}
        self._lock = threading.Lock()

    def file_of(self, pem: str) -> str:
        """The path of a file with this PEM text."""
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
    """The file of certificates that the system trusts, for ``verify-full`` without a given one."""
    known = ssl.get_default_verify_paths()
    for path in (os.environ.get("SSL_CERT_FILE"), known.cafile, *_TRUSTED):
        if path and Path(path).is_file():
            return path
    raise Unprocessable(
        "This system has no list of trusted certificates: give the database's root certificate.",
        code="no_certificate",
        field="sslrootcert",
    )
