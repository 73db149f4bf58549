"""Sign-in through an OpenID Connect provider."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider, provider
from running_hub import Browser, Running, start_up
from traitlets.config import Config

from wb_hub import oidc
from wb_hub.settings import SettingError

# Starts its own Workbench.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def idp() -> Iterator[Provider]:
    with provider() as it:
        yield it


@pytest.fixture(scope="module")
def oidc_hub(idp: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    env = {
        "WB_OIDC_ISSUER": idp.issuer,
        "WB_OIDC_CLIENT_ID": CLIENT_ID,
        "WB_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "WB_OIDC_GROUPS_CLAIM": "groups",
        "WB_OIDC_ALLOWED_GROUPS": "analyst,engineer",
        "WB_OIDC_NAME": "Test Provider",
        "WB_ADMINS": "boss",
    }
    with start_up(tmp_path_factory.mktemp("oidc") / "data", env=env) as running:
        yield running


def sign_in(hub: Running, browser: Browser) -> httpx.Response:
    return browser.http.get(
        "/hub/oauth_login?next=%2Fhub%2Ftoken", headers={"Sec-Fetch-Mode": "navigate"}
    )


def test_sign_in_with_groups(oidc_hub: Running, idp: Provider) -> None:
    assert oidc_hub.admin_password is None
    idp.person = {"sub": "1", "preferred_username": "Ann", "groups": ["analyst", "cooks"]}
    with Browser(oidc_hub.url) as browser:
        assert "Test Provider" in browser.http.get("/hub/login").text
        assert sign_in(oidc_hub, browser).status_code == 200
        assert browser.signed_in() == "ann"
        user = browser.api("GET", "/user").json()
        assert set(user["groups"]) == {"analyst", "cooks"}
        assert user["admin"] is False
    # Each sign-in applies the provider's groups.
    idp.person["groups"] = ["engineer"]
    with Browser(oidc_hub.url) as browser:
        sign_in(oidc_hub, browser)
        assert browser.api("GET", "/user").json()["groups"] == ["engineer"]


def test_a_user_without_an_allowed_group_is_refused(oidc_hub: Running, idp: Provider) -> None:
    idp.person = {"sub": "2", "preferred_username": "mallory", "groups": ["cooks"]}
    with Browser(oidc_hub.url) as browser:
        assert sign_in(oidc_hub, browser).status_code == 403
        assert browser.signed_in() is None


@pytest.mark.parametrize("name", ["../admin", "a b", ""])
def test_invalid_names_are_refused(oidc_hub: Running, idp: Provider, name: str) -> None:
    idp.person = {"sub": "3", "preferred_username": name, "groups": ["analyst"]}
    with Browser(oidc_hub.url) as browser:
        assert sign_in(oidc_hub, browser).status_code == 403
        assert browser.signed_in() is None


def test_named_administrator(oidc_hub: Running, idp: Provider) -> None:
    idp.person = {"sub": "4", "preferred_username": "boss", "groups": []}
    with Browser(oidc_hub.url) as browser:
        sign_in(oidc_hub, browser)
        assert browser.api("GET", "/user").json()["admin"] is True


def test_there_are_no_password_pages_with_a_provider(oidc_hub: Running) -> None:
    with Browser(oidc_hub.url) as browser:
        assert browser.http.get("/hub/signup").status_code == 404
        assert browser.http.get("/hub/authorize").status_code == 404
        assert browser.http.get("/hub/invitation").status_code == 404


def test_people_are_added_and_removed_without_passwords(oidc_hub: Running, idp: Provider) -> None:
    idp.person = {"sub": "4", "preferred_username": "boss", "groups": ["admin"]}
    with Browser(oidc_hub.url) as browser:
        sign_in(oidc_hub, browser)
        page = browser.http.get("/hub/people/new").text
        assert "come from the provider" in page
        assert "Invitation" not in page
        assert (
            "<strong>carla</strong> was added" in browser.post("/hub/people/new", name="carla").text
        )
        listed = browser.http.get("/hub/people").text
        assert 'data-name="carla"' in listed
        assert "Set password" not in listed
        assert "carla has left" in browser.post("/hub/people/leave/carla").text
        assert browser.api("GET", "/users/carla").status_code == 404


def test_discovery(idp: Provider) -> None:
    assert oidc.discover(idp.issuer)["token_url"] == f"{idp.issuer}/token"
    with pytest.raises(SettingError, match="is the configuration of"):
        oidc.discover(idp.issuer.replace("127.0.0.1", "localhost"))


def test_an_unreachable_provider() -> None:
    with pytest.raises(SettingError, match="can't be read"):
        oidc.discover("http://127.0.0.1:9")
    with pytest.raises(SettingError, match="http or https"):
        oidc.discover("file:///etc/passwd")


def test_explicit_addresses_need_no_discovery() -> None:
    from wb_hub.settings import Oidc

    c = Config()
    address = "http://127.0.0.1:9"
    oidc.apply(
        c,
        Oidc(
            "id",
            "secret",
            authorize_url=f"{address}/a",
            token_url=f"{address}/t",
            userdata_url=f"{address}/u",
        ),
    )
    assert c.GenericOAuthenticator.token_url == f"{address}/t"
    assert c.GenericOAuthenticator.enable_pkce is True
