"""HTTP over the one way out: clients that dial checked addresses and follow no redirects.

None of these clients takes a proxy or a password from the environment.
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
    """The certificates that clients trust, read once per process: reading takes 35 ms of CPU."""
    return httpx.create_ssl_context(trust_env=False)


class AsyncTransport(httpx.AsyncHTTPTransport):
    """Resolves and checks a host once per connection, and dials the checked address.

    Requests keep the host's name: ``Host``, TLS and the pool use it, so a connection is never
    reused for another name at the same address.

    Args:
        check: returns the address to dial, or raises. It is called in a thread.
        tls: the TLS context; ``trusted()`` by default.
    """

    def __init__(self, check: Check, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(verify=tls or trusted(), trust_env=False)
        # httpx has no argument for the network backend. Its own pool would dial whatever a name
        # resolves to, so a replacement that no longer takes effect must not go unnoticed.
        if not isinstance(self._pool, httpcore.AsyncConnectionPool):
            raise RuntimeError("this version of httpx keeps its connection pool elsewhere")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or trusted(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_CheckedNetwork(check),
        )


class _CheckedNetwork(httpcore.AsyncNetworkBackend):
    """httpcore's own sockets, to checked addresses."""

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
    """A client for addresses that users choose.

    Args:
        check: returns the address to dial: ``NetworkPolicy.check``.
        timeout: seconds for each step: to connect, to send, to wait for more of the answer. A
            request may override it.
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
    """A client for an address that an administrator configured, such as the Hub's.

    Such an address isn't checked: it may be this machine.
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
    """``configured_client`` for asyncio.

    Args:
        tls: the TLS context; ``trusted()`` by default.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        verify=tls or trusted(),
    )
