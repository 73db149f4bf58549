"""Replaces the password of a connection's login: generates, sets, verifies and stores a new one.

Nobody learns the password. It is stored, sealed, before it is set in the database. So if the process
is killed at any point, either the old or the new password works and both are known; the next run
continues from there.

With one login, new sessions are refused for a moment, between the database's change and ours. With two
logins there is no such gap: the idle one gets the new password and the connection switches to it; the
other one's password stays valid until its turn.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from ..connections.configurations import Configurations
from ..connections.credentials.safe import CredentialSafe
from ..connections.models import Connection
from ..connections.service import ConnectionService
from ..connections.store import ConnectionStore
from ..connectors.target import ConnectorConfig
from ..governance.audit.service import AuditService
from ..kit.actor import Actor
from ..kit.endpoint import Origin, Services, validate
from ..kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    SourceFailed,
    Unprocessable,
    WorkbenchError,
)
from ..queries.broker import Broker

ACTION = "credential.rotate"
_BYTES = 32
# How often to start over if somebody changes the connection meanwhile.
_TRIES = 5
_SHOWN = 5

Ask = Callable[[str], str]
"""Asks for the current password of a login whose password isn't known yet."""


@dataclass(frozen=True)
class RotatedPassword:
    """What a rotation did: the login in use now, and the previous one if it is another."""

    connection: str
    login: str
    before: str | None
    expires: bool


@dataclass(frozen=True)
class _Case:
    """The state of a connection at the start of a rotation.

    Attributes:
        user: the login in use now, with ``password``.
        login: the login that gets a new password.
        pending: a new password that may already be set for ``login``.
        known: other passwords that ``login`` may have.
        memory: the remembered state, from ``CredentialSafe.rotation``.
    """

    connection: Connection
    user: str
    password: str
    login: str
    pending: str | None
    known: list[str]
    memory: dict[str, str]


class PasswordRotation:
    """Rotates passwords of shared connections.

    For each it remembers (sealed, by ``CredentialSafe.put_rotation``): ``own_login`` and ``own_new``, a
    pending password for the login in use; ``other_login``, ``other_password`` and ``other_new``, the
    same for the second login, with its previous password.
    """

    def __init__(
        self,
        connections: ConnectionService,
        configurations: Configurations,
        store: ConnectionStore,
        safe: CredentialSafe,
        broker: Broker,
        audit: AuditService,
    ) -> None:
        self._connections = connections
        self._configurations = configurations
        self._store = store
        self._safe = safe
        self._broker = broker
        self._audit = audit

    @classmethod
    def of(cls, services: Services) -> Self:
        """Built from the parts of a process."""
        return cls(
            services.get(ConnectionService),
            services.get(Configurations),
            services.get(ConnectionStore),
            services.get(CredentialSafe),
            services.get(Broker),
            services.get(AuditService),
        )

    def rotate(
        self,
        actor: Actor,
        origin: Origin,
        name: str,
        *,
        other: str | None = None,
        one_login: bool = False,
        ask: Ask,
        say: Callable[[str], None],
    ) -> RotatedPassword:
        """Replaces the password of a connection's login, or completes an interrupted rotation.

        Args:
            other: the second login; remembered from then on.
            one_login: forget the second login, and change the one in use.
            ask: called for a second login whose password isn't known.
            say: called with one line of progress at a time.

        Raises:
            NotFound: there is no such connection.
            Forbidden: the actor may not change it, or the database refuses (``password_refused``).
            Unprocessable: it has no password that can be replaced from here.
            SourceFailed: no known password works (``sign_in_failed``), or the database failed.
        """
        connection = self._connections.find(actor, name)
        fields = self._fields(connection)
        record = self._audit.started(
            actor, origin, ACTION, connection_id=connection.id, target=connection.name
        )
        try:
            done = self._again_if_changed(
                lambda: self._rotate(actor, name, fields, other, one_login, ask, say)
            )
        except WorkbenchError as error:
            refused = isinstance(error, Forbidden | InvalidInput | Unprocessable)
            self._audit.finished(record, "refused" if refused else "failed", code=error.code)
            raise
        except BaseException:
            self._audit.finished(record, "failed")
            raise
        self._audit.finished(record, "ok")
        return done

    @staticmethod
    def _again_if_changed(work: Callable[[], RotatedPassword]) -> RotatedPassword:
        for tries_left in reversed(range(_TRIES)):
            try:
                return work()
            except Conflict as error:
                if error.code != "changed_meanwhile" or not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _fields(self, connection: Connection) -> tuple[str, str]:
        if connection.credentials != "shared":
            raise Unprocessable(
                f"“{connection.name}” has personal credentials: each user enters their own, and "
                "changes the password there.",
                code="personal_credentials",
            )
        connector = self._configurations.connector(connection.connector)
        if connector.login_and_password is None:
            raise Unprocessable(
                f"“{connection.name}” is a connection to {connector.title}, whose passwords "
                "can't be changed from here.",
                code="no_password_rotation",
            )
        return connector.login_and_password

    # --- the steps -------------------------------------------------------------------------

    def _rotate(
        self,
        actor: Actor,
        name: str,
        fields: tuple[str, str],
        other: str | None,
        one_login: bool,
        ask: Ask,
        say: Callable[[str], None],
    ) -> RotatedPassword:
        case = self._case(actor, name, fields, other, one_login)
        works = self._works(actor, case, fields, ask)
        new = case.pending or secrets.token_urlsafe(_BYTES)
        two = case.login != case.user
        if case.pending is None:
            if two:
                self._require_same_tables(actor, case, fields, works)
            self._remember(case, self._under_way(case, works, new))
            say(f"generated and stored a new password for {case.login}")
        else:
            say(f"resuming with the new password for {case.login}")
        # Even if the new one already works: a database that requires no password accepts any.
        config = self._config(case, fields, works)
        self._broker.tests.set_password(actor, case.connection, config, new)
        if not self._signs_in(actor, case, fields, new):
            raise SourceFailed(
                f"The database accepted the new password of {case.login} but refuses the login. "
                "Run this again; both passwords are kept.",
                code="sign_in_failed",
            )
        say(f"the database accepts it: {case.login} signs in")
        changed = self._connections.replace_login(
            case.connection, {fields[0]: case.login, fields[1]: new}, self._afterwards(case)
        )
        credential = self._safe.get(changed.id, None)
        return RotatedPassword(
            changed.name,
            case.login,
            case.user if two else None,
            credential is not None and credential.expires_at is not None,
        )

    def _case(
        self,
        actor: Actor,
        name: str,
        fields: tuple[str, str],
        other: str | None,
        one_login: bool,
    ) -> _Case:
        connection = self._connections.find(actor, name)
        user = str(connection.config[fields[0]])
        credential = self._safe.get(connection.id, None)
        password = credential.secrets.get(fields[1]) if credential else None
        if not password:
            raise Unprocessable(
                f"“{connection.name}” has no stored password to replace.", code="no_password"
            )
        with self._store.database.read() as transaction:
            memory = self._safe.rotation(transaction, connection.id)
        login = _login(user, memory, other, one_login)
        if login == user:
            pending = memory.get("own_new") if memory.get("own_login") == user else None
            return _Case(connection, user, password, login, pending, [password], memory)
        known, pending = [], None
        if login == memory.get("other_login"):
            pending = memory.get("other_new")
            known = [memory["other_password"]]
        return _Case(connection, user, password, login, pending, known, memory)

    def _works(self, actor: Actor, case: _Case, fields: tuple[str, str], ask: Ask) -> str:
        """The current password of the login.

        Raises:
            SourceFailed: no known password works (``sign_in_failed``).
        """

        def candidates() -> Iterator[str]:
            if case.pending is not None:
                yield case.pending
            yield from case.known
            if case.login != case.user:
                yield ask(case.login)

        for password in candidates():
            if self._signs_in(actor, case, fields, password):
                return password
        where = (
            "Enter its current password in the connection's form, then run this again."
            if case.login == case.user
            else "Nothing was changed."
        )
        raise SourceFailed(
            f"The database refuses {case.login} with the given password. {where}",
            code="sign_in_failed",
        )

    def _signs_in(
        self,
        actor: Actor,
        case: _Case,
        fields: tuple[str, str],
        password: str,
        login: str | None = None,
    ) -> bool:
        """Whether the database accepts the password. Raises ``SourceFailed`` if that can't be told."""
        config = self._config(case, fields, password, login)
        result = self._broker.tests.sign_in(actor, case.connection, config)
        if not result.ok and result.code != "sign_in_failed":
            raise SourceFailed(result.message, code=result.code, **result.details)
        return result.ok

    def _require_same_tables(
        self, actor: Actor, case: _Case, fields: tuple[str, str], password: str
    ) -> None:
        """Refuses a second login that lacks access to tables the current one can use."""
        present = [case.password]
        if case.memory.get("own_login") == case.user:
            present.append(case.memory["own_new"])
        works = [p for p in present if self._signs_in(actor, case, fields, p, case.user)]
        if not works:
            # The current login doesn't work, so the second one can only be better.
            return
        now = self._config(case, fields, works[0], case.user)
        then = self._config(case, fields, password)
        lacks = sorted(
            ".".join(part for part in table if part)
            for table in self._broker.tests.tables_of(actor, case.connection, now)
            - self._broker.tests.tables_of(actor, case.connection, then)
        )
        if lacks:
            more = f" and {len(lacks) - _SHOWN:,} more" if len(lacks) > _SHOWN else ""
            raise Unprocessable(
                f"{case.login} may not use {', '.join(lacks[:_SHOWN])}{more}, which {case.user} may. "
                "Give both the same rights. Nothing was changed.",
                code="lacks_rights",
                tables=lacks,
            )

    def _remember(self, case: _Case, memory: dict[str, str]) -> None:
        with self._store.database.write() as transaction:
            self._store.hold(transaction, case.connection.id)
            if self._safe.rotation(transaction, case.connection.id) != case.memory:
                raise Conflict(
                    f"Another rotation of “{case.connection.name}” is in progress.",
                    code="changed_meanwhile",
                )
            self._safe.put_rotation(transaction, case.connection.id, memory)

    @staticmethod
    def _under_way(case: _Case, works: str, new: str) -> dict[str, str]:
        """What to remember before the password is set in the database."""
        if case.login == case.user:
            return {**case.memory, "own_login": case.login, "own_new": new}
        own = {k: v for k, v in case.memory.items() if k.startswith("own_")}
        return {
            **own,
            "other_login": case.login,
            "other_password": works,
            "other_new": new,
        }

    @staticmethod
    def _afterwards(case: _Case) -> dict[str, str]:
        """What to remember once the new password is stored."""
        if case.login == case.user:
            return {}
        memory = {"other_login": case.user, "other_password": case.password}
        if case.memory.get("own_login") == case.user:
            # Either of the two may be in force: a change of this login was begun but not completed.
            memory["other_new"] = case.memory["own_new"]
        return memory

    def _config(
        self, case: _Case, fields: tuple[str, str], password: str, login: str | None = None
    ) -> ConnectorConfig:
        """The connection's configuration with a login, by default the one being rotated."""
        connector = self._configurations.connector(case.connection.connector)
        values = {fields[0]: login or case.login, fields[1]: password}
        return validate(connector.Config, {**case.connection.config, **values})


def _login(user: str, memory: dict[str, str], other: str | None, one_login: bool) -> str:
    """The login that gets a new password."""
    remembered = memory.get("other_login")
    if one_login:
        return user
    if other == user and remembered is None:
        raise InvalidInput(
            f"{user} is the login that the connection uses. Name the second one.",
            code="same_login",
        )
    if other is None or other == user:
        # The two logins take turns, so the same command works every time.
        return remembered or user
    return other
