"""Tokens of an issuer beside the Hub's own: a small issuer, a whole Workbench, and every mistake."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from bad_jwts import BAD, CURVE, ELSEWHERE, MAIN, NEXT, NOW, OTHER_CURVE, WEAK
from oidc_provider import Provider, provider
from running_hub import Browser, Running, start_up
from support.api import Api
from support.issued import AUDIENCE, Signer, claims_of
from support.people import People, people_of
from support.wait import wait_for

from wb_server.client import Client
from wb_server.hosts.hub_directory import HubDirectory
from wb_server.hosts.jwt_identity import JwtIdentity
from wb_server.kit.errors import WorkbenchError
from wb_server.settings import Settings

# Starts a Workbench of its own.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def issuer() -> Iterator[Provider]:
    with provider() as it:
        keys = (MAIN.jwk, CURVE.jwk, OTHER_CURVE.jwk, WEAK.jwk, {**MAIN.jwk, "n": 7, "kid": "odd"})
        it.jwks = {"keys": [*keys]}
        yield it


@pytest.fixture(scope="module")
def jwt_hub(issuer: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    env = {
        "WB_JWT_ISSUER": issuer.issuer,
        "WB_JWT_AUDIENCE": AUDIENCE,
        "WB_JWT_JWKS_URL": f"{issuer.issuer}/jwks",
        "WB_JWT_KEYS_INTERVAL": "1",
    }
    with start_up(tmp_path_factory.mktemp("jwt") / "data", "--sample", env=env) as running:
        yield running


@pytest.fixture(scope="module")
def jwt_people(jwt_hub: Running) -> People:
    return people_of(jwt_hub)


@pytest.fixture(scope="module")
def auditor(jwt_people: People) -> Iterator[Api]:
    api = jwt_people.api("a-admin")
    yield api
    api.close()


@dataclass
class Caller:
    """Asks with a JWT."""

    people: People
    issuer: str

    def said(self, name: str = "a-analyst", **more: Any) -> dict[str, Any]:
        return claims_of(self.issuer, name, **more)

    def api(self, token: str) -> Api:
        api = Api(f"{self.people.url}/services/workbench", None)
        api.http.headers["Authorization"] = f"Bearer {token}"
        return api

    def me(self, token: str) -> tuple[int, dict[str, Any]]:
        api = self.api(token)
        try:
            answer = api.call("GET", "/me")
        finally:
            api.close()
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def caller(jwt_people: People, issuer: Provider) -> Caller:
    return Caller(jwt_people, issuer.issuer)


# --- good ones ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda said: MAIN.sign(said()),
        lambda said: CURVE.sign(said()),
        lambda said: MAIN.sign(said(aud=["elsewhere", AUDIENCE])),
        lambda said: MAIN.sign(said(), typ="at+JWT"),
        lambda said: MAIN.sign(said(), typ=None),
        lambda said: MAIN.sign(said(nbf=int(time.time()) - 5)),
        lambda said: MAIN.sign(said(exp=int(time.time()) + 200.5)),
        # A clock that is a little off.
        lambda said: MAIN.sign(said(exp=int(time.time()) - 5)),
        lambda said: MAIN.sign(said(iat=int(time.time()) + 5)),
        # Where else a key might come from is never looked at.
        lambda said: MAIN.sign(said(), jku="http://127.0.0.1:9/jwks", x5u="http://127.0.0.1:9/x",
                               jwk=ELSEWHERE.jwk),
        lambda said: MAIN.sign(said(groups=["admin"], roles=["admin"], admin=True)),
    ],
    ids=[
        "rsa", "curve", "audiences", "access-token", "no-type", "nbf", "fraction", "late", "early",
        "headers", "groups",
    ],
)  # fmt: skip
def test_a_token_stands_for_its_person(
    caller: Caller, make: Callable[[Callable[..., Any]], str]
) -> None:
    status, me = caller.me(make(caller.said))
    assert status == 200, me
    # What they may do comes from the Hub's groups alone.
    assert (me["name"], me["roles"]) == ("a-analyst", ["viewer", "analyst"])


def test_a_script_with_a_jwt_reads_and_the_audit_log_says_so(
    caller: Caller, auditor: Api, jwt_people: People
) -> None:
    token = MAIN.sign(caller.said())
    with Client(f"{jwt_people.url}/services/workbench", token) as client:
        assert "sample" in [each.name for each in client.connections()]
        table = client.query("sample", "select count(*) as n from customers").arrow()
    assert table.to_pylist()[0]["n"] > 0
    rows = auditor.ok("GET", "/audit", action="query.read")["items"]
    assert {(row["actor"], row["via"]) for row in rows} == {("a-analyst", f"jwt:{caller.issuer}")}


@pytest.mark.parametrize(
    "scopes",
    [
        {"scope": "openid workbench:read"},
        {"scp": "workbench:read"},
        {"scp": ["openid", "workbench:read"]},
    ],
)
def test_a_narrowed_token_only_reads(caller: Caller, scopes: dict[str, Any]) -> None:
    api = caller.api(MAIN.sign(caller.said("a-engineer", **scopes)))
    assert api.query("sample", "select 1 as one from customers limit 1")[0].num_rows == 1
    assert api.refused(403, "POST", "/connections", {})["code"] == "token_narrowed"
    api.close()
    wide = caller.api(MAIN.sign(caller.said("a-engineer", scope="openid workbench:readers")))
    assert wide.refused(400, "POST", "/connections", {})["code"] == "invalid_field"
    wide.close()


# --- bad ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BAD)
def test_a_bad_token_is_refused_with_its_reason(caller: Caller, auditor: Api, case: str) -> None:
    code, make = BAD[case]
    status, body = caller.me(make(caller.said))
    assert (status, body["error"]["code"]) == (401, code), body
    assert len(body["error"]["message"]) > 15
    newest = auditor.ok("GET", "/audit", event="refused", limit=1)["items"][0]
    assert (newest["actor"], newest["action"], newest["code"]) == (None, "me.see", code)


@pytest.mark.parametrize("token", ["a.b.c", "eyJ.eyJ.x", "..", "x" * 6000, "ÿ", "{}.{}.{}"])
def test_what_is_no_jwt_is_a_token_that_the_hub_does_not_know(caller: Caller, token: str) -> None:
    answer = httpx.get(
        f"{caller.people.url}/services/workbench/api/v1/me",
        headers={"Authorization": f"Bearer {token}".encode("latin-1")},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unknown_token")


@pytest.mark.parametrize("header", ["{token}", "Basic {token}", "Bearer", "Bearer {token} x"])
def test_other_headers_carry_no_token(caller: Caller, header: str) -> None:
    api = caller.api("-")
    api.http.headers["Authorization"] = header.format(token=MAIN.sign(caller.said()))
    assert api.refused(401, "GET", "/me")["code"] == "not_signed_in"
    api.close()


def test_nothing_breaks_the_service(caller: Caller) -> None:
    """Tokens damaged at random are refused, whatever was hit."""
    chance = random.Random(8725)
    whole = MAIN.sign(caller.said())
    api = caller.api("-")
    for _ in range(400):
        letters = list(whole)
        for _ in range(chance.choice((1, 1, 2, 8))):
            letters[chance.randrange(len(letters))] = chance.choice("AZaz09-_.=~%")
        token = "".join(letters)
        if token == whole:
            continue
        api.http.headers["Authorization"] = f"Bearer {token}"
        answer = api.call("GET", "/me")
        assert answer.status_code == 401, (token, answer.text)
    api.close()


# --- changes ------------------------------------------------------------------------------------


def test_a_demotion_and_a_promotion_act_within_three_seconds(
    caller: Caller, jwt_people: People
) -> None:
    jwt_people.add("a-climber")
    api = caller.api(MAIN.sign(caller.said("a-climber")))
    assert api.ok("GET", "/me")["roles"] == []
    jwt_people.promote("a-climber", "engineer")
    wait_for(lambda: "engineer" in api.ok("GET", "/me")["roles"], 3)
    jwt_people.demote("a-climber", "engineer")
    wait_for(lambda: api.ok("GET", "/me")["roles"] == [], 3)
    api.close()


def test_a_removed_person_is_refused_within_three_seconds(
    caller: Caller, jwt_people: People
) -> None:
    jwt_people.add("a-goner", "viewer")
    api = caller.api(MAIN.sign(caller.said("a-goner")))
    api.ok("GET", "/me")
    jwt_people.hub("DELETE", "/users/a-goner")
    wait_for(lambda: api.call("GET", "/me").status_code == 401, 3)
    assert api.refused(401, "GET", "/me")["code"] == "jwt_unknown_user"
    api.close()


def test_who_is_locked_out_is_refused_within_three_seconds_and_let_in_again(
    caller: Caller, jwt_people: People, jwt_hub: Running
) -> None:
    jwt_people.add("a-suspect", "viewer")
    api = caller.api(MAIN.sign(caller.said("a-suspect")))
    api.ok("GET", "/me")
    assert jwt_hub.admin_password
    with Browser(jwt_hub.url) as admin:
        admin.sign_in("admin", jwt_hub.admin_password)
        admin.http.get("/hub/authorize")
        admin.post("/hub/authorize/a-suspect", approved="no")
        wait_for(lambda: api.call("GET", "/me").status_code == 401, 3)
        assert api.refused(401, "GET", "/me")["code"] == "locked_out"
        admin.post("/hub/authorize/a-suspect", approved="yes")
    wait_for(lambda: api.call("GET", "/me").status_code == 200, 3)
    # The roles are what they were.
    assert api.ok("GET", "/me")["roles"] == ["viewer"]
    api.close()


def test_an_event_stream_ends_with_its_token(caller: Caller) -> None:
    # The service allows for clocks that are 30 s off.
    token = MAIN.sign(caller.said(exp=int(time.time()) - 22))
    api = caller.api(token)
    url = f"{api.base}/api/v1/events"
    with api.http.stream("GET", url, params={"topics": "me"}) as stream:
        assert stream.status_code == 200
        list(stream.iter_lines())  # ends by itself
    assert api.refused(401, "GET", "/me")["code"] == "jwt_expired"
    api.close()


def test_keys_change_and_the_issuer_goes_down(caller: Caller, issuer: Provider) -> None:
    whole = issuer.jwks
    fresh = NEXT.sign(caller.said())
    assert caller.me(fresh)[1]["error"]["code"] == "jwt_unknown_key"
    try:
        issuer.jwks = {"keys": [*whole["keys"], NEXT.jwk]}
        wait_for(lambda: caller.me(fresh)[0] == 200, 10)
        issuer.raw = (500, {}, b"")
        unknown = Signer("never-heard-of").sign(caller.said())
        wait_for(lambda: caller.me(unknown)[0] == 503, 10)
        assert caller.me(unknown)[1]["error"]["code"] == "jwt_issuer_down"
        # Those that are known go on.
        assert caller.me(fresh)[0] == 200
        assert caller.me(MAIN.sign(caller.said()))[0] == 200
    finally:
        issuer.jwks, issuer.raw = whole, None


def test_the_hubs_own_tokens_go_on(jwt_people: People) -> None:
    api = jwt_people.api("a-analyst")
    assert api.ok("GET", "/me")["name"] == "a-analyst"
    api.close()


# --- other settings, in this process, asking the same issuer and the same Hub -------------------


@pytest.fixture
async def identity(
    issuer: Provider, jwt_people: People, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., JwtIdentity]]:
    """Makes one with settings of the test's own."""
    made: list[tuple[JwtIdentity, HubDirectory]] = []
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", jwt_people.admin_token)

    def make(hub: str = jwt_people.url, **settings: str) -> JwtIdentity:
        monkeypatch.setenv("JUPYTERHUB_API_URL", f"{hub}/hub/api")
        environment = {
            "WB_JWT_ISSUER": issuer.issuer,
            "WB_JWT_AUDIENCE": AUDIENCE,
            "WB_JWT_JWKS_URL": f"{issuer.issuer}/jwks",
            "WB_ALLOW_LOOPBACK": "1",
        }
        for name, value in settings.items():
            environment[f"WB_JWT_{name.upper()}"] = value
        directory = HubDirectory()
        it = JwtIdentity(Settings.from_environment(environment), directory)
        made.append((it, directory))
        return it

    yield make
    for it, directory in made:
        await it.close()
        directory.close()


async def _code(identity: JwtIdentity, token: str) -> str:
    with pytest.raises(WorkbenchError) as raised:
        await identity.actor(token)
    return raised.value.code


async def test_capitals_count_as_small_letters_where_that_is_set(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    folding = identity(fold_case="1")
    assert (await folding.actor(MAIN.sign(caller.said("A-Analyst")))).name == "a-analyst"
    assert await _code(folding, MAIN.sign(caller.said("Mallory"))) == "jwt_unknown_user"


async def test_another_claim_names_the_person(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    it = identity(claim="sub")
    assert (await it.actor(MAIN.sign(caller.said("a-admin", sub="a-viewer")))).name == "a-viewer"


async def test_another_scope_narrows(identity: Callable[..., JwtIdentity], caller: Caller) -> None:
    it = identity(read_scope="Workbench.Read")
    for scope, expected in (("Workbench.Read", "read"), ("workbench:read", "use")):
        assert (await it.actor(MAIN.sign(caller.said(scp=scope)))).scopes == {expected}


async def test_a_shorter_life(identity: Callable[..., JwtIdentity], caller: Caller) -> None:
    it = identity(max_lifetime="60")
    assert await _code(it, MAIN.sign(caller.said())) == "jwt_lives_too_long"
    assert await it.actor(MAIN.sign(caller.said(exp=int(NOW()) + 50)))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
async def test_other_algorithms_with_the_same_key(
    identity: Callable[..., JwtIdentity], caller: Caller, algorithm: str
) -> None:
    it = identity(algorithms=algorithm)
    assert (await it.actor(MAIN.sign(caller.said(), algorithm))).name == "a-analyst"
    assert await _code(it, MAIN.sign(caller.said())) == "jwt_algorithm"


async def test_other_curves(
    identity: Callable[..., JwtIdentity], caller: Caller, issuer: Provider
) -> None:
    edwards = Signer("edwards", "EdDSA")
    whole = issuer.jwks
    issuer.jwks = {"keys": [*whole["keys"], edwards.jwk]}
    try:
        it = identity(algorithms="ES384,EdDSA")
        assert (await it.actor(OTHER_CURVE.sign(caller.said()))).name == "a-analyst"
        assert (await it.actor(edwards.sign(caller.said()))).name == "a-analyst"
    finally:
        issuer.jwks = whole


async def test_a_key_that_is_made_for_one_algorithm_checks_no_other(
    identity: Callable[..., JwtIdentity], caller: Caller, issuer: Provider
) -> None:
    whole = issuer.jwks
    issuer.jwks = {"keys": [{**MAIN.jwk, "alg": "PS256"}]}
    try:
        it = identity(algorithms="RS256,PS256")
        assert await it.actor(MAIN.sign(caller.said(), "PS256"))
        assert await _code(it, MAIN.sign(caller.said())) == "jwt_wrong_key"
    finally:
        issuer.jwks = whole


async def test_without_the_hub_nobody_is_let_in(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    it = identity(hub="http://127.0.0.1:9")
    assert await _code(it, MAIN.sign(caller.said())) == "hub_down"
