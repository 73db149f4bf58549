"""Sign-in with passwords, at a real Hub."""

from __future__ import annotations

from itertools import count

import httpx
import pytest
from running_hub import Browser, Running

GOOD = "plain coffee 42"
_number = count(1)


def new_name() -> str:
    return f"person{next(_number)}"


@pytest.fixture
def member(admin: Browser) -> str:
    """A user added by the administrator, with the password ``GOOD``."""
    name = new_name()
    assert admin.api("POST", f"/users/{name}").status_code == 201
    answer = admin.post(
        f"/hub/change-password/{name}", new_password=GOOD, new_password_confirmation=GOOD
    )
    assert "changed successfully" in answer.text
    return name


def test_administrator_signs_in(admin: Browser) -> None:
    user = admin.api("GET", "/user").json()
    assert user["admin"] is True
    assert user["groups"] == ["admin"]
    groups = {group["name"] for group in admin.api("GET", "/groups").json()}
    assert groups >= {"viewer", "analyst", "engineer", "admin"}


def test_wrong_password(stranger: Browser) -> None:
    answer = stranger.sign_in("admin", "wrong")
    assert answer.status_code == 403
    assert "Invalid username or password" in answer.text
    assert stranger.signed_in() is None


def test_form_without_xsrf_token_is_refused(hub: Running, stranger: Browser) -> None:
    stranger.http.get("/hub/login")
    answer = stranger.http.post(
        "/hub/login", data={"username": "admin", "password": hub.admin_password or ""}
    )
    assert answer.status_code == 403
    assert stranger.signed_in() is None


@pytest.mark.parametrize(
    "fields",
    [{}, {"username": "admin"}, {"password": "x"}, {"username": "admin", "password": "x" * 500}],
)
def test_incomplete_forms_are_client_errors(stranger: Browser, fields: dict[str, str]) -> None:
    stranger.http.get("/hub/login")
    assert stranger.post("/hub/login", **fields).status_code in {400, 403}


def test_sign_up_waits_for_approval(stranger: Browser, admin: Browser) -> None:
    name = new_name()
    assert "sent to the admin" in stranger.sign_up(name, GOOD).text
    answer = stranger.sign_in(name, GOOD)
    assert answer.status_code == 403
    assert "approved this account yet" in answer.text
    assert stranger.signed_in() is None
    # A wrong password doesn't reveal that the account exists.
    assert "approved" not in stranger.sign_in(name, "a guess").text

    page = admin.http.get("/hub/authorize")
    assert f'data-name="{name}"' in page.text
    assert admin.post(f"/hub/authorize/{name}", approved="yes").status_code == 200
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() == name
    assert stranger.api("GET", "/user").json()["groups"] == []


def test_a_sign_up_is_discarded(stranger: Browser, admin: Browser) -> None:
    name = new_name()
    stranger.sign_up(name, GOOD)
    admin.http.get("/hub/authorize")
    admin.post(f"/hub/discard/{name}")
    assert f'data-name="{name}"' not in admin.http.get("/hub/authorize").text
    assert "Invalid username" in stranger.sign_in(name, GOOD).text


def test_only_unapproved_accounts_can_be_discarded(admin: Browser, member: str) -> None:
    admin.post(f"/hub/discard/{member}")
    assert f'data-name="{member}"' in admin.http.get("/hub/authorize").text


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN"])
def test_administrators_name_can_not_be_claimed(hub: Running, stranger: Browser, name: str) -> None:
    stranger.sign_up(name, GOOD)
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() is None
    assert hub.admin_password
    stranger.sign_in("admin", hub.admin_password)
    assert stranger.signed_in() == "admin"


def test_an_added_users_name_can_not_be_claimed(stranger: Browser, admin: Browser) -> None:
    name = new_name()
    admin.api("POST", f"/users/{name}")
    stranger.sign_up(name, GOOD)
    stranger.sign_in(name, GOOD)
    assert stranger.signed_in() is None


@pytest.mark.parametrize("password", ["short", "password123", "x" * 73])
def test_weak_passwords_are_refused(stranger: Browser, password: str) -> None:
    answer = stranger.sign_up(new_name(), password)
    assert answer.status_code == 200
    assert "Something went wrong" in answer.text


@pytest.mark.parametrize("name", ["../etc", ".hidden", "two words", "a/b", "x" * 64])
def test_invalid_names_are_refused(stranger: Browser, name: str) -> None:
    assert "Something went wrong" in stranger.sign_up(name, GOOD).text


def test_sign_in_attempts_are_limited(hub: Running, stranger: Browser, member: str) -> None:
    for _ in range(5):
        assert "Invalid username" in stranger.sign_in(member, "a guess").text
    answer = stranger.sign_in(member, GOOD)
    assert answer.status_code == 403
    assert "Too many failed attempts" in answer.text
    assert stranger.signed_in() is None


def test_unknown_names_look_like_known_ones(stranger: Browser) -> None:
    name = new_name()
    for _ in range(5):
        assert "Invalid username" in stranger.sign_in(name, "a guess").text
    assert "Too many failed attempts" in stranger.sign_in(name, "a guess").text


def test_a_link_can_neither_approve_nor_discard_a_user(admin: Browser, member: str) -> None:
    for path in (f"/hub/authorize/{member}", f"/hub/discard/{member}"):
        assert admin.http.get(path).status_code == 405
        forged = admin.http.post(
            path, data={"approved": "no"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert forged.status_code == 403


def test_only_administrators_manage_users(stranger: Browser, member: str) -> None:
    stranger.sign_in(member, GOOD)
    assert stranger.signed_in() == member
    assert stranger.http.get("/hub/authorize").status_code in {403, 404}
    assert stranger.post("/hub/authorize/admin", approved="no").status_code in {403, 404}
    assert stranger.post("/hub/discard/admin").status_code in {403, 404}
    answer = stranger.post(
        "/hub/change-password/admin", new_password=GOOD, new_password_confirmation=GOOD
    )
    assert answer.status_code in {403, 404}
    assert stranger.api("POST", "/groups/admin/users", json={"users": [member]}).status_code in {
        403,
        404,
    }


def test_locking_out_takes_effect_at_once(stranger: Browser, admin: Browser, member: str) -> None:
    stranger.sign_in(member, GOOD)
    token = stranger.api("POST", f"/users/{member}/tokens", json={}).json()["token"]
    headers = {"Authorization": f"token {token}"}
    api = f"{stranger.url}/hub/api/user"
    with httpx.Client(trust_env=False) as script:
        assert script.get(api, headers=headers).status_code == 200
        admin.http.get("/hub/authorize")
        admin.post(f"/hub/authorize/{member}", approved="no")
        assert script.get(api, headers=headers).status_code == 403
    assert stranger.signed_in() is None
    assert "approved" in stranger.sign_in(member, GOOD).text
    people = admin.http.get("/hub/authorize").text
    row = people.split(f'data-name="{member}"')[1].split("</tr>")[0]
    assert "locked out" in row and "Unlock" in row and "Discard" not in row


def test_nobody_locks_themselves_out(admin: Browser) -> None:
    assert admin.post("/hub/authorize/admin", approved="no").status_code == 400
    assert admin.signed_in() == "admin"


def test_a_user_changes_their_own_password(stranger: Browser, member: str) -> None:
    new = "another coffee 43"
    stranger.sign_in(member, GOOD)
    fields = {"new_password": new, "new_password_confirmation": new}
    answer = stranger.post("/hub/change-password", old_password="a guess", **fields)
    assert "old password" in answer.text
    with Browser(stranger.url) as elsewhere:
        elsewhere.sign_in(member, GOOD)
        assert elsewhere.signed_in() == member
        stranger.post("/hub/change-password", old_password=GOOD, **fields)
        assert elsewhere.signed_in() is None
    assert stranger.signed_in() is None
    assert stranger.sign_in(member, GOOD).status_code == 403
    stranger.sign_in(member, new)
    assert stranger.signed_in() == member


def test_groups_take_effect_without_a_new_sign_in(
    stranger: Browser, admin: Browser, member: str
) -> None:
    stranger.sign_in(member, GOOD)
    admin.api("POST", "/groups/engineer/users", json={"users": [member]})
    assert stranger.api("GET", "/user").json()["groups"] == ["engineer"]
    admin.api("DELETE", "/groups/engineer/users", json={"users": [member]})
    assert stranger.api("GET", "/user").json()["groups"] == []


def test_passwords_are_not_logged(hub: Running, stranger: Browser) -> None:
    stranger.sign_up(new_name(), "a password to look for")
    assert "to look for" not in hub.log()
    assert hub.admin_password
    assert hub.admin_password not in hub.log()
