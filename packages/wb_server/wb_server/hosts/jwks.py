"""The public keys of an issuer of tokens, from its JWKS address (RFC 7517).

Keys are cached, so they remain available if the issuer is down for a while. An unknown key id makes
them be read again, but never more often than the interval: made-up ids don't reach the issuer.

PyJWT has such classes too, but ``PyJWKClient`` blocks, follows redirects and asks the issuer for every
made-up id, and ``PyJWKSet`` accepts a key that is for encryption or was published with its private
part, takes only the first key of an id, and uses RSA keys for RS256 only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import ssl
import time
from typing import Any

import httpx

from ..kit.errors import Unavailable
from ..kit.http import configured_async_client, read_at_most

log = logging.getLogger("wb_server")

Jwk = dict[str, Any]

# Keys are read again after this, so that a key that the issuer withdrew isn't accepted for long …
FRESH_SECONDS = 600.0
# … and, if the issuer doesn't answer, are trusted no longer than this.
STALE_SECONDS = 24 * 3600.0
_TIMEOUT_SECONDS = 5.0
_MAX_BYTES = 512 * 2**10
_MAX_KEYS = 200
# Members that only a private key or a shared secret has.
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


class IssuerKeys:
    """Reads the keys of one issuer on demand, one request at a time.

    Belongs to one event loop.

    Args:
        url: the JWKS address. Its redirects aren't followed.
        interval: minimum seconds between two requests, whether they succeed or not.
    """

    def __init__(self, url: str, *, interval: float) -> None:
        self._url = url
        self._interval = interval
        # The system's certificates, or those of SSL_CERT_FILE.
        self._http = configured_async_client(
            timeout=_TIMEOUT_SECONDS, tls=ssl.create_default_context()
        )
        self._lock = asyncio.Lock()
        self._keys: dict[str, list[Jwk]] = {}
        self._read_at = -math.inf
        self._tried_at = -math.inf
        self._failing = False

    async def get(self, kid: str) -> list[Jwk]:
        """The keys with this id; none if the issuer has no such key.

        Raises:
            Unavailable: the issuer doesn't answer, and its last answer is too old or lacks this id
                (``jwt_issuer_down``).
        """
        known = self._keys.get(kid)
        if known is None or not self._fresh():
            # While one request waits for the issuer, the others continue with the cached key.
            if known is None or not self._lock.locked():
                async with self._lock:
                    if self._due(kid):
                        await self._read()
            known = self._keys.get(kid)
        stale = time.monotonic() - self._read_at > STALE_SECONDS
        if stale or (known is None and self._failing):
            raise Unavailable(
                "The keys of the token's issuer can't be read, so the token can't be checked. "
                "Try again. If the problem persists, tell an administrator.",
                code="jwt_issuer_down",
            )
        return known or []

    async def close(self) -> None:
        """Closes the connections to the issuer."""
        await self._http.aclose()

    def _fresh(self) -> bool:
        return time.monotonic() - self._read_at <= FRESH_SECONDS

    def _due(self, kid: str) -> bool:
        if time.monotonic() - self._tried_at < self._interval:
            return False
        return kid not in self._keys or not self._fresh()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(2 * _TIMEOUT_SECONDS):
                keys = parse(await self._fetch())
        except (httpx.HTTPError, ValueError, RecursionError, TimeoutError) as error:
            self._failing = True
            log.warning("the keys at %s can't be read: %r", self._url, error)
        else:
            self._failing = False
            self._keys, self._read_at = keys, time.monotonic()
            log.info("read %d keys at %s", len(keys), self._url)
        finally:
            self._tried_at = time.monotonic()

    async def _fetch(self) -> bytes:
        headers = {"Accept": "application/jwk-set+json, application/json"}
        async with self._http.stream("GET", self._url, headers=headers) as answer:
            if answer.status_code != 200:
                raise ValueError(f"status {answer.status_code}")
            body, more = await read_at_most(answer, _MAX_BYTES)
        if more:
            raise ValueError(f"more than {_MAX_BYTES} bytes")
        return body


def parse(body: bytes) -> dict[str, list[Jwk]]:
    """The keys of a JWKS document for checking signatures, by id.

    Unusable keys are left out: those without an id, for encryption, or published with their private
    part.

    Raises:
        ValueError: the document isn't a JWKS, or has no usable key.
    """
    document = json.loads(body)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
        raise ValueError(f"not a JWKS of at most {_MAX_KEYS} keys")
    keys: dict[str, list[Jwk]] = {}
    for jwk in listed:
        if _usable(jwk):
            keys.setdefault(jwk["kid"], []).append(jwk)
    if not keys:
        raise ValueError("no usable key")
    return keys


def _usable(jwk: object) -> bool:
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
        return False
    if not _PRIVATE.isdisjoint(jwk):
        log.warning(
            "the issuer publishes the private part of its key %r; it isn't used", jwk["kid"]
        )
        return False
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and (
        isinstance(operations, list) and "verify" in operations
    )
