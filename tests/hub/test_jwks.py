"""An issuer's keys, from a server that answers correctly, incorrectly or not at all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from oidc_provider import Provider, provider
from support.issued import Signer
from support.wait import wait_for

from wb_server.hosts import jwks
from wb_server.hosts.jwks import IssuerKeys, parse
from wb_server.kit.errors import Unavailable

FIRST, SECOND = Signer("first"), Signer("second", "ES256")


@pytest.fixture
def issuer() -> Iterator[Provider]:
    with provider() as it:
        it.jwks = {"keys": [FIRST.jwk]}
        yield it
        it.gate.set()


@pytest.fixture
async def keys(issuer: Provider) -> AsyncIterator[IssuerKeys]:
    it = IssuerKeys(f"{issuer.issuer}/jwks", interval=3600)
    yield it
    await it.close()


async def test_keys_are_read_once(keys: IssuerKeys, issuer: Provider) -> None:
    found = await asyncio.gather(*(keys.get("first") for _ in range(20)))
    assert found == [[FIRST.jwk]] * 20
    assert issuer.jwks_reads == 1


async def test_made_up_ids_do_not_reach_the_issuer(keys: IssuerKeys, issuer: Provider) -> None:
    for number in range(50):
        assert await keys.get(f"made-up-{number}") == []
    assert await keys.get("../../admin?x=http://elsewhere.example/") == []
    assert issuer.jwks_reads == 1


async def test_a_new_key_is_found_after_the_interval(issuer: Provider) -> None:
    keys = IssuerKeys(f"{issuer.issuer}/jwks", interval=0)
    assert await keys.get("second") == []
    issuer.jwks = {"keys": [FIRST.jwk, SECOND.jwk]}
    assert await keys.get("second") == [SECOND.jwk]
    await keys.close()


async def test_known_keys_outlive_an_issuer_that_is_down(
    keys: IssuerKeys, issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.get("first")
    issuer.raw = (500, {}, b"")
    monkeypatch.setattr(jwks, "FRESH_SECONDS", -1.0)
    keys._interval = 0
    assert await keys.get("first") == [FIRST.jwk]
    assert issuer.jwks_reads == 2
    # An unknown id can't be checked now.
    with pytest.raises(Unavailable) as raised:
        await keys.get("second")
    assert raised.value.code == "jwt_issuer_down"
    # Cached keys expire in the end.
    monkeypatch.setattr(jwks, "STALE_SECONDS", 0.0)
    with pytest.raises(Unavailable):
        await keys.get("first")


async def test_a_withdrawn_key_is_dropped(
    keys: IssuerKeys, issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.get("first")
    issuer.jwks = {"keys": [SECOND.jwk]}
    monkeypatch.setattr(jwks, "FRESH_SECONDS", -1.0)
    keys._interval = 0
    assert await keys.get("first") == []


async def test_other_requests_do_not_wait_for_a_slow_issuer(
    keys: IssuerKeys, issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await keys.get("first")
    issuer.gate.clear()
    monkeypatch.setattr(jwks, "FRESH_SECONDS", -1.0)
    keys._interval = 0
    waiting = asyncio.create_task(keys.get("first"))
    await asyncio.to_thread(wait_for, lambda: issuer.jwks_reads == 2)
    assert await keys.get("first") == [FIRST.jwk]
    assert not waiting.done()
    issuer.gate.set()
    assert await waiting == [FIRST.jwk]


async def test_a_failing_issuer_is_not_asked_again_at_once(
    keys: IssuerKeys, issuer: Provider
) -> None:
    issuer.raw = (503, {}, b"")
    for _ in range(10):
        with pytest.raises(Unavailable):
            await keys.get("first")
    assert issuer.jwks_reads == 1


async def test_a_request_to_a_slow_issuer_times_out(
    keys: IssuerKeys, issuer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "_TIMEOUT_SECONDS", 0.05)
    issuer.gate.clear()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await keys.get("first")
    assert time.monotonic() - began < 5  # the issuer itself would take 30


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (302, {"Location": "/jwks"}, b""),
        (301, {"Location": "http://127.0.0.1:9/"}, b""),
        (204, {}, b""),
        (404, {}, json.dumps({"keys": [FIRST.jwk]}).encode()),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"keys": {}}'),
        (200, {}, b'{"keys": []}'),
        (200, {}, b'{"keys": [1, null, "x"]}'),
        (200, {}, b'{"keys":' + b"[" * 100_000),
        (200, {}, b"\xff\xfe"),
        (200, {"Content-Encoding": "gzip"}, b"not gzip"),
        (200, {}, json.dumps({"keys": [FIRST.jwk], "pad": "x" * 600_000}).encode()),
        (200, {}, json.dumps({"keys": [FIRST.jwk] * 201}).encode()),
        (200, {}, json.dumps({"keys": [FIRST.private_jwk]}).encode()),
    ],
    ids=[
        "redirect", "redirect-elsewhere", "nothing", "not-found", "a-page", "a-list", "no-list",
        "empty", "no-keys", "deep", "not-text", "damaged", "too-large", "too-many", "private",
    ],
)  # fmt: skip
async def test_an_invalid_key_set_is_refused(
    keys: IssuerKeys, issuer: Provider, status: int, headers: dict[str, str], body: bytes
) -> None:
    issuer.raw = (status, headers, body)
    with pytest.raises(Unavailable) as raised:
        await keys.get("first")
    assert raised.value.code == "jwt_issuer_down"
    assert issuer.jwks_reads == 1


async def test_an_unreachable_issuer() -> None:
    keys = IssuerKeys("http://127.0.0.1:9/jwks", interval=3600)
    with pytest.raises(Unavailable):
        await keys.get("first")
    await keys.close()


def test_only_keys_that_verify_signatures_are_kept() -> None:
    others = [
        {**SECOND.jwk, "kid": "for-encryption", "use": "enc"},
        {**SECOND.jwk, "kid": "to-sign", "key_ops": ["sign"]},
        {**SECOND.jwk, "kid": "odd-operations", "key_ops": "verify"},
        {**SECOND.jwk, "kid": 7},
        {**SECOND.jwk, "kid": ""},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared-secret"},
        SECOND.private_jwk,
    ]
    assert parse(json.dumps({"keys": [*others, FIRST.jwk]}).encode()) == {"first": [FIRST.jwk]}
