"""Sign-in with a provider of OAuth or OpenID Connect, with the pages on people."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from oauthenticator.generic import GenericOAuthenticator  # type: ignore[import-untyped]

from .people_pages import PAGES


class ProviderAuthenticator(GenericOAuthenticator):  # type: ignore[misc]
    """OAuthenticator's own; ``c.GenericOAuthenticator`` configures it."""

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        return [*super().get_handlers(app), *PAGES]
