"""Users of a running Hub, created through its API, with tokens for the Workbench."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from running_hub import Browser, Running

from .api import Api

SERVICE = ["access:services!service=workbench", "custom:workbench:use"]
ROLES = ("nobody", "viewer", "analyst", "engineer", "admin")


@dataclass
class People:
    """Creates users and tokens as the Hub's administrator."""

    url: str
    admin_token: str

    def hub(self, method: str, path: str, **more: Any) -> Any:
        """Calls the Hub's own API and returns the answer's body."""
        answer = httpx.request(
            method,
            f"{self.url}/hub/api{path}",
            headers={"Authorization": f"token {self.admin_token}"},
            timeout=90,
            trust_env=False,
            verify=False,
            **more,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def add(self, name: str, *groups: str) -> str:
        """Adds a user to the Hub and to groups; returns their name."""
        self.hub("POST", f"/users/{name}")
        for group in groups:
            self.promote(name, group)
        return name

    def promote(self, name: str, group: str) -> None:
        """Adds a user to a group."""
        self.hub("POST", f"/groups/{group}/users", json={"users": [name]})

    def demote(self, name: str, group: str) -> None:
        """Removes a user from a group."""
        self.hub("DELETE", f"/groups/{group}/users", json={"users": [name]})

    def token(self, name: str, scopes: list[str] | None = None) -> str:
        """Creates a token for a user; for the Workbench if no scopes are given."""
        made = self.hub(
            "POST",
            f"/users/{name}/tokens",
            json={"scopes": SERVICE if scopes is None else scopes, "note": "test"},
        )
        return str(made["token"])

    def api(self, name: str, scopes: list[str] | None = None) -> Api:
        """The service's API as a user."""
        return Api(f"{self.url}/services/workbench", self.token(name, scopes))

    def gateway(self, name: str) -> Api:
        """The API through the gateway in a user's server, which must be running."""
        token = self.token(name, [f"access:servers!user={name}"])
        return Api(f"{self.url}/user/{name}/workbench", token)

    def start_server(self, name: str) -> None:
        """Starts a user's server and waits until it is ready."""
        self.hub("POST", f"/users/{name}/server")
        from .wait import wait_for

        wait_for(lambda: self.hub("GET", f"/users/{name}")["servers"].get("", {}).get("ready"), 90)


def people_of(hub: Running) -> People:
    """Creates the users of a new Hub: one for each role, and one without a role."""
    assert hub.admin_password
    with Browser(hub.url) as browser:
        browser.sign_in("admin", hub.admin_password)
        scopes = ["admin:users", "admin:groups", "admin:servers", "tokens", *SERVICE]
        made = browser.api("POST", "/users/admin/tokens", json={"scopes": scopes})
        made.raise_for_status()
    people = People(hub.url, made.json()["token"])
    for role in ROLES:
        people.add(f"a-{role}", *([] if role == "nobody" else [role]))
    return people
