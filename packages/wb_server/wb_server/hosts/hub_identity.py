"""Authentication by JupyterHub.

The actor comes from the token in the ``Authorization`` header: either one of the Hub's own, which the
Hub verifies, or a JWT of a configured issuer, whose user must exist at the Hub. The Hub's answer has the
user's current groups and is cached for two seconds, so a promotion, a demotion or a revoked token takes
effect within three.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
import time
from collections import OrderedDict
from typing import Any, TypeVar

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError, RequestHandler

from ..governance.people.service import PeopleService
from ..governance.rights import LOCKED_OUT
from ..kit.actor import Actor
from ..kit.errors import Forbidden, NotSignedIn, Unavailable
from .jwt_identity import JwtIdentity, is_jwt

CACHE_SECONDS = 2
_SCOPE = "custom:workbench:"
_HEADER = re.compile(r"(?:token|bearer)\s+(\S+)\s*", re.IGNORECASE)
# The Hub's tokens have 32 characters; an administrator may choose longer ones.
_LONGEST_HUB_TOKEN = 512
_REMEMBERED = 10_000
K = TypeVar("K")
V = TypeVar("V")


class HubIdentity:
    """Asks the Hub, with its address and the service's own token from the environment.

    Args:
        issued: checks the tokens of an issuer; without it only the Hub's own are accepted.
        people: tells the present user of a name from former ones.
    """

    def __init__(
        self, issued: JwtIdentity | None = None, people: PeopleService | None = None
    ) -> None:
        self._hub = HubAuth(cache_max_age=CACHE_SECONDS)
        self._issued = issued
        self._people = people
        # The last answer about each token, by its hash, and when it was asked for.
        self._answers: OrderedDict[bytes, tuple[float, Actor]] = OrderedDict()
        # When the user of each token was created, by its hash and the user's name. A token of the Hub
        # never passes to another user, but its user may be renamed.
        self._created: OrderedDict[tuple[bytes, str], str | None] = OrderedDict()

    async def actor(self, handler: RequestHandler) -> Actor:
        """The user whose token the request carries.

        Raises:
            NotSignedIn: no token, one that isn't accepted, or one of a user who is locked out.
            Forbidden: the token isn't a user's, or isn't meant for the Workbench.
            Unavailable: the Hub doesn't answer.
        """
        # Only from the header: a URL ends up in logs and histories, and browsers send cookies unasked.
        sent = _HEADER.fullmatch(handler.request.headers.get("Authorization", ""))
        if sent is None:
            raise NotSignedIn(
                "Sign in, or send a token: `Authorization: Bearer …`.", code="not_signed_in"
            )
        key = hashlib.sha256(sent[1].encode()).digest()
        asked, actor = self._answers.get(key, (-math.inf, None))
        now = time.monotonic()
        if actor is None or now - asked > CACHE_SECONDS:
            actor = await self._asked(sent[1], key)
            _remember(self._answers, key, (now, actor))
        await self._require_present(key, actor.name)
        return actor

    async def _asked(self, token: str, key: bytes) -> Actor:
        """The user of a token as of now, with what former users and groups of the names left settled."""
        actor = await (self._by_issuer(token) if is_jwt(token) else self._by_hub(token))
        if LOCKED_OUT in actor.groups:
            raise NotSignedIn("This account is locked.", code="locked_out")
        await self._require_present(key, actor.name)
        if self._people is not None:
            await asyncio.to_thread(self._people.settle_groups, actor.groups)
        return actor

    async def _require_present(self, key: bytes, name: str) -> None:
        """Refuses the token of a former user of the name; settles what they left before the first
        request of the present one."""
        people = self._people
        if people is None:
            return
        if (key, name) not in self._created:
            moment = await asyncio.to_thread(people.created_at, name)
            _remember(self._created, (key, name), moment)
        created = self._created[key, name]
        if not people.is_known(name, created) and not await asyncio.to_thread(
            people.is_current, name, created
        ):
            raise NotSignedIn("The Hub does not know this token.", code="unknown_token")

    async def close(self) -> None:
        """Closes the connections to an issuer."""
        if self._issued is not None:
            await self._issued.close()

    async def _by_issuer(self, token: str) -> Actor:
        if self._issued is None:
            raise NotSignedIn(
                "No issuer of JWTs is set up here. Create a token at the Hub.", code="jwt_not_taken"
            )
        return await self._issued.actor(token)

    async def _by_hub(self, token: str) -> Actor:
        user = None
        if len(token) <= _LONGEST_HUB_TOKEN and token.isascii():
            try:
                user = await self._hub.user_for_token(token, use_cache=False, sync=False)
            except HTTPError as error:
                raise Unavailable("The Hub does not answer; try again.", code="hub_down") from error
        if user is None:
            if not await self._hub_knows_us():
                raise Unavailable("The Hub does not answer; try again.", code="hub_down")
            raise NotSignedIn("The Hub does not know this token.", code="unknown_token")
        return _actor(user, self._hub.check_scopes(self._hub.access_scopes, user))

    async def _hub_knows_us(self) -> bool:
        """Whether the Hub knows the service's own token: one that is starting may know none yet."""
        try:
            return await self._hub.user_for_token(self._hub.api_token, sync=False) is not None
        except HTTPError:
            return False


def _remember(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)


def _actor(user: dict[str, Any], access: object) -> Actor:
    if user.get("kind") != "user":
        raise Forbidden("Only users' tokens are accepted here.", code="not_a_person")
    if not access:
        raise Forbidden("This token has no access to the Workbench.", code="no_access")
    scopes = {
        scope.removeprefix(_SCOPE).split("!")[0]
        for scope in user["scopes"]
        if scope.startswith(_SCOPE)
    }
    return Actor(
        name=user["name"],
        groups=frozenset(user["groups"]),
        scopes=frozenset(scopes),
        via=_via(user["scopes"]),
    )


def _via(scopes: list[str]) -> str:
    """How the request came: only a user server's own token has access to just that server."""
    for scope in scopes:
        kind, _, server = scope.partition("!server=")
        if kind == "access:servers" and server:
            return f"server:{server}"
    return "token"
