"""The actor: the verified user behind a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A user, as verified by the identity provider.

    It comes from a verified token (Hub mode) or from the Jupyter server's own identity (local
    mode), never from a header or a body.

    Attributes:
        name: the unique user name.
        groups: the Hub groups, as of now (at most 2 s old).
        scopes: what the token is narrowed to: ``use`` (all that the user may do) or ``read``.
        via: how the request was authenticated: ``token``, ``server:<server name>`` or
            ``jwt:<issuer>``; or ``run:<id>`` for what a run of a pipeline does.
    """

    name: str
    groups: frozenset[str]
    scopes: frozenset[str] = frozenset({"use"})
    via: str = "token"

    @property
    def run_id(self) -> str | None:
        """The run of a pipeline that acts with the user's rights; ``None`` for the user themselves."""
        return self.via.removeprefix("run:") if self.via.startswith("run:") else None
