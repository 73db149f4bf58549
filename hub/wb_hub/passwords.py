"""Sign-in with passwords stored by the Hub.

The table, the hashing and the change-password pages are ``jupyterhub-nativeauthenticator``'s. The
differences:

- A sign-up is never approved automatically. The original approves names of administrators and of users
  that the Hub already has, so a stranger could claim an account that an administrator had just added.
- Users whom an administrator adds have an account at once, with a password that nobody knows; the
  administrator then sets one.
- Approving and discarding are POST requests with the XSRF check; in the original they are links, which
  any page could make an administrator's browser follow.
- Attempts are counted by name and address, also for unknown names, which take as long to answer.
- A user who is locked out, or whose password is changed, is signed out everywhere.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import bcrypt
from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.scopes import needs_scope
from nativeauthenticator import NativeAuthenticator
from nativeauthenticator.handlers import (
    ChangePasswordAdminHandler,
    ChangePasswordHandler,
    LocalBase,
    SignUpHandler,
)
from nativeauthenticator.orm import UserInfo
from sqlalchemy import event
from sqlalchemy.orm import object_session
from tornado import web
from traitlets import Set, Unicode

from wb_hub import accounts
from wb_hub.client_address import client_address
from wb_hub.people_pages import PAGES, InvitationPage, PeoplePage

# bcrypt reads no more than this and ignores the rest.
_LONGEST_PASSWORD_BYTES = 72
_COUNTED_NAMES = 10_000
_MOST_WAITING_SIGN_UPS = 200
# Allowed attempts with one name from all addresses together, as a multiple of those from one.
_ALL_ADDRESSES = 10


def hash_password(password: str) -> bytes:
    """The bcrypt hash that the account table stores."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt())


def _matches(password: str, hashed: bytes) -> bool:
    encoded = password.encode()
    return len(encoded) <= _LONGEST_PASSWORD_BYTES and bcrypt.checkpw(encoded, hashed)


@event.listens_for(orm.User.name, "set", active_history=True)
def _renamed(user: orm.User, name: str, former: Any, initiator: Any) -> None:
    """A renamed user keeps their account. Otherwise they could sign in only as who they were before,
    as a new user."""
    db = object_session(user)
    if db is None or not isinstance(former, str) or former == name:
        return
    with db.no_autoflush:
        account, waiting = UserInfo.find(db, former), UserInfo.find(db, name)
    if account is not None:
        account.username = name
        if waiting is not None:
            db.delete(waiting)


class Tries:
    """Counts failed attempts; drops the oldest names rather than growing without limit."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait = wait_seconds
        self._failed: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def add(self, name: str, address: str) -> None:
        for key in ((name, address), (name, "")):
            self._failed[key] = (self.count(*key) + 1, time.monotonic())
            self._failed.move_to_end(key)
        while len(self._failed) > _COUNTED_NAMES:
            self._failed.popitem(last=False)

    def count(self, name: str, address: str) -> int:
        """Failed attempts with ``name`` from ``address`` ("": from anywhere) that still count."""
        count, last = self._failed.get((name, address), (0, 0.0))
        return 0 if time.monotonic() - last > self._wait else count

    def forget(self, name: str, address: str) -> None:
        for key in ((name, address), (name, "")):
            self._failed.pop(key, None)


class PasswordAuthenticator(NativeAuthenticator):  # type: ignore[misc]
    """See the module's docstring."""

    first_admin_file = Unicode(
        "",
        config=True,
        help="JSON file with the name and password hash of the administrator that the first start creates.",
    )

    trusted_proxies = Set(
        Unicode(), config=True, help="Addresses of proxies in front of the Hub's own."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tries = Tries(self.seconds_before_next_try)
        # Compared with if there is no such account, so that the answer takes as long.
        self._nobody = hash_password(secrets.token_urlsafe())

    async def authenticate(self, handler: BaseHandler, data: dict[str, str]) -> str | None:
        name: str = self.normalize_username(data.get("username", ""))
        address = client_address(handler.request, self.trusted_proxies)
        limit = self.allowed_failed_logins
        if self.tries.count(name, address) >= limit or (
            self.tries.count(name, "") >= limit * _ALL_ADDRESSES
        ):
            minutes = -(-self.seconds_before_next_try // 60)
            raise web.HTTPError(
                403, f"Too many failed attempts. Wait {minutes} minutes before you try again."
            )
        # Counted before the check: otherwise many concurrent attempts would get around the limit.
        self.tries.add(name, address)
        account = self.get_user(name)
        hashed = account.password if account else self._nobody
        right = await asyncio.to_thread(_matches, data.get("password", ""), hashed)
        if account is None or not right:
            return None
        self.tries.forget(name, address)
        if not account.is_authorized:
            raise web.HTTPError(403, "An administrator hasn't approved this account yet.")
        return name

    def get_authed_users(self) -> set[str]:
        """Empty, so that nobody is approved because the Hub already has them."""
        return set()

    def is_password_strong(self, password: str) -> bool:
        return len(password.encode()) <= _LONGEST_PASSWORD_BYTES and bool(
            super().is_password_strong(password)
        )

    def create_user(self, username: str, password: str, **more: Any) -> UserInfo | None:
        name = self.normalize_username(username)
        waiting = self.db.query(UserInfo).filter(UserInfo.is_authorized.is_(False)).count()
        # A name that the Hub has belongs to somebody, with or without an account.
        known = orm.User.find(self.db, name) is not None
        if known or waiting >= _MOST_WAITING_SIGN_UPS:
            return None
        made: UserInfo | None = super().create_user(name, password)
        return made

    def add_user(self, user: orm.User) -> None:
        """Gives every user of the Hub an account, so that no sign-up can claim their name."""
        super().add_user(user)
        account = self.get_user(user.name)
        first = self._first_admin(user.name)
        if account is None:
            password = first or hash_password(secrets.token_urlsafe(32))
            self.db.add(UserInfo(username=user.name, password=password, is_authorized=True))
        elif first:
            account.password, account.is_authorized = first, True
        elif not account.is_authorized:
            accounts.mark_locked_out(self.db, user, locked=True)
        self.db.commit()

    def _first_admin(self, name: str) -> bytes | None:
        try:
            made = json.loads(Path(self.first_admin_file).read_text(encoding="utf-8"))
        except OSError:
            return None
        return str(made["password_hash"]).encode() if made["username"] == name else None

    def change_password(self, username: str, new_password: str) -> bool | None:
        changed: bool | None = super().change_password(username, new_password)
        user = orm.User.find(self.db, username)
        if changed and user is not None:
            accounts.end_sessions(self.db, user)
        return changed

    def set_password(self, username: str, new_password: str) -> None:
        """Sets a password that was checked before."""
        account = self.get_user(username)
        account.password = hash_password(new_password)
        self.db.commit()

    @property
    def weak_password(self) -> str:
        """The message about a password that isn't accepted."""
        return (
            f"The password must be at least {self.minimum_password_length} characters and at most "
            f"{_LONGEST_PASSWORD_BYTES} bytes, and must not be a common one."
        )

    def waiting(self) -> list[UserInfo]:
        """The accounts that wait for approval, by name."""
        known = {name for (name,) in self.db.query(orm.User.name)}
        found = self.db.query(UserInfo).filter(UserInfo.is_authorized.is_(False))
        return [
            account
            for account in found.order_by(UserInfo.username)
            if account.username not in known
        ]

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        return [
            (r"/login", SignInHandler),
            (r"/signup", SignUpHandler),
            (r"/authorize", PeoplePage),
            (r"/authorize/([^/]+)", ApproveHandler),
            (r"/discard/([^/]+)", DiscardHandler),
            (r"/invitation", InvitationPage),
            (r"/change-password", OwnPasswordHandler),
            (r"/change-password/([^/]+)", ChangePasswordAdminHandler),
            *PAGES,
        ]


class SignInHandler(LoginHandler):  # type: ignore[misc]
    """The sign-in page; a form that lacks its two fields is a client error, not a 500."""

    async def post(self) -> None:
        self.get_body_argument("username")
        self.get_body_argument("password", strip=False)
        await super().post()


class OwnPasswordHandler(ChangePasswordHandler):  # type: ignore[misc]
    """The page to change your own password; attempts at the old one are limited as at sign-in."""

    @web.authenticated
    async def post(self) -> None:
        name = self.current_user.name
        auth: PasswordAuthenticator = self.authenticator
        old = self.get_body_argument("old_password", strip=False)
        new = self.get_body_argument("new_password", strip=False)
        again = self.get_body_argument("new_password_confirmation", strip=False)
        account = auth.get_user(name)
        if auth.tries.count(name, "change") >= auth.allowed_failed_logins:
            message = "Too many failed attempts. Wait a few minutes before you try again."
        elif account is None or not await asyncio.to_thread(_matches, old, account.password):
            auth.tries.add(name, "change")
            message = "The old password is wrong."
        elif new != again:
            message = "The new passwords don't match."
        elif not auth.change_password(name, new):
            message = self.authenticator.weak_password
        else:
            # This browser's session went with the others.
            self.redirect(self.settings["login_url"])
            return
        html = await self.render_template(
            "change-password.html", user_name=name, result_message=message, alert="alert-danger"
        )
        self.finish(html)


class ApproveHandler(LocalBase):  # type: ignore[misc]
    """Approves an account, with a role, or locks its user out."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        account = self.authenticator.get_user(name)
        if account is None:
            raise web.HTTPError(404, "There is no such account")
        approved = self.get_body_argument("approved") == "yes"
        if not approved and name == self.current_user.name:
            raise web.HTTPError(400, "You can't lock yourself out")
        role = self.get_body_argument("role", "")
        if role and role not in accounts.ROLES:
            raise web.HTTPError(400, f"There is no role {role}")
        account.is_authorized = approved
        self.db.commit()
        if approved:
            # Creates the Hub's user, so that groups can be assigned before the first sign-in.
            user = self.user_from_username(name)
            accounts.mark_locked_out(self.db, user.orm_user, locked=False)
            accounts.join(self.db, user.orm_user, [role] if role else [])
        elif (known := orm.User.find(self.db, name)) is not None:
            await accounts.lock_out(self, known)
        self.redirect(f"{self.hub.base_url}people")


class DiscardHandler(LocalBase):  # type: ignore[misc]
    """Removes an unapproved sign-up."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        account = self.authenticator.get_user(name)
        if account is not None and not account.is_authorized and not orm.User.find(self.db, name):
            self.db.delete(account)
            self.db.commit()
        self.redirect(f"{self.hub.base_url}people")
