"""``wb credentials rotate``: replaces the password of a connection's login."""

from __future__ import annotations

import argparse
import getpass
import os
import pwd
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..kit.endpoint import Services

TEXT = "replace the password of a connection's login"


def define(parser: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the sub-commands.

    Args:
        settings: adds the options that all commands of ``wb`` share.
    """
    commands = parser.add_subparsers(dest="credentials_command", required=True, metavar="COMMAND")
    text = "replace the password of a connection's shared login"
    rotate = commands.add_parser("rotate", help=text, description=f"{text.capitalize()}.")
    rotate.add_argument("name", metavar="NAME", help="the connection's name")
    which = rotate.add_mutually_exclusive_group()
    which.add_argument(
        "--other-login",
        metavar="LOGIN",
        help="a second login with the same rights: it gets the new password, and the connection "
        "switches to it without interruption; remembered for next time",
    )
    which.add_argument(
        "--one-login",
        action="store_true",
        help="forget the second login and change the one in use",
    )
    rotate.add_argument(
        "--password-file",
        metavar="FILE",
        type=Path,
        help="file with the current password of the second login (default: ask if needed)",
    )
    settings(rotate)


def run(arguments: argparse.Namespace) -> int:
    """Runs the sub-command and returns its exit status, 1 if it failed."""
    from ..composition import StartError, build
    from ..governance.secrets.vault import VaultError
    from ..settings import Settings

    try:
        workbench = build(Settings.from_environment(), "command")
    except (StartError, VaultError) as error:
        return _fail(str(error))
    try:
        return _rotate(arguments, workbench.services)
    finally:
        workbench.close()


def _rotate(arguments: argparse.Namespace, services: Services) -> int:
    from sqlalchemy.exc import SQLAlchemyError

    from ..governance.secrets.vault import VaultError
    from ..kit.actor import Actor
    from ..kit.endpoint import Origin
    from ..kit.errors import WorkbenchError
    from .passwords import PasswordRotation

    def say(line: str) -> None:
        print(f"{arguments.name}: {line}", flush=True)

    try:
        done = PasswordRotation.of(services).rotate(
            Actor("system", frozenset({"admin"}), via=f"wb credentials rotate, by {_user()}"),
            Origin("local", str(uuid.uuid4())),
            arguments.name,
            other=arguments.other_login,
            one_login=arguments.one_login,
            ask=lambda login: _password(login, arguments.password_file),
            say=say,
        )
    except WorkbenchError as error:
        hint = ""
        if error.code == "address_not_allowed":
            hint = " The service's settings apply here too, such as WB_ALLOW_LOOPBACK."
        return _fail(f"{error.message}{hint}")
    except (VaultError, _NoPassword) as error:
        return _fail(str(error))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return _fail(
            f"The metadata database failed: {reason}. Run this again when it is back; both "
            "passwords are kept."
        )
    before = f" instead of {done.before}, whose password is unchanged" if done.before else ""
    end = " Its expiry date is unchanged." if done.expires else ""
    print(f"Rotated: {done.connection} signs in as {done.login}{before}, with a new password.{end}")
    return 0


class _NoPassword(Exception):
    """The second login's password can't be obtained; the text says why."""


def _password(login: str, file: Path | None) -> str:
    if file is not None:
        try:
            password = file.read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeError) as error:
            raise _NoPassword(f"The password file {file} can't be read.") from error
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Current password of {login}: ")
    else:
        raise _NoPassword(
            f"No stored password works for {login}. Pass the current one with --password-file."
        )
    if not password or "\0" in password:
        raise _NoPassword(f"The password given for {login} is empty or not text.")
    return password


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _fail(text: str) -> int:
    print(f"wb: {text}", file=sys.stderr)
    return 1
