"""What the Hub's pages and commands about people do to users: add, invite, lock out, remove."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Collection
from typing import Any
from urllib.parse import quote

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from jupyterhub.roles import assign_default_roles
from jupyterhub.utils import maybe_future
from tornado import web

from wb_hub.locked_out import LOCKED_OUT

ROLES = ("viewer", "analyst", "engineer", "admin")
INVITATION_DAYS = 7
_STOP_SECONDS = 60
_INVITATION = "workbench-invitation"


def other_groups(db: Any) -> list[str]:
    """The groups that are neither roles nor the group of locked-out users."""
    names = [name for (name,) in db.query(orm.Group.name).order_by(orm.Group.name)]
    return [name for name in names if name not in (*ROLES, LOCKED_OUT)]


def join(db: Any, user: orm.User, names: Collection[str]) -> None:
    """Adds a user to groups that exist."""
    for name in names:
        group = orm.Group.find(db, name)
        if group is None:
            raise web.HTTPError(400, f"There is no group {name}")
        if group not in user.groups:
            user.groups.append(group)
    db.commit()


async def add(handler: BaseHandler, name: str, groups: Collection[str]) -> orm.User:
    """Creates a user at the Hub, as its own page does, with groups.

    Raises:
        ValueError: the name can't be used; the text says why.
    """
    auth = handler.authenticator
    if not name or not auth.validate_username(name):
        raise ValueError(
            "A name consists of up to 63 lower-case letters, digits, dots, underscores, at signs and "
            "hyphens, and begins with a letter or digit."
        )
    if handler.find_user(name) is not None:
        raise ValueError(f"There is a user {name} already.")
    waiting = getattr(auth, "get_user", lambda name: None)(name)
    if waiting is not None and not waiting.is_authorized:
        raise ValueError(f"{name} has requested an account: approve it under People.")
    user = handler.user_from_username(name)
    assign_default_roles(handler.db, entity=user.orm_user)
    handler.db.commit()
    try:
        await maybe_future(auth.add_user(user))
        join(handler.db, user.orm_user, groups)
    except BaseException:
        handler.users.delete(user)
        raise
    return user.orm_user


def invitation(handler: BaseHandler, name: str) -> str:
    """The address under which a user chooses their password: once, and within some days."""
    account = handler.authenticator.get_user(name)
    value = f"{name}\n{_fingerprint(account)}"
    key = handler.create_signed_value(_INVITATION, value).decode()
    base = f"{handler.request.protocol}://{handler.request.host}{handler.hub.base_url}"
    return f"{base}invitation?key={quote(key, safe='')}"


def invited(handler: BaseHandler, key: str) -> str | None:
    """The name that an invitation is for; ``None`` if it is used, too old, or none of ours."""
    value = handler.get_secure_cookie(_INVITATION, value=key, max_age_days=INVITATION_DAYS)
    name, _, fingerprint = (value or b"").decode().partition("\n")
    account = handler.authenticator.get_user(name) if name else None
    if account is None or not account.is_authorized:
        return None
    return name if secrets.compare_digest(fingerprint, _fingerprint(account)) else None


def _fingerprint(account: Any) -> str:
    """Changes with the password, so that an invitation works once."""
    return hashlib.sha256(bytes(account.password)).hexdigest()[:32]


def end_sessions(db: Any, user: orm.User) -> None:
    """Ends the user's browser sessions at the Hub and at their server."""
    user.cookie_id = secrets.token_hex(16)
    for token in list(user.api_tokens):
        if token.session_id is not None:
            db.delete(token)
    db.commit()


def mark_locked_out(db: Any, user: orm.User, *, locked: bool) -> None:
    """Adds a user to the group of locked-out users, or removes them from it."""
    group = orm.Group.find(db, LOCKED_OUT)
    if group is None:
        group = orm.Group(name=LOCKED_OUT)
        db.add(group)
    if locked and user not in group.users:
        group.users.append(user)
    elif not locked and user in group.users:
        group.users.remove(user)
    db.commit()


async def lock_out(handler: BaseHandler, known: orm.User) -> None:
    """Ends sessions, servers and tokens of a user, who can do nothing from then on."""
    end_sessions(handler.db, known)
    # Before the rest, which may take a while.
    mark_locked_out(handler.db, known, locked=True)
    _revoke_tokens(handler.db, known)
    await _stop_servers(handler, handler.users[known])
    # A server that was starting got its token meanwhile.
    _revoke_tokens(handler.db, known)


def _revoke_tokens(db: Any, user: orm.User) -> None:
    for token in list(user.api_tokens):
        db.delete(token)
    db.commit()


async def _stop_servers(handler: BaseHandler, user: Any) -> None:
    """Stops a user's servers, also those that are starting, as soon as the Hub can."""
    end = time.monotonic() + _STOP_SECONDS
    while any(spawner.active for spawner in user.spawners.values()):
        for server, spawner in list(user.spawners.items()):
            if spawner.active and not spawner.pending:
                await handler.stop_single_user(user, server)
        if time.monotonic() > end:
            handler.log.warning("A server of %s neither starts nor stops", user.name)
            return
        await asyncio.sleep(0.1)


async def remove(handler: BaseHandler, known: orm.User) -> None:
    """Removes a user who is locked out.

    Raises:
        HTTPError: a server of theirs is still starting or stopping (409).
    """
    user = handler.users[known]
    if any(spawner.active for spawner in user.spawners.values()):
        raise web.HTTPError(
            409, f"A server of {known.name} is still starting or stopping. Try again in a moment."
        )
    await maybe_future(handler.authenticator.delete_user(user))
    await user.delete_spawners()
    handler.users.delete(user)
