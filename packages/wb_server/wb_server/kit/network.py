"""Where the service may connect to: one check, which returns the address to dial.

Users who may add a connection choose its host, and the service dials it from inside the network. So
a host is resolved once, every address that it resolves to is checked, and the checked address is the
one that ``kit/dial`` and ``kit/http`` dial: a name that resolves differently the second time changes
nothing.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from .errors import SourceFailed, Unprocessable

Resolver = Callable[[str, int], list[str]]
"""Returns the addresses of a name, preferred first; raises ``OSError`` if there are none."""

_Address = IPv4Address | IPv6Address

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# With a last label like these, the C library reads the whole name as an address in an old notation
# (127.1, 0x7f.1, 2130706433). No top-level domain looks like that.
_NUMERIC_LABEL: Final = re.compile(r"\d+|0x[0-9a-f]*")

# Where clouds serve credentials to their machines. The link-local ones would be refused anyway.
_METADATA: Final[frozenset[_Address]] = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)

_PRIVATE_V4: Final = tuple(
    IPv4Network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
)
_PRIVATE_V6: Final = IPv6Network("fc00::/7")
# IANA's registries of special-purpose addresses (IPv4 and IPv6, as of 2025), except those above,
# loopback, and addresses that embed an IPv4 address, which is checked itself. Listed here because
# Python's own lists are as old as the Python. Includes those that the registries call globally
# reachable: relays and sinks, where no data source is.
_RESERVED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "240.0.0.0/4",
    )
)
# Only 2000::/3; the rest is unused or special as a whole: 100::/64, 5f00::/16, 64:ff9b:1::/48, …
_GLOBAL_V6: Final = IPv6Network("2000::/3")
_RESERVED_V6: Final = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
_TEREDO: Final = IPv6Network("2001::/32")
_NAT64: Final = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class Peer:
    """The checked endpoint of a connection. Only ``NetworkPolicy.check`` makes one.

    Attributes:
        host: its name, for TLS and for messages. It is never resolved again.
        address: its checked address, which is dialled.
    """

    host: str
    port: int
    address: str


class NetworkPolicy:
    """Decides which addresses may be dialled.

    Args:
        allow_private: whether addresses of private networks (10/8, 172.16/12, 192.168/16,
            100.64/10, 198.18/15, fc00::/7) are allowed; data sources usually live there.
        allow_loopback: whether this machine itself is allowed.
        timeout: seconds that a name may take to resolve.
        resolver: resolves names; by default, the operating system's.
    """

    def __init__(
        self,
        allow_private: bool = True,
        allow_loopback: bool = False,
        *,
        timeout: float = 5.0,
        resolver: Resolver | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._allow_loopback = allow_loopback
        self._timeout = timeout
        self._resolver = resolver or _system_resolver

    def check(self, host: str, port: int) -> Peer:
        """Resolves a host once and checks it.

        Args:
            host: a host name or an IP address in its usual notation.
            port: 1 to 65535.

        Returns:
            The host with the address to dial.

        Raises:
            Unprocessable: ``address_not_allowed``, with ``details.field``.
            SourceFailed: ``unknown_host``: the name can't be resolved at present.
        """
        if not 1 <= port <= 65535:
            raise _refused("A port is a number from 1 to 65535.", field="port")
        name, literal = _parse(host)
        if literal is not None:
            return Peer(host, port, str(self._checked(literal, host)))
        try:
            found = self._resolve(name, port)
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise SourceFailed(
                f"The host “{host}” is not known: no address was found for its name.",
                code="unknown_host",
                field="host",
            )
        # One bad address refuses them all: which one a later dial would take is unknown.
        checked = [str(self._checked(_as_address(text, host), host)) for text in found]
        return Peer(host, port, checked[0])

    def _resolve(self, name: str, port: int) -> list[str]:
        """Runs the resolver with a timeout, which getaddrinfo lacks."""
        found: list[str] = []
        failed: list[Exception] = []

        def work() -> None:
            try:
                found.extend(self._resolver(name, port))
            except Exception as error:  # raised in the caller below
                failed.append(error)

        worker = threading.Thread(target=work, daemon=True, name="resolve")
        worker.start()
        worker.join(self._timeout)
        if failed:
            raise failed[0]
        return [] if worker.is_alive() else list(found)

    def _checked(self, address: _Address, host: str) -> _Address:
        """The address in its plain form. Raises ``Unprocessable`` if it isn't allowed."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        self._allow(address, host)
        if isinstance(address, IPv6Address):
            for inner in _embedded(address):
                self._allow(inner, host)
        return address

    def _allow(self, address: _Address, host: str) -> None:
        if address in _METADATA:
            raise _not_allowed(host, address, "it belongs to the cloud's metadata service")
        if address.is_link_local:
            raise _not_allowed(host, address, "it is a link-local address")
        if address.is_multicast:
            raise _not_allowed(host, address, "it is a multicast address")
        if address.is_loopback:
            if not self._allow_loopback:
                raise _not_allowed(host, address, "it is this machine itself")
            return
        if isinstance(address, IPv4Address):
            private = any(address in network for network in _PRIVATE_V4)
            usable = private or not any(address in network for network in _RESERVED_V4)
        else:
            private = address in _PRIVATE_V6
            usable = private or address in _NAT64 or _is_public(address)
        if not usable:
            raise _not_allowed(host, address, "it is a reserved address")
        if private and not self._allow_private:
            raise _not_allowed(host, address, "it is in a private network")


def _parse(host: str) -> tuple[str, _Address | None]:
    """A host's plain name, and its address if it is written as one."""
    if ":" in host:
        if "%" in host:
            raise _invalid_host(host)
        try:
            return host, IPv6Address(host)
        except ValueError:
            raise _invalid_host(host) from None
    try:
        name = host.encode("idna").decode("ascii").lower() if not host.isascii() else host.lower()
    except UnicodeError:
        raise _invalid_host(host) from None
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid_host(host)
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        try:
            return name, IPv4Address(name)
        except ValueError:
            raise _invalid_host(host) from None
    return name, None


def _embedded(address: IPv6Address) -> list[IPv4Address]:
    """The IPv4 addresses embedded in an IPv6 address: 6to4, Teredo, NAT64, ISATAP."""
    number = int(address)
    inner = []
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner.extend(address.teredo)
    if address in _NAT64 or (number >> 32) & 0xFDFFFFFF == 0x5EFE:
        inner.append(IPv4Address(number & 0xFFFFFFFF))
    return inner


def _is_public(address: IPv6Address) -> bool:
    return address in _TEREDO or (
        address in _GLOBAL_V6 and not any(address in network for network in _RESERVED_V6)
    )


def _as_address(text: str, host: str) -> _Address:
    try:
        return ip_address(text.split("%", 1)[0])
    except ValueError:
        raise _invalid_host(host) from None


def _system_resolver(name: str, port: int) -> list[str]:
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _refused(message: str, *, field: str) -> Unprocessable:
    return Unprocessable(message, code="address_not_allowed", field=field)


def _invalid_host(host: str) -> Unprocessable:
    shown = host if host.isprintable() and len(host) <= 80 else "what was given"
    return _refused(
        f"“{shown}” is not a host: write a name such as db.example.org, or an address such as "
        "192.0.2.10.",
        field="host",
    )


def _not_allowed(host: str, address: _Address, reason: str) -> Unprocessable:
    named = "" if host == str(address) else f" ({address})"
    return _refused(f"The host “{host}”{named} is not allowed: {reason}.", field="host")
