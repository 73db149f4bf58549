"""The one way out: sockets to checked addresses.

Protocols that run over our own sockets (MySQL, S3) dial here; HTTP has its clients in ``kit/http``.
libpq opens its own sockets, to the checked address that it is given.
"""

from __future__ import annotations

import socket
import ssl
import time

from .network import Peer


def dial(peer: Peer, *, timeout: float, tls: ssl.SSLContext | None = None) -> socket.socket:
    """Connects to a checked address, and to no other.

    Args:
        timeout: seconds until the connection is made, TLS included. It then applies to each read
            and write until another timeout is set.
        tls: the TLS context; the certificate is checked against the peer's name. ``None``: no TLS.

    Raises:
        OSError: nothing answers there; ``TimeoutError`` if not in time, ``ssl.SSLError`` if TLS
            can't be trusted.
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
