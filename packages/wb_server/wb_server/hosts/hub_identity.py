"""Who asks, by JupyterHub's word.

The actor comes from the token in the ``Authorization`` header, which the Hub verifies. Its answer
holds the person's groups of that moment and is kept for two seconds, so a promotion, a demotion or
a revoked token acts within three.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.services.auth import HubAuth
from tornado.web import HTTPError, RequestHandler

from ..kit.actor import Actor
from ..kit.errors import Forbidden, NotSignedIn, Unavailable

CACHE_SECONDS = 2
_SCOPE = "custom:workbench:"


class HubIdentity:
    """Asks the Hub. Takes the Hub's address and the service's own token from the environment."""

    def __init__(self) -> None:
        self._hub = HubAuth(cache_max_age=CACHE_SECONDS)

    async def actor(self, handler: RequestHandler) -> Actor:
        """The person whose token the request carries.

        Raises:
            NotSignedIn: no token, or one that the Hub doesn't know.
            Forbidden: the token isn't a person's, or isn't meant for the Workbench.
            Unavailable: the Hub doesn't answer.
        """
        token = self._hub.get_token(handler, in_cookie=False)
        if not token:
            raise NotSignedIn(
                "Sign in, or send a token: `Authorization: Bearer …`.", code="not_signed_in"
            )
        try:
            user = await self._hub.user_for_token(token, sync=False)
        except HTTPError as error:
            raise Unavailable("The Hub does not answer; try again.", code="hub_down") from error
        if user is None:
            raise NotSignedIn("The Hub does not know this token.", code="unknown_token")
        return _actor(user, self._hub.check_scopes(self._hub.access_scopes, user))


def _actor(user: dict[str, Any], access: object) -> Actor:
    if user.get("kind") != "user":
        raise Forbidden("Only a person's token is taken here.", code="not_a_person")
    if not access:
        raise Forbidden("This token gives no access to the Workbench.", code="no_access")
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
