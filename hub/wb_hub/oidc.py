"""Sign-in through a provider of OAuth 2 or OpenID Connect, configured by settings alone."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tornado.web import HTTPError

from wb_hub.settings import Oidc, SettingError

if TYPE_CHECKING:
    from traitlets.config import Config

_TIMEOUT_SECONDS = 15


def discover(issuer: str) -> dict[str, str]:
    """The endpoints that a provider announces (OpenID Connect Discovery 1.0, section 4).

    Raises:
        SettingError: The provider doesn't answer, or answers for another issuer.
    """
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    if urlsplit(address).scheme not in {"http", "https"}:
        raise SettingError(f"WB_OIDC_ISSUER is {issuer!r}; it must be an http or https address")
    try:
        context = ssl.create_default_context()
        with urllib.request.urlopen(  # noqa: S310  the scheme is checked above
            address, timeout=_TIMEOUT_SECONDS, context=context
        ) as answer:
            found = json.load(answer)
    except (OSError, ValueError) as error:
        raise SettingError(f"WB_OIDC_ISSUER: {address} can't be read: {error}") from None
    if found.get("issuer", "").rstrip("/") != issuer.rstrip("/"):
        raise SettingError(
            f"WB_OIDC_ISSUER: {address} is the configuration of {found.get('issuer')!r}"
        )
    return {
        "authorize_url": found["authorization_endpoint"],
        "token_url": found["token_endpoint"],
        "userdata_url": found["userinfo_endpoint"],
    }


def _named_by(claim: str) -> Callable[[dict[str, Any]], str]:
    """Reads the name from a claim; without one it answers 403, where the library fails with 500."""

    def name(person: dict[str, Any]) -> str:
        if not person.get(claim):
            raise HTTPError(403, f"The provider sent no name for you: the claim {claim} is empty.")
        return str(person[claim])

    return name


def apply(c: Config, oidc: Oidc) -> None:
    """Configures JupyterHub's generic OAuth sign-in.

    Raises:
        SettingError: The provider can't be asked for its endpoints.
    """
    c.JupyterHub.authenticator_class = "wb_hub.provider.ProviderAuthenticator"
    auth = c.GenericOAuthenticator
    given = {
        "authorize_url": oidc.authorize_url,
        "token_url": oidc.token_url,
        "userdata_url": oidc.userdata_url,
    }
    if not all(given.values()):
        given = {name: given[name] or found for name, found in discover(oidc.issuer).items()}
    for name, url in given.items():
        setattr(auth, name, url)
    auth.client_id = oidc.client_id
    auth.client_secret = oidc.client_secret
    auth.username_claim = _named_by(oidc.username_claim)
    auth.scope = list(oidc.scopes)
    auth.login_service = oidc.name
    auth.enable_pkce = True
    if oidc.callback_url:
        auth.oauth_callback_url = oidc.callback_url
    # A public provider authenticates everybody. By default, only users whom an administrator has added
    # at the Hub may sign in.
    auth.allow_all = oidc.allow_all
    # If groups decide, an earlier sign-in doesn't count: a user who leaves the groups is refused.
    auth.allow_existing_users = not oidc.allowed_groups
    if oidc.groups_claim:
        auth.manage_groups = True
        auth.auth_state_groups_key = f"oauth_user.{oidc.groups_claim}"
        auth.allowed_groups = set(oidc.allowed_groups)
