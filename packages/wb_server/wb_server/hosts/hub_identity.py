"""Who asks, by JupyterHub's word.

The actor comes from the token in the ``Authorization`` header: one of the Hub's own, which the Hub
verifies, or a JWT of a configured issuer, whose person the Hub has to know. Its answer holds the
person's groups of that moment and is kept for two seconds, so a promotion, a demotion or a revoked
token acts within three.
"""

from __future__ import annotations

import re
from typing import Any

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError, RequestHandler

from ..governance.rights import LOCKED_OUT
from ..kit.actor import Actor
from ..kit.errors import Forbidden, NotSignedIn, Unavailable
from .jwt_identity import JwtIdentity, is_jwt

CACHE_SECONDS = 2
_SCOPE = "custom:workbench:"
_HEADER = re.compile(r"(?:token|bearer)\s+(\S+)\s*", re.IGNORECASE)
# Those of the Hub have 32 letters; an administrator may choose longer ones.
_LONGEST_HUB_TOKEN = 512


class HubIdentity:
    """Asks the Hub. Takes the Hub's address and the service's own token from the environment.

    Args:
        issued: checks the tokens of an issuer; without it only the Hub's own are taken.
    """

    def __init__(self, issued: JwtIdentity | None = None) -> None:
        self._hub = HubAuth(cache_max_age=CACHE_SECONDS)
        self._issued = issued

    async def actor(self, handler: RequestHandler) -> Actor:
        """The person whose token the request carries.

        Raises:
            NotSignedIn: no token, one that isn't taken, or one of a person who is locked out.
            Forbidden: the token isn't a person's, or isn't meant for the Workbench.
            Unavailable: the Hub doesn't answer.
        """
        # Nowhere else: an address lands in logs and histories, a cookie is sent unasked.
        sent = _HEADER.fullmatch(handler.request.headers.get("Authorization", ""))
        if sent is None:
            raise NotSignedIn(
                "Sign in, or send a token: `Authorization: Bearer …`.", code="not_signed_in"
            )
        token = sent[1]
        actor = await (self._by_issuer(token) if is_jwt(token) else self._by_hub(token))
        if LOCKED_OUT in actor.groups:
            raise NotSignedIn("This account is locked.", code="locked_out")
        return actor

    async def close(self) -> None:
        """Closes the connections to an issuer."""
        if self._issued is not None:
            await self._issued.close()

    async def _by_issuer(self, token: str) -> Actor:
        if self._issued is None:
            raise NotSignedIn(
                "No issuer of JWTs is set up here. Make a token at the Hub.", code="jwt_not_taken"
            )
        return await self._issued.actor(token)

    async def _by_hub(self, token: str) -> Actor:
        user = None
        if len(token) <= _LONGEST_HUB_TOKEN and token.isascii():
            try:
                user = await self._hub.user_for_token(token, sync=False)
            except HTTPError as error:
                raise Unavailable("The Hub does not answer; try again.", code="hub_down") from error
        if user is None:
            raise NotSignedIn("The Hub does not know this token.", code="unknown_token")
        return _actor(user, self._hub.check_scopes(self._hub.access_scopes, user))


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
    """What carries the request: only a user server's own token has access to just that server."""
    for scope in scopes:
        kind, _, server = scope.partition("!server=")
        if kind == "access:servers" and server:
            return f"server:{server}"
    return "token"
