"""The Hub's pages about people: the list, adding someone, invitations."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers import BaseHandler
from jupyterhub.scopes import needs_scope
from tornado import web

from wb_hub import accounts
from wb_hub.leaving import LeaveApi, LeavePage
from wb_hub.locked_out import LOCKED_OUT


class PeoplePage(BaseHandler):  # type: ignore[misc]
    """The page of all people, those waiting for approval first."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        await self._show(link=None)

    async def _show(self, **more: Any) -> None:
        page = await self.render_template(
            "people.html", people=self._people(), roles=accounts.ROLES, **more
        )
        self.finish(page)

    def _people(self) -> list[dict[str, Any]]:
        waiting = [
            {"name": account.username, "state": "waiting"}
            for account in getattr(self.authenticator, "waiting", list)()
        ]
        known = []
        for user in self.db.query(orm.User).order_by(orm.User.name):
            groups = {group.name for group in user.groups}
            held = [role for role in accounts.ROLES if role in groups]
            known.append(
                {
                    "name": user.name,
                    "state": "locked out" if LOCKED_OUT in groups else "active",
                    "role": held[-1] if held else "",
                    "groups": sorted(groups - {*accounts.ROLES, LOCKED_OUT}),
                }
            )
        return waiting + known


class InvitePage(PeoplePage):
    """Makes a new invitation for somebody who has an account."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        account = getattr(self.authenticator, "get_user", lambda name: None)(name)
        if account is None or not account.is_authorized:
            raise web.HTTPError(404, "There is no such account")
        await self._show(
            link=accounts.invitation(self, name), invited=name, days=accounts.INVITATION_DAYS
        )


class AddPage(BaseHandler):  # type: ignore[misc]
    """Adds someone: name, role, groups, and a password or an invitation."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self) -> None:
        await self._show({"role": "analyst"})

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        auth = self.authenticator
        passwords = hasattr(auth, "set_password")
        form: dict[str, Any] = {
            "name": auth.normalize_username(self.get_body_argument("name", "")),
            "role": self.get_body_argument("role", ""),
            "groups": self.get_body_arguments("group"),
            "password": self.get_body_argument("password", "", strip=False),
            "way": self.get_body_argument("way", "invitation"),
        }
        by_password = passwords and form["way"] == "password"
        known = {*accounts.ROLES, *accounts.other_groups(self.db)}
        groups = [*filter(None, [form["role"]]), *form["groups"]]
        try:
            if by_password and not auth.is_password_strong(form["password"]):
                raise ValueError(auth.weak_password)
            if unknown := [name for name in groups if name not in known]:
                raise ValueError(f"There is no group {unknown[0]}.")
            user = await accounts.add(self, form["name"], groups)
        except ValueError as error:
            self.set_status(400)
            await self._show(form, problem=str(error))
            return
        link = None
        if by_password:
            await asyncio.to_thread(auth.set_password, user.name, form["password"])
        elif passwords:
            link = accounts.invitation(self, user.name)
        await self._show({"role": "analyst"}, added=user.name, given=groups, link=link)

    async def _show(self, form: dict[str, Any], **more: Any) -> None:
        page = await self.render_template(
            "add-person.html",
            form=form,
            roles=accounts.ROLES,
            groups=accounts.other_groups(self.db),
            days=accounts.INVITATION_DAYS,
            **more,
        )
        self.finish(page)


class InvitationPage(BaseHandler):  # type: ignore[misc]
    """Lets someone who was invited choose a password. Open to whoever has the link."""

    async def get(self) -> None:
        await self._show(self._name())

    async def post(self) -> None:
        name = self._name()
        auth = self.authenticator
        password = self.get_body_argument("password", strip=False)
        if password != self.get_body_argument("password_confirmation", strip=False):
            await self._show(name, "The passwords don't match.")
        elif not auth.change_password(name, password):
            await self._show(name, auth.weak_password)
        else:
            self.redirect(self.settings["login_url"])

    def _name(self) -> str:
        self.set_header("Referrer-Policy", "no-referrer")
        name = accounts.invited(self, self.get_argument("key", ""))
        if name is None:
            raise web.HTTPError(403, "This invitation was used or is too old. Ask for a new one.")
        return name

    async def _show(self, name: str, problem: str = "") -> None:
        page = await self.render_template(
            "invitation.html", invited=name, problem=problem, key=self.get_argument("key")
        )
        self.finish(page)


# For every way to sign in. The password pages are the authenticator's.
PAGES: list[tuple[str, type[BaseHandler]]] = [
    (r"/people", PeoplePage),
    (r"/people/new", AddPage),
    (r"/people/invite/([^/]+)", InvitePage),
    (r"/people/leave/([^/]+)", LeavePage),
    (r"/api/workbench/people/([^/]+)/leave", LeaveApi),
]
