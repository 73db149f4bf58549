"""The one way out: sockets to addresses that were checked.

Whatever speaks over a socket of ours (MySQL, S3) dials here; HTTP has its client in ``kit/http``.
libpq opens its own sockets, and is told the checked address.
"""

from __future__ import annotations

import socket
import ssl
import time

from .network import Peer


def dial(peer: Peer, *, timeout: float, tls: ssl.SSLContext | None = None) -> socket.socket:
    """Connects to a checked address, and to no other.

    Args:
        timeout: seconds until the connection is made, TLS included. Each of its reads and writes
            then has as long, until another timeout is set.
        tls: what encrypts; the certificate is checked against the peer's name. ``None``: without.

    Raises:
        OSError: nothing answers there; ``TimeoutError`` if not in time, ``ssl.SSLError`` if there
            is no trusted TLS.
    """
    end = time.monotonic() + timeout
    made = socket.create_connection((peer.address, peer.port), timeout)
    try:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if tls is not None:
            made.settimeout(max(end - time.monotonic(), 0.001))
            made = tls.wrap_socket(made, server_hostname=peer.host)
            made.settimeout(timeout)
    except BaseException:
        made.close()
        raise
    return made
