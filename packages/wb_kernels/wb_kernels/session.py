"""The kernel's client of the service, and its cache of the user's connections."""

from __future__ import annotations

import atexit
import difflib
import os
from typing import Any

from wb_server.client import Client, ConnectionInfo, Connections, QueryError
from wb_server.kit.errors import NotFound

_client: Client | None = None
_made_with: tuple[str | None, ...] = ()
_known: dict[str, ConnectionInfo] = {}
_sql: dict[str, dict[str, Any]] = {}


def client() -> Client:
    """The client of this process, created on first use, and again if the environment changed.

    Raises:
        ServiceUnreachable: the environment names no service.
    """
    global _client, _made_with
    names = ("WORKBENCH_URL", "WORKBENCH_TOKEN", "JUPYTERHUB_API_TOKEN", "WORKBENCH_ATTEMPT")
    now = tuple(os.environ.get(name) for name in names)
    if _client is None or now != _made_with:
        close()
        _client, _made_with = Client(), now
    return _client


def close() -> None:
    """Closes the client and drops what is cached."""
    global _client
    _known.clear()
    _sql.clear()
    if _client is not None:
        _client.close()
        _client = None


atexit.register(close)


def connections() -> Connections:
    """The user's connections, fetched from the service now."""
    found = client().connections()
    _known.clear()
    _known.update((each.name, each) for each in found)
    return found


def connection(name: str) -> ConnectionInfo:
    """One connection by its name or id; asks the service only for what isn't cached.

    Raises:
        UnknownConnection: the user has no connection of this name.
    """
    client()  # drops the cache if the environment changed
    if (found := _cached(name)) is None:
        connections()
        found = _cached(name)
    if found is None:
        raise UnknownConnection(name, list(_known))
    return found


def _cached(name: str) -> ConnectionInfo | None:
    by_id = (each for each in _known.values() if each.view.get("id") == name)
    return _known.get(name) or next(by_id, None)


def sql(connector: str) -> dict[str, Any]:
    """The service's description of a connector's SQL; empty if it takes none or is unknown."""
    service = client()  # drops the cache if the environment changed
    if not _sql:
        _sql.update((each["kind"], each.get("sql") or {}) for each in service.connectors())
    return _sql.get(connector, {})


def notice(info: ConnectionInfo) -> str:
    """One sentence if a connection's credentials expire soon or are missing, else nothing."""
    state = info.view.get("credential") or {}
    own = info.view.get("credentials") == "personal"
    whose = "Your credentials" if own else "The credentials"
    if state.get("status") == "expiring":
        return f"{whose} for {info.name} expire on {str(state.get('expires_at'))[:10]}."
    if state.get("status") == "missing":
        return (
            f"{info.name} needs your own credentials: in Lab, in the Connections panel, choose “My "
            f"Credentials…” on {info.name}."
        )
    return ""


class UnknownConnection(QueryError, NotFound):
    """The user has no connection of this name."""

    def __init__(self, name: str, names: list[str]) -> None:
        near = near_names(name, names)
        message = f'There is no connection "{name}".'
        if not near:
            listed = ", ".join(sorted(names)[:10]) + (", …" if len(names) > 10 else "")
            message += f" Yours are: {listed}." if names else " You have none yet."
        super().__init__(message, code="not_found", near=near)


def near_names(name: str, names: list[str]) -> list[str]:
    """Up to three names that the user may have meant."""
    folded = {each.lower(): each for each in names}
    return [folded[each] for each in difflib.get_close_matches(name.lower(), folded, n=3)]


def one_line(error: QueryError) -> str:
    """An error as one line for a notebook: its message, the position, and similar names."""
    message = " ".join(error.message.split())
    details: dict[str, Any] = error.details
    line, column = details.get("line"), details.get("column", details.get("col"))
    if line is not None and not _says(message, "line"):
        place = f"line {line}" + (f", column {column}" if column is not None else "")
        message = f"{message.rstrip('.')} ({place})."
    # In a syntax error `near` is the text at the position, which the message already has.
    near = details.get("near")
    if isinstance(near, list) and near and not _says(message, "did you mean"):
        message = f"{message} Did you mean {_either([str(each) for each in near][:3])}?"
    return message


def _says(message: str, words: str) -> bool:
    return words in message.lower()


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
