"""JWTs of an external issuer beside the Hub's own tokens: valid, invalid, and through changes."""

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

# Starts its own Workbench.
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
    """Calls the API with a JWT."""

    people: People
    issuer: str

    def claims(self, name: str = "a-analyst", **more: Any) -> dict[str, Any]:
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


# --- valid tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda claims: MAIN.sign(claims()),
        lambda claims: CURVE.sign(claims()),
        lambda claims: MAIN.sign(claims(aud=["elsewhere", AUDIENCE])),
        lambda claims: MAIN.sign(claims(), typ="at+JWT"),
        lambda claims: MAIN.sign(claims(), typ=None),
        lambda claims: MAIN.sign(claims(nbf=int(time.time()) - 5)),
        lambda claims: MAIN.sign(claims(exp=int(time.time()) + 200.5)),
        # A clock that is slightly off.
        lambda claims: MAIN.sign(claims(exp=int(time.time()) - 5)),
        lambda claims: MAIN.sign(claims(iat=int(time.time()) + 5)),
        # Other sources of a key are ignored.
        lambda claims: MAIN.sign(claims(), jku="http://127.0.0.1:9/jwks", x5u="http://127.0.0.1:9/x",
                               jwk=ELSEWHERE.jwk),
        lambda claims: MAIN.sign(claims(groups=["admin"], roles=["admin"], admin=True)),
    ],
    ids=[
        "rsa", "curve", "audiences", "access-token", "no-type", "nbf", "fraction", "late", "early",
        "headers", "groups",
    ],
)  # fmt: skip
def test_a_token_identifies_its_user(
    caller: Caller, make: Callable[[Callable[..., Any]], str]
) -> None:
    status, me = caller.me(make(caller.claims))
    assert status == 200, me
    # Roles come from the Hub's groups alone.
    assert (me["name"], me["roles"]) == ("a-analyst", ["viewer", "analyst"])


def test_the_audit_log_names_the_issuer_of_a_scripts_jwt(
    caller: Caller, auditor: Api, jwt_people: People
) -> None:
    token = MAIN.sign(caller.claims())
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
    api = caller.api(MAIN.sign(caller.claims("a-engineer", **scopes)))
    assert api.query("sample", "select 1 as one from customers limit 1")[0].num_rows == 1
    assert api.refused(403, "POST", "/connections", {})["code"] == "token_narrowed"
    api.close()
    wide = caller.api(MAIN.sign(caller.claims("a-engineer", scope="openid workbench:readers")))
    assert wide.refused(400, "POST", "/connections", {})["code"] == "invalid_field"
    wide.close()


# --- invalid tokens -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", BAD)
def test_an_invalid_token_is_refused_with_its_reason(
    caller: Caller, auditor: Api, case: str
) -> None:
    code, make = BAD[case]
    status, body = caller.me(make(caller.claims))
    assert (status, body["error"]["code"]) == (401, code), body
    assert len(body["error"]["message"]) > 15
    newest = auditor.ok("GET", "/audit", event="refused", limit=1)["items"][0]
    assert (newest["actor"], newest["action"], newest["code"]) == (None, "me.see", code)


@pytest.mark.parametrize("token", ["a.b.c", "eyJ.eyJ.x", "..", "x" * 6000, "ÿ", "{}.{}.{}"])
def test_a_token_that_is_no_jwt_is_looked_up_at_the_hub(caller: Caller, token: str) -> None:
    answer = httpx.get(
        f"{caller.people.url}/services/workbench/api/v1/me",
        headers={"Authorization": f"Bearer {token}".encode("latin-1")},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unknown_token")


@pytest.mark.parametrize("header", ["{token}", "Basic {token}", "Bearer", "Bearer {token} x"])
def test_other_headers_carry_no_token(caller: Caller, header: str) -> None:
    api = caller.api("-")
    api.http.headers["Authorization"] = header.format(token=MAIN.sign(caller.claims()))
    assert api.refused(401, "GET", "/me")["code"] == "not_signed_in"
    api.close()


def test_randomly_damaged_tokens_are_refused(caller: Caller) -> None:
    """Whatever part is damaged, the answer is 401."""
    chance = random.Random(8725)
    whole = MAIN.sign(caller.claims())
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


def test_the_hub_is_not_asked_again_for_each_request(caller: Caller, jwt_hub: Running) -> None:
    token = MAIN.sign(caller.claims("a-viewer"))
    asked = "GET /hub/api/users/a-viewer "
    before = jwt_hub.log().count(asked)
    for _ in range(20):
        assert caller.me(token)[0] == 200
    # For two seconds an answer is good enough.
    assert jwt_hub.log().count(asked) - before < 20


def test_a_seen_token_is_not_that_of_a_new_user_of_the_name(
    caller: Caller, jwt_people: People
) -> None:
    """Whatever answer is still cached: once the new user has asked, the former one is refused."""
    name = jwt_people.add("reused", "engineer")
    former = caller.api(MAIN.sign(caller.claims(name)))
    local = {"host": "127.0.0.1", "port": 1, "database": "none", "user": "nobody", "password": "x"}
    body = {"name": "reused_db", "connector": "postgres", "config": local}
    made = former.ok("POST", "/connections", body)
    jwt_people.hub("DELETE", f"/users/{name}")
    jwt_people.add(name, "engineer")
    present = caller.api(MAIN.sign(caller.claims(name, jti="another")))
    assert present.ok("GET", "/me")["name"] == name
    former.refused(401, "GET", "/me")
    present.refused(404, "GET", f"/connections/{made['id']}")


def test_a_demotion_and_a_promotion_take_effect_within_three_seconds(
    caller: Caller, jwt_people: People
) -> None:
    jwt_people.add("a-climber")
    api = caller.api(MAIN.sign(caller.claims("a-climber")))
    assert api.ok("GET", "/me")["roles"] == []
    jwt_people.promote("a-climber", "engineer")
    wait_for(lambda: "engineer" in api.ok("GET", "/me")["roles"], 3)
    jwt_people.demote("a-climber", "engineer")
    wait_for(lambda: api.ok("GET", "/me")["roles"] == [], 3)
    api.close()


def test_a_removed_user_is_refused_within_three_seconds(caller: Caller, jwt_people: People) -> None:
    jwt_people.add("a-goner", "viewer")
    api = caller.api(MAIN.sign(caller.claims("a-goner")))
    api.ok("GET", "/me")
    jwt_people.hub("DELETE", "/users/a-goner")
    wait_for(lambda: api.call("GET", "/me").status_code == 401, 3)
    assert api.refused(401, "GET", "/me")["code"] == "jwt_unknown_user"
    api.close()


def test_a_locked_out_user_is_refused_within_three_seconds_and_can_be_let_in_again(
    caller: Caller, jwt_people: People, jwt_hub: Running
) -> None:
    jwt_people.add("a-suspect", "viewer")
    api = caller.api(MAIN.sign(caller.claims("a-suspect")))
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
    # Their roles are unchanged.
    assert api.ok("GET", "/me")["roles"] == ["viewer"]
    api.close()


def test_an_event_stream_ends_with_its_token(caller: Caller) -> None:
    # The service tolerates a clock skew of 30 s.
    token = MAIN.sign(caller.claims(exp=int(time.time()) - 22))
    api = caller.api(token)
    url = f"{api.base}/api/v1/events"
    with api.http.stream("GET", url, params={"topics": "me"}) as stream:
        assert stream.status_code == 200
        list(stream.iter_lines())  # the service ends it
    assert api.refused(401, "GET", "/me")["code"] == "jwt_expired"
    api.close()


def test_keys_change_and_the_issuer_goes_down(caller: Caller, issuer: Provider) -> None:
    whole = issuer.jwks
    fresh = NEXT.sign(caller.claims())
    assert caller.me(fresh)[1]["error"]["code"] == "jwt_unknown_key"
    try:
        issuer.jwks = {"keys": [*whole["keys"], NEXT.jwk]}
        wait_for(lambda: caller.me(fresh)[0] == 200, 10)
        issuer.raw = (500, {}, b"")
        unknown = Signer("unknown").sign(caller.claims())
        wait_for(lambda: caller.me(unknown)[0] == 503, 10)
        assert caller.me(unknown)[1]["error"]["code"] == "jwt_issuer_down"
        # Known keys stay valid.
        assert caller.me(fresh)[0] == 200
        assert caller.me(MAIN.sign(caller.claims()))[0] == 200
    finally:
        issuer.jwks, issuer.raw = whole, None


def test_the_hubs_own_tokens_still_work(jwt_people: People) -> None:
    api = jwt_people.api("a-analyst")
    assert api.ok("GET", "/me")["name"] == "a-analyst"
    api.close()


# --- other settings, in this process, with the same issuer and the same Hub ---------------------


@pytest.fixture
async def identity(
    issuer: Provider, jwt_people: People, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., JwtIdentity]]:
    """Builds an identity with the test's settings."""
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


async def test_capitals_are_folded_if_so_configured(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    folding = identity(fold_case="1")
    assert (await folding.actor(MAIN.sign(caller.claims("A-Analyst")))).name == "a-analyst"
    assert await _code(folding, MAIN.sign(caller.claims("Mallory"))) == "jwt_unknown_user"


async def test_another_claim_can_name_the_user(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    it = identity(claim="sub")
    assert (await it.actor(MAIN.sign(caller.claims("a-admin", sub="a-viewer")))).name == "a-viewer"


async def test_another_scope_can_narrow(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    it = identity(read_scope="Workbench.Read")
    for scope, expected in (("Workbench.Read", "read"), ("workbench:read", "use")):
        assert (await it.actor(MAIN.sign(caller.claims(scp=scope)))).scopes == {expected}


async def test_a_shorter_lifetime(identity: Callable[..., JwtIdentity], caller: Caller) -> None:
    it = identity(max_lifetime="60")
    assert await _code(it, MAIN.sign(caller.claims())) == "jwt_lives_too_long"
    assert await it.actor(MAIN.sign(caller.claims(exp=int(NOW()) + 50)))


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "PS384", "PS512"])
async def test_other_algorithms_with_the_same_key(
    identity: Callable[..., JwtIdentity], caller: Caller, algorithm: str
) -> None:
    it = identity(algorithms=algorithm)
    assert (await it.actor(MAIN.sign(caller.claims(), algorithm))).name == "a-analyst"
    assert await _code(it, MAIN.sign(caller.claims())) == "jwt_algorithm"


async def test_other_curves(
    identity: Callable[..., JwtIdentity], caller: Caller, issuer: Provider
) -> None:
    edwards = Signer("edwards", "EdDSA")
    whole = issuer.jwks
    issuer.jwks = {"keys": [*whole["keys"], edwards.jwk]}
    try:
        it = identity(algorithms="ES384,EdDSA")
        assert (await it.actor(OTHER_CURVE.sign(caller.claims()))).name == "a-analyst"
        assert (await it.actor(edwards.sign(caller.claims()))).name == "a-analyst"
    finally:
        issuer.jwks = whole


async def test_a_key_for_one_algorithm_verifies_no_other(
    identity: Callable[..., JwtIdentity], caller: Caller, issuer: Provider
) -> None:
    whole = issuer.jwks
    issuer.jwks = {"keys": [{**MAIN.jwk, "alg": "PS256"}]}
    try:
        it = identity(algorithms="RS256,PS256")
        assert await it.actor(MAIN.sign(caller.claims(), "PS256"))
        assert await _code(it, MAIN.sign(caller.claims())) == "jwt_wrong_key"
    finally:
        issuer.jwks = whole


async def test_without_the_hub_every_token_is_refused(
    identity: Callable[..., JwtIdentity], caller: Caller
) -> None:
    it = identity(hub="http://127.0.0.1:9")
    assert await _code(it, MAIN.sign(caller.claims())) == "hub_down"
