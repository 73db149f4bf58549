"""The certificates that HTTP clients trust, read once a process: reading them takes 35 ms of processor."""

from __future__ import annotations

import ssl
from functools import lru_cache

import httpx


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """For ``verify`` of an httpx client that is made often."""
    return httpx.create_ssl_context(trust_env=False)
