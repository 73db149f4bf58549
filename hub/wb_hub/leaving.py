"""Someone leaves: one action, as a page of the Hub and for the command ``./wb people leave``.

The Hub ends sessions, servers, tokens and the account; the Workbench's service transfers what the user
owned, as the administrator who asks.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from jupyterhub import orm
from jupyterhub.apihandlers import APIHandler
from jupyterhub.handlers import BaseHandler
from jupyterhub.scopes import needs_scope
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from wb_hub import accounts
from wb_hub.locked_out import LOCKED_OUT, is_locked_out

_TIMEOUT_SECONDS = 60


async def _service(handler: BaseHandler, path: str, body: dict[str, Any] | None = None) -> Any:
    """Calls the Workbench's service as the administrator who asks.

    Raises:
        HTTPError: with the service's own message.
    """
    asks = handler.current_user
    if isinstance(asks, orm.Service):
        raise web.HTTPError(403, "Only an administrator may do this, with a token of their own.")
    token = asks.orm_user.new_api_token(
        note="A user leaves",
        expires_in=2 * _TIMEOUT_SECONDS,
        scopes=handler.settings["workbench_scopes"],
    )
    try:
        answer = await AsyncHTTPClient().fetch(
            f"{handler.settings['workbench_url']}/api/v1{path}",
            method="GET" if body is None else "POST",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
            request_timeout=_TIMEOUT_SECONDS,
            follow_redirects=False,
        )
    except HTTPClientError as error:
        if error.response is None or not error.response.body:
            raise web.HTTPError(503, "The Workbench's service does not answer.") from error
        try:
            message = json.loads(error.response.body)["error"]["message"]
        except (ValueError, LookupError, TypeError):
            message = "The Workbench's service failed."
        raise web.HTTPError(error.code if error.code < 500 else 503, message) from error
    except OSError as error:
        raise web.HTTPError(503, "The Workbench's service does not answer.") from error
    finally:
        if found := orm.APIToken.find(handler.db, token):
            handler.db.delete(found)
            handler.db.commit()
    return json.loads(answer.body)


async def holdings(handler: BaseHandler, name: str) -> dict[str, Any]:
    """What a user owns and holds, and which servers of theirs run."""
    found: dict[str, Any] = await _service(handler, f"/people/{quote(name, safe='')}/holdings")
    known = handler.find_user(name)
    if known is None and not found["owns"] and not found["ends"]:
        raise web.HTTPError(404, f"There is no user {name}, and nothing belongs to one.")
    running = [] if known is None else [s for s in known.spawners.values() if s.active]
    return found | {"known": known is not None, "servers": len(running)}


async def leave(handler: BaseHandler, name: str, to: dict[str, str] | None) -> dict[str, Any]:
    """Locks a user out, transfers what they own, and removes them, in this order.

    A failure on the way leaves them locked out, and can be repeated.
    """
    known = orm.User.find(handler.db, name)
    if name == handler.current_user.name:
        raise web.HTTPError(400, "You can't remove yourself: ask another administrator.")
    if known is not None and known.admin and not handler.current_user.admin:
        raise web.HTTPError(403, "Only administrators of the Hub can remove one.")
    found = await holdings(handler, name)
    if found["owns"] and to is None:
        raise web.HTTPError(422, f"Say who gets what {name} owns: a user or a team.")
    require_successor(handler.db, name, to)
    if known is not None:
        await accounts.lock_out(handler, known)
    left: dict[str, Any] = await _service(
        handler, f"/people/{quote(name, safe='')}/leave", {"to": to}
    )
    if known is not None:
        await accounts.remove(handler, known)
    handler.log.warning("%s removed the user %s", handler.current_user.name, name)
    return left | {"servers": found["servers"], "known": found["known"]}


def require_successor(db: Any, name: str, to: dict[str, str] | None) -> None:
    """Checks, before anything happens, that a new owner exists and may own something.

    Raises:
        HTTPError: they don't (422).
    """
    if to is None:
        return
    kind = orm.User if to["kind"] == "user" else orm.Group
    if kind.find(db, to["name"]) is None or to == {"kind": "user", "name": name}:
        raise web.HTTPError(422, f"There is no other {to['kind']} {to['name']}.")
    if to["name"] == LOCKED_OUT or (kind is orm.User and is_locked_out(db, to["name"])):
        raise web.HTTPError(422, f"{to['name']} is locked out and can't own anything.")


def successor(text: str) -> dict[str, str] | None:
    """``user/NAME`` or ``team/NAME``; empty for nobody."""
    if not text:
        return None
    kind, slash, name = text.partition("/")
    if kind not in ("user", "team") or not slash or not name:
        raise web.HTTPError(400, "A new owner is user/NAME or team/NAME")
    return {"kind": kind, "name": name}


class LeavePage(BaseHandler):  # type: ignore[misc]
    """Shows what a user owns, then what will happen, and does it."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self, name: str) -> None:
        to = successor(self.get_argument("to", ""))
        require_successor(self.db, name, to)
        found = await holdings(self, name)
        locked = orm.Group.find(self.db, LOCKED_OUT)
        out = {user.name for user in locked.users} if locked else set()
        users = [n for (n,) in self.db.query(orm.User.name).order_by(orm.User.name)]
        page = await self.render_template(
            "leave.html",
            found=found,
            to=to,
            ready=bool(to) or not found["owns"],
            teams=accounts.other_groups(self.db),
            users=[n for n in users if n != name and n not in out],
        )
        self.finish(page)

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        to = successor(self.get_body_argument("to", ""))
        page = await self.render_template("left.html", left=await leave(self, name, to))
        self.finish(page)


class LeaveApi(APIHandler):  # type: ignore[misc]
    """The same for the command."""

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def get(self, name: str) -> None:
        self.finish(json.dumps(await holdings(self, name)))

    @needs_scope("admin:users")  # type: ignore[untyped-decorator]
    async def post(self, name: str) -> None:
        body = self.get_json_body() or {}
        self.finish(json.dumps(await leave(self, name, successor(str(body.get("to") or "")))))
