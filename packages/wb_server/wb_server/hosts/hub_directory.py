"""The directory of users and groups from JupyterHub, read with the service's own token."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from jupyterhub.services.auth import HubAuth

from ..kit.errors import Unavailable, Unprocessable
from ..kit.http import configured_client

# A search box asks at every keystroke; a share names a user who was just looked up.
CACHE_SECONDS = 5.0
# Shorter, because it decides what a user may do.
_PERSON_SECONDS = 2.0
_PAGE = 200
_REMEMBERED = 10_000
# The property that the Hub gives each group, as in hub/wb_hub/group_identity.py.
_GROUP_CREATED = "workbench_created"


@dataclass(frozen=True)
class _User:
    groups: frozenset[str]
    created: str


def _user(item: dict[str, Any]) -> _User:
    """A user as the Hub describes them; the moment in one form, so that moments can be compared."""
    created = item.get("created") or ""
    if created:
        created = datetime.fromisoformat(created).isoformat(timespec="microseconds")
    return _User(frozenset(item["groups"]), created)


class HubDirectory:
    """Asks the Hub's API, with its address and the service's token from the environment."""

    def __init__(self) -> None:
        hub = HubAuth()
        self._http = configured_client(
            hub.api_url,
            headers={
                "Authorization": f"token {hub.api_token}",
                "Accept": "application/jupyterhub-pagination+json",
            },
            timeout=5,
        )
        self._lock = threading.Lock()
        self._known: tuple[float, dict[str, _User], frozenset[str]] | None = None
        self._groups: tuple[float, dict[str, str]] = (0.0, {})
        self._groups_lock = threading.Lock()
        self._one: OrderedDict[str, tuple[float, _User | None]] = OrderedDict()

    def users(self) -> Mapping[str, frozenset[str]]:
        """Every user with their groups.

        Raises:
            Unavailable: the Hub doesn't answer (``hub_down``).
        """
        return {name: user.groups for name, user in self._fresh()[1].items()}

    def created(self) -> Mapping[str, str]:
        """When the Hub created each user. Raises ``Unavailable``, as ``users`` does."""
        return {name: user.created for name, user in self._fresh()[1].items()}

    def groups(self) -> frozenset[str]:
        """Every group. Raises ``Unavailable``, as ``users`` does."""
        return self._fresh()[2]

    def groups_created(self) -> Mapping[str, str]:
        """Every group as of now, and when the Hub created it. Raises ``Unavailable``.

        Callers at the same time share an answer, but only one that was asked for after they called.
        """
        called = time.monotonic()
        with self._groups_lock:
            if self._groups[0] <= called:
                asked = time.monotonic()
                found = {
                    item["name"]: str((item.get("properties") or {}).get(_GROUP_CREATED) or "")
                    for item in self._all("groups")
                }
                self._groups = (asked, found)
            return self._groups[1]

    def groups_of(self, name: str, max_age: float = CACHE_SECONDS) -> frozenset[str] | None:
        """The groups of one user, or ``None`` if the Hub has no user of exactly this name.

        Asks for this user alone: a request waits for the answer, and there may be many users.

        Args:
            max_age: maximum age of a cached answer, in seconds.

        Raises:
            Unavailable: the Hub doesn't answer (``hub_down``).
        """
        user = self._user(name, max_age)
        return None if user is None else user.groups

    def created_at(self, name: str) -> str | None:
        """When the Hub created a user; ``None`` if it has none of exactly this name.

        Always asks: a cached answer may be about a former user of the name.
        """
        user = self._user(name, 0)
        return None if user is None else user.created

    def _user(self, name: str, max_age: float) -> _User | None:
        with self._lock:
            known = self._one.get(name)
        now = time.monotonic()
        if known is not None and now - known[0] < max_age:
            return known[1]
        user = self._user_now(name)
        with self._lock:
            self._one[name] = (now, user)
            self._one.move_to_end(name)
            while len(self._one) > _REMEMBERED:
                self._one.popitem(last=False)
        return user

    def person(self, name: str) -> frozenset[str] | None:
        """``groups_of`` with an answer at most two seconds old."""
        return self.groups_of(name, _PERSON_SECONDS)

    def refresh(self) -> None:
        """Drops what is cached, so that the next call asks the Hub."""
        with self._lock:
            self._known = None
            self._one.clear()

    def prove(self) -> None:
        """Checks that the Hub accepts the token; a Hub that doesn't answer may be starting.

        Raises:
            Unprocessable: it doesn't accept it, or isn't a Hub (``hub_refused``).
        """
        try:
            status = self._http.get("/users", params={"limit": 1}).status_code
        except httpx.HTTPError:
            return
        if status in (401, 403, 404):
            raise Unprocessable(
                f"The Hub at {self._http.base_url} answers HTTP {status} to the question for its "
                "users. Check JUPYTERHUB_API_URL, and that JUPYTERHUB_API_TOKEN is the Hub's "
                "WB_WORKER_TOKEN.",
                code="hub_refused",
            )

    def close(self) -> None:
        """Closes the connections to the Hub."""
        self._http.close()

    def _user_now(self, name: str) -> _User | None:
        try:
            answer = self._http.get(f"/users/{quote(name, safe='')}")
            if answer.status_code == 404:
                return None
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise Unavailable("The Hub does not answer; try again.", code="hub_down") from error
        user = answer.json()
        # Some databases compare case-insensitively.
        return _user(user) if user["name"] == name else None

    def _fresh(self) -> tuple[float, dict[str, _User], frozenset[str]]:
        with self._lock:
            known = self._known
            if known is None or time.monotonic() - known[0] > CACHE_SECONDS:
                users = {item["name"]: _user(item) for item in self._all("users")}
                groups = frozenset(item["name"] for item in self._all("groups"))
                known = self._known = (time.monotonic(), users, groups)
            return known

    def _all(self, kind: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        offset: int | None = 0
        while offset is not None:
            try:
                answer = self._http.get(f"/{kind}", params={"offset": offset, "limit": _PAGE})
                answer.raise_for_status()
            except httpx.HTTPError as error:
                raise Unavailable("The Hub does not answer; try again.", code="hub_down") from error
            page = answer.json()
            items += page["items"]
            following = page["_pagination"]["next"]
            offset = following["offset"] if following else None
        return items
