"""Who acts: the verified person behind a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person as the identity provider vouches for them.

    It comes from a verified token (Hub mode) or from the Jupyter server's own identity (local
    mode), never from a header or a body.

    Attributes:
        name: the unique sign-in name.
        groups: the Hub groups, as of now (at most 2 s old).
        scopes: what the token is narrowed to: ``use`` (all that the person may do) or ``read``.
        via: how the request came: ``token``, ``server:<server name>`` or ``jwt:<issuer>``.
    """

    name: str
    groups: frozenset[str]
    scopes: frozenset[str] = frozenset({"use"})
    via: str = "token"
