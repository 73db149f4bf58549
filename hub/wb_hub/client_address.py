"""The client address of a request to the Hub, behind one or more proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from tornado.httputil import HTTPServerRequest


def client_address(request: HTTPServerRequest, trusted: Collection[str]) -> str:
    """The client's address, as seen by the outermost trusted proxy.

    Each proxy appends its client's address to ``X-Forwarded-For``, so what a client itself writes
    there comes before it. ``X-Real-Ip``, which Tornado prefers, is ignored: the Hub's proxy passes on
    what a client claims in it.

    Args:
        trusted: Addresses of proxies in front of the Hub's own; loopback ones are always trusted.
    """
    found = "direct"
    for part in reversed(",".join(request.headers.get_list("X-Forwarded-For")).split(",")):
        try:
            address = ipaddress.ip_address(part.strip())
        except ValueError:
            break
        address = getattr(address, "ipv4_mapped", None) or address
        found = str(address)
        if not address.is_loopback and found not in trusted:
            break
    return found
