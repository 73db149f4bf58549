"""Where a request to the Hub comes from, behind one proxy or several."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from tornado.httputil import HTTPServerRequest


def client_address(request: HTTPServerRequest, trusted: Collection[str]) -> str:
    """The address that the outermost proxy saw, of those that are believed.

    Each proxy adds to the end of ``X-Forwarded-For`` whom it serves, so what a client itself writes
    there stands before that. ``X-Real-Ip``, which Tornado prefers, counts for nothing: the Hub's
    proxy passes on what a client claims in it.

    Args:
        trusted: Addresses of proxies in front of the Hub's own; loopback ones are always believed.
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
