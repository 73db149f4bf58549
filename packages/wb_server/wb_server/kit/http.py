"""HTTP over the one way out: clients that dial checked addresses, and follow no redirect.

No client of these takes a proxy or a password from the environment.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import httpcore
import httpx

from .network import Peer

Check = Callable[[str, int], Peer]
"""Finds the address to dial for a host and a port: ``NetworkPolicy.check``."""


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """The certificates that clients trust, read once a process: reading takes 35 ms of processor."""
    return httpx.create_ssl_context(trust_env=False)


class AsyncTransport(httpx.AsyncHTTPTransport):
    """Resolves and checks a host once for each connection, and dials the checked address.

    Requests keep the host's name: ``Host``, TLS and the pool go by it, so a connection is never
    used for another name at the same address.

    Args:
        check: says where to dial, or raises. It is called in a thread.
        tls: what encrypts; ``trusted()`` if left out.
    """

    def __init__(self, check: Check, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(verify=tls or trusted(), trust_env=False)
        # httpx has no argument for it. Its own pool would dial whatever a name resolves to, so the
        # replacement must not go unnoticed.
        if not isinstance(self._pool, httpcore.AsyncConnectionPool):
            raise RuntimeError("this version of httpx keeps its connections elsewhere")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or trusted(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_CheckedNetwork(check),
        )


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """The sockets of httpcore, but for where they lead."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        peer = await asyncio.to_thread(self._check, host, port)
        return await self._sockets.connect_tcp(
            peer.address, peer.port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)


def async_client(check: Check, *, timeout: float = 30.0) -> httpx.AsyncClient:
    """A client for addresses that people choose.

    Args:
        check: says where to dial: ``NetworkPolicy.check``.
        timeout: seconds for each step: to connect, to send, to wait for more of the answer. A
            request may bring its own.
    """
    return httpx.AsyncClient(
        transport=AsyncTransport(check), timeout=timeout, follow_redirects=False, trust_env=False
    )


async def read_at_most(answer: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """The first bytes of a streamed answer's body, decoded, and whether there are more."""
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > limit:
            break
    return bytes(body[:limit]), len(body) > limit


def configured_client(base_url: str, *, headers: Mapping[str, str], timeout: float) -> httpx.Client:
    """A client for an address of the installation's own, such as the Hub's.

    An administrator has configured it, so it isn't checked: it may be this machine.
    """
    return httpx.Client(
        base_url=base_url,
        headers=headers,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        verify=trusted(),
    )


def configured_async_client(
    base_url: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float,
    tls: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """As ``configured_client``.

    Args:
        tls: what encrypts; ``trusted()`` if left out.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        verify=tls or trusted(),
    )
