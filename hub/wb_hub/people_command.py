"""``./wb people leave``: removes someone, with what they own transferred, like the Hub's page *People*.

It runs on the Hub's machine as the Hub's user, and asks the running Hub as an administrator, with a
token that it makes in the Hub's database and that lasts for minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterhub import orm

from wb_hub import settings
from wb_hub.data_dir import ADDRESS

_TOKEN_SECONDS = 600


class Failed(Exception):
    """The command failed; the text is one line that says why."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wb people", description="Manage the Hub's users.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    text = "remove someone who leaves, and transfer what they own"
    leave = commands.add_parser("leave", help=text, description=text[0].upper() + text[1:] + ".")
    leave.add_argument("name", help="the user who leaves")
    leave.add_argument("--to", default="", metavar="OWNER", help="user/NAME or team/GROUP")
    leave.add_argument("--yes", action="store_true", help="don't ask for confirmation")
    leave.add_argument(
        "--as", dest="admin", help="the administrator to act as (default: the first)"
    )
    leave.add_argument("--data-dir", type=Path, help="the data folder; WB_DATA_DIR")
    return parser


@contextlib.contextmanager
def _token(folder: Path, hub: str, admin: str | None) -> Iterator[tuple[str, str]]:
    """A token of an administrator of the Hub, and their name; revoked afterwards."""
    database = folder / "jupyterhub.sqlite"
    if not os.access(database, os.W_OK):
        raise Failed(f"There is no Hub's database {database} that you may use: set --data-dir")
    db = orm.new_session_factory(f"sqlite:///{database}")()
    try:
        admins = db.query(orm.User).filter(orm.User.admin.is_(True)).order_by(orm.User.id)
        user = admins.filter(orm.User.name == admin).first() if admin else admins.first()
        if user is None:
            raise Failed(f"{admin or 'Nobody'} is an administrator of the Hub")
        token = user.new_api_token(note="wb people", expires_in=_TOKEN_SECONDS)
        db.commit()
        name, made = str(user.name), orm.APIToken.find(db, token)
        try:
            yield token, name
        finally:
            # By the Hub, whose session would otherwise still know the row.
            path = f"/users/{quote(name, safe='')}/tokens/{made.api_id}"
            with contextlib.suppress(Failed):
                _ask(f"{hub}{path}", token, method="DELETE")
    finally:
        db.close()


def _ask(
    url: str, token: str, body: dict[str, Any] | None = None, method: str | None = None
) -> Any:
    request = urllib.request.Request(  # noqa: S310  the Hub's own address
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        method=method,
    )
    # Bypasses any proxy that the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=180) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        try:
            message = json.load(error)["message"]
        except (ValueError, LookupError, TypeError):
            message = f"The Hub answered {error.code}"
        raise Failed(message) from error
    except OSError as error:
        raise Failed(
            f"The Hub does not answer at {url.partition('/hub/')[0]}: is it running?"
        ) from error


def _things(found: dict[str, Any]) -> str:
    return "".join(f"  {thing['thing']} {thing['name']}\n" for thing in found["owns"])


def _leave(arguments: argparse.Namespace) -> None:
    if arguments.data_dir:
        os.environ["WB_DATA_DIR"] = str(arguments.data_dir)
    s = settings.from_env()
    try:
        address = (s.hub_dir / ADDRESS).read_text(encoding="utf-8").strip()
    except OSError:
        address = f"http://127.0.0.1:{s.hub_port}"
    hub = f"{address}/hub/api"
    url = f"{hub}/workbench/people/{quote(arguments.name, safe='')}/leave"
    with _token(s.hub_dir, hub, arguments.admin) as (token, admin):
        found = _ask(url, token)
        if found["owns"]:
            to = arguments.to.replace("/", " ", 1)
            print(f"{arguments.name} owns:\n{_things(found)}", end="")
            if not to:
                raise Failed("Say who gets it: --to user/NAME or --to team/GROUP")
            print(f"All of it will be transferred to {to}; pipelines wait for their approval.")
        else:
            print(f"{arguments.name} owns no connections and no pipelines.")
        ends = [f"{what}: {count}" for what, count in found["ends"].items()]
        if found["known"]:
            ends += ["account, sign-ins and tokens", f"running servers: {found['servers']}"]
        print(f"Ends at once: {'; '.join(ends) or 'nothing'}.")
        if not arguments.yes and input(f"Remove {arguments.name}, as {admin}? [y/N] ") != "y":
            raise Failed("nothing was changed")
        left = _ask(url, token, {"to": arguments.to})
    print(f"{left['name']} was removed; {len(left['owns'])} things were transferred.")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    arguments = _parser().parse_args(argv)
    try:
        _leave(arguments)
    except Failed as error:
        print(f"wb: {error}", file=sys.stderr)
        return 1
    except EOFError:
        print("wb: nothing was changed: confirm with y, or add --yes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
