"""The rules of connections: who sees, makes, changes and deletes them, and where secrets go."""

from __future__ import annotations

import builtins
import difflib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import validate
from ..kit.errors import Conflict, InvalidInput, NotFound, Unprocessable
from ..kit.events import Bus
from .credentials.safe import CredentialSafe, require_future
from .models import (
    Connection,
    ConnectionCreate,
    ConnectionUpdate,
    ConnectionView,
    ConnectorInfo,
    CredentialMode,
    Owner,
    State,
)
from .store import ConnectionStore
from .target import ConnectorConfig, Target

if TYPE_CHECKING:
    from .connectors.base import Connector

UNDO_DAYS = 30


class ConnectionService:
    """What other rooms and the handlers may ask of connections."""

    def __init__(
        self,
        store: ConnectionStore,
        safe: CredentialSafe,
        rights: Rights,
        connectors: Mapping[str, Connector],
        bus: Bus,
    ) -> None:
        self._store = store
        self._safe = safe
        self._rights = rights
        self._connectors = connectors
        self._bus = bus
        # Opened configurations by connection and user: a small query would spend more time on
        # decrypting and validating one than on its rows. The connectors' pools hold the same
        # secrets.
        self._targets: dict[tuple[str, str | None], tuple[Target, datetime | None]] = {}

    # --- reading ---------------------------------------------------------------------------

    def connectors(self) -> list[ConnectorInfo]:
        """The kinds of connectors, with the JSON schema that a form is made from."""
        return [
            ConnectorInfo(
                kind=connector.kind,
                title=connector.title,
                description=connector.description,
                config_schema=connector.Config.model_json_schema(),
                supports_writes=connector.supports_writes,
                supports_personal=bool(connector.Config.login_fields()),
            )
            for connector in self._connectors.values()
        ]

    def list(
        self, actor: Actor, *, search: str = "", deleted: bool = False
    ) -> list[ConnectionView]:
        """The connections that the actor may use, by name.

        Args:
            search: keep those with all its words in name, description or connector.
            deleted: list those that are deleted and can be restored instead.
        """
        words = search.casefold().split()
        rows = self._store.deleted() if deleted else self._store.living()
        right = "connection.delete" if deleted else "connection.see"
        return self._views(
            actor,
            [
                row
                for row in rows
                if self._rights.may(actor, right, row)
                and all(
                    word in f"{row.name} {row.description} {row.connector}".casefold()
                    for word in words
                )
            ],
        )

    def get(self, actor: Actor, connection_id: str) -> ConnectionView:
        """One connection.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        return self.view(actor, self._visible(actor, connection_id))

    def find(self, actor: Actor, name_or_id: str) -> Connection:
        """The living connection that a query names.

        Raises:
            NotFound: with near names among those that the actor may use.
        """
        found = self._store.by_name(name_or_id) or self._store.by_id(name_or_id)
        if found and not found.deleted_at and self._rights.may(actor, "connection.see", found):
            return found
        names = [view.name for view in self.list(actor)]
        near = difflib.get_close_matches(name_or_id, names, n=3, cutoff=0.5)
        hint = f" Did you mean {_either(near)}?" if near else ""
        if not names:
            hint = " You have no connections yet."
        raise NotFound(
            f"There is no connection named “{name_or_id[:100]}”.{hint}",
            code="unknown_connection",
            near=near,
        )

    def view(self, actor: Actor, connection: Connection) -> ConnectionView:
        """A connection with what the actor holds of it and may do with it."""
        return self._views(actor, [connection])[0]

    def _views(
        self, actor: Actor, connections: Sequence[Connection]
    ) -> builtins.list[ConnectionView]:
        states = self._safe.states(actor.name, connections)
        views = []
        for connection in connections:
            reasons = self._rights.reasons(actor, connection)
            without = set()
            if not self._connectors[connection.connector].supports_writes:
                without.add("connection.write")
            if connection.credentials == "shared":
                without.add("credential.own")
            allowed = self._rights.allowed(actor, connection)
            actions = [action for action in allowed if action not in without]
            hidden = set() if "connection.share" in actions else {"shares"}
            views.append(
                ConnectionView(
                    **connection.model_dump(exclude=hidden),
                    level=reasons[0].level,
                    reasons=reasons,
                    actions=actions,
                    credential=states[connection.id],
                )
            )
        return views

    # --- changing --------------------------------------------------------------------------

    def create(self, actor: Actor, request: ConnectionCreate) -> ConnectionView:
        """Adds a connection, owned by the actor.

        Raises:
            InvalidInput: unknown connector or field, a wrong type.
            Unprocessable: an address or a folder that isn't allowed.
            Conflict: the name is taken.
        """
        self._rights.require(actor, "connection.create")
        return self.create_for(actor, request, Owner(kind="user", name=actor.name))

    def create_for(self, actor: Actor, request: ConnectionCreate, owner: Owner) -> ConnectionView:
        """Adds a connection for an owner; what deployments call for a team's connection."""
        connector = self.connector(request.connector)
        config = self._checked(connector, request.credentials, None, request.config)
        connector.check(config)
        plain, secrets = split(config, request.credentials)
        if request.expires_at is not None:
            _require_secrets(secrets, request.credentials)
            require_future(request.expires_at)
        moment = clock.now()
        connection = Connection(
            id=str(uuid.uuid4()),
            name=request.name,
            connector=connector.kind,
            description=request.description,
            config=plain,
            secrets_set=sorted(secrets),
            owner=owner,
            credentials=request.credentials,
            created_at=moment,
            updated_at=moment,
        )
        with self._store.database.write() as transaction:
            self._store.insert(transaction, connection)
            self._safe.put(transaction, connection.id, None, secrets, request.expires_at)
        self._bus.publish("connections")
        return self.view(actor, connection)

    def update(self, actor: Actor, connection_id: str, request: ConnectionUpdate) -> ConnectionView:
        """Changes what the request names; a secret that it leaves out stays.

        Users' own credentials are dropped when the connection leads elsewhere or becomes shared:
        they were entered for the place that it led to.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor may not change it.
            InvalidInput: a field is unknown or doesn't fit.
            Conflict: the name is taken, or somebody else changed it meanwhile.
        """
        old = self._visible(actor, connection_id)
        self._rights.require(actor, "connection.update", old)
        changes: dict[str, Any] = request.model_dump(
            exclude_unset=True, exclude={"config", "expires_at"}, exclude_none=True
        )
        connector = self.connector(old.connector)
        mode = request.credentials or old.credentials
        stored = self._safe.get(old.id, None)
        secrets = stored.secrets if stored else {}
        leads_elsewhere = mode != old.credentials
        if request.config is not None or mode != old.credentials:
            given = request.config if request.config is not None else old.config
            if request.config is None and mode == "personal":
                given = {n: v for n, v in given.items() if n not in connector.Config.login_fields()}
            config = self._checked(connector, mode, old, given)
            connector.check(config)
            leads_elsewhere |= self._leads_elsewhere(connector, old, config)
            plain, secrets = split(config, mode)
            changes |= {"config": plain, "secrets_set": sorted(secrets), "state": State()}
        expires_at = stored.expires_at if stored and secrets else None
        if "expires_at" in request.model_fields_set:
            expires_at = request.expires_at
            require_future(expires_at)
        if expires_at is not None:
            _require_secrets(secrets, mode)
        changed = old.model_copy(
            update={**changes, "version": old.version + 1, "updated_at": clock.now()}
        )
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
            self._safe.put(transaction, changed.id, None, secrets, expires_at)
            if leads_elsewhere:
                self._safe.drop_personal(transaction, changed.id)
                self._safe.put_rotation(transaction, changed.id, {})
        self._after_change(changed)
        return self.view(actor, changed)

    def delete(self, actor: Actor, connection_id: str) -> ConnectionView:
        """Deletes a connection; ``restore`` undoes it for 30 days.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor may not delete it.
        """
        old = self._visible(actor, connection_id)
        self._rights.require(actor, "connection.delete", old)
        moment = clock.now()
        changed = old.model_copy(
            update={"deleted_at": moment, "version": old.version + 1, "updated_at": moment}
        )
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
        self._after_change(changed)
        return self.view(actor, changed)

    def restore(self, actor: Actor, connection_id: str) -> ConnectionView:
        """Brings a deleted connection back.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Conflict: it isn't deleted, or its name was given to another one meanwhile.
        """
        old = self._store.by_id(connection_id)
        if old is None or not self._rights.may(actor, "connection.see", old):
            raise _unknown()
        self._rights.require(actor, "connection.delete", old)
        if old.deleted_at is None:
            raise Conflict(f"“{old.name}” is not deleted.", code="not_deleted")
        changed = old.model_copy(
            update={"deleted_at": None, "version": old.version + 1, "updated_at": clock.now()}
        )
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
        self._after_change(changed)
        return self.view(actor, changed)

    def purge(self) -> int:
        """Removes for good what was deleted over 30 days ago; called when the service starts."""
        return self._store.purge(clock.now() - timedelta(days=UNDO_DAYS))

    def replace_login(
        self,
        connection: Connection,
        login: Mapping[str, str],
        memory: dict[str, str],
    ) -> Connection:
        """Lets a shared connection sign in otherwise from now on, on running services too.

        Args:
            connection: as it was when the login was proved.
            login: the values of fields of the sign-in; the others stay.
            memory: what its next rotation has to know.

        Raises:
            Conflict: somebody else changed the connection meanwhile (``changed_meanwhile``).
        """
        stored = self._safe.get(connection.id, None)
        secrets = stored.secrets if stored else {}
        connector = self.connector(connection.connector)
        config = validate(connector.Config, {**connection.config, **secrets, **login})
        plain, secrets = split(config, "shared")
        changed = connection.model_copy(
            update={
                "config": plain,
                "secrets_set": sorted(secrets),
                "state": State(),
                "version": connection.version + 1,
                "updated_at": clock.now(),
            }
        )
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, connection.version)
            expires_at = stored.expires_at if stored else None
            self._safe.put(transaction, changed.id, None, secrets, expires_at)
            self._safe.put_rotation(transaction, changed.id, memory)
        self._after_change(changed)
        return changed

    def set_state(self, connection: Connection, state: State) -> None:
        """Notes what a use of the connection said; panels are told only when it turned."""
        if not connection.id:
            return
        self._store.set_state(connection.id, state)
        if state.status != connection.state.status:
            self._bus.publish("connections")

    # --- for the broker --------------------------------------------------------------------

    def connector(self, kind: str) -> Connector:
        """A connector by its kind.

        Raises:
            InvalidInput: there is no such kind (``unknown_connector``).
        """
        connector = self._connectors.get(kind)
        if connector is None:
            raise InvalidInput(
                f"There is no connector “{kind[:100]}”. There are: {', '.join(self._connectors)}.",
                code="unknown_connector",
                field="connector",
                known=list(self._connectors),
            )
        return connector

    def target(self, connection: Connection, actor: Actor) -> Target:
        """What a session is opened on, secrets included. Never leaves the service.

        Raises:
            Unprocessable: the actor has to enter their own credential first
                (``credential_missing``), or a credential has ended (``credential_expired``).
        """
        user = actor.name if connection.credentials == "personal" else None
        version = connection.version
        if user is not None:
            revision = self._safe.revision(connection.id, user)
            if revision is None:
                raise _credential_missing(connection)
            version += revision
        known = self._targets.get((connection.id, user))
        if known is None or known[0].version != version:
            connector = self.connector(connection.connector)
            credential = self._safe.get(connection.id, user)
            now = self._store.by_id(connection.id)
            if now is not None and now.version != connection.version:
                # Its login was exchanged between the two reads: one's name, the other's password.
                return self.target(now, actor)
            secrets = credential.secrets if credential else {}
            config = validate(connector.Config, {**connection.config, **secrets})
            target = Target(connection.id, version, config, user)
            known = (target, credential.expires_at if credential else None)
            self._targets[connection.id, user] = known
        target, expires_at = known
        if expires_at is not None and expires_at <= clock.now():
            raise _credential_expired(connection, expires_at)
        return target

    def complete(
        self,
        actor: Actor,
        connector: Connector,
        connection: Connection | None,
        mode: CredentialMode,
        config: dict[str, Any],
    ) -> ConnectorConfig:
        """A configuration to test, with what is stored for what it leaves out.

        That is a shared connection's secrets, or the actor's own sign-in for a personal one.

        Raises:
            InvalidInput: a field is unknown or doesn't fit, or secrets must be entered again
                (``secret_needed``).
        """
        user = actor.name if mode == "personal" else None
        return self._filled(connector, connection, user, config)

    def with_login(self, connection: Connection, login: dict[str, Any]) -> ConnectorConfig:
        """A personal connection's configuration with a user's sign-in.

        Raises:
            Unprocessable: the connection is shared (``shared_credentials``).
            InvalidInput: a field is none of a sign-in's, or doesn't fit.
        """
        if connection.credentials != "personal":
            raise Unprocessable(
                f"“{connection.name}” has one sign-in for all who use it: there is none of your "
                "own to enter.",
                code="shared_credentials",
            )
        connector = self.connector(connection.connector)
        fields = connector.Config.login_fields()
        if unknown := [name for name in login if name not in fields]:
            raise InvalidInput(
                f"login.{unknown[0][:100]}: a sign-in here has {', '.join(fields)}.",
                code="unknown_field",
                field=f"login.{unknown[0][:100]}",
            )
        return validate(connector.Config, {**connection.config, **login}, "login")

    def saved(self, actor: Actor, connection_id: str) -> Connection:
        """A living connection that the actor may see, by id.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        return self._visible(actor, connection_id)

    # --- inside ----------------------------------------------------------------------------

    def _visible(self, actor: Actor, connection_id: str) -> Connection:
        found = self._store.by_id(connection_id)
        if (
            found is None
            or found.deleted_at
            or not self._rights.may(actor, "connection.see", found)
        ):
            raise _unknown()
        return found

    def _checked(
        self,
        connector: Connector,
        mode: CredentialMode,
        saved: Connection | None,
        config: dict[str, Any],
    ) -> ConnectorConfig:
        """A configuration that is to be stored."""
        login = connector.Config.login_fields()
        if mode == "shared":
            kept = saved if saved is not None and saved.credentials == "shared" else None
            return self._filled(connector, kept, None, config)
        if not login:
            raise Unprocessable(
                f"A connection to {connector.title} has no sign-in that could be personal.",
                code="no_sign_in",
                field="credentials",
            )
        if given := [name for name in login if config.get(name) is not None]:
            raise InvalidInput(
                f"With personal credentials each user enters their own {given[0]}: leave it out.",
                code="personal_field",
                field=f"config.{given[0]}",
            )
        return without_login(connector, config)

    def _filled(
        self,
        connector: Connector,
        saved: Connection | None,
        user: str | None,
        config: dict[str, Any],
    ) -> ConnectorConfig:
        """A configuration with what is stored for what it leaves out.

        What is stored only goes where it went before: when the configuration leads elsewhere,
        secrets have to be entered again. Otherwise somebody who may edit a connection, but was
        never told its password, could send it to a machine of theirs.
        """
        credential = self._safe.get(saved.id, user) if saved is not None else None
        stored = credential.secrets if credential else {}
        missing = {name: value for name, value in stored.items() if name not in config}
        checked = validate(connector.Config, {**missing, **config}, "config")
        if missing and saved is not None and self._leads_elsewhere(connector, saved, checked):
            name = next(iter(missing))
            raise InvalidInput(
                f"The connection would lead elsewhere, so enter the {name} again.",
                code="secret_needed",
                field=f"config.{name}",
            )
        return checked

    @staticmethod
    def _leads_elsewhere(connector: Connector, saved: Connection, config: ConnectorConfig) -> bool:
        login = connector.Config.login_fields()
        kept = {name: value for name, value in saved.config.items() if name not in login}
        now = {n: v for n, v in config.model_dump(mode="json").items() if n not in login}
        before, after = without_login(connector, kept), without_login(connector, now)
        return connector.destination(before) != connector.destination(after)

    def _after_change(self, connection: Connection) -> None:
        for key in [key for key in self._targets if key[0] == connection.id]:
            self._targets.pop(key, None)
        self._connectors[connection.connector].forget(connection.id)
        self._bus.publish("connections")


def split(config: ConnectorConfig, mode: CredentialMode) -> tuple[dict[str, Any], dict[str, str]]:
    """A configuration as what may be shown, and its secrets.

    Of a personal connection neither holds anything of a sign-in.
    """
    apart = config.secret_fields() if mode == "shared" else config.login_fields()
    plain = config.model_dump(mode="json", exclude=set(apart))
    return plain, secrets_of(config, config.secret_fields()) if mode == "shared" else {}


def secrets_of(config: ConnectorConfig, names: Sequence[str]) -> dict[str, str]:
    """The values of these fields that are set, as text."""
    values = {}
    for name in names:
        value = getattr(config, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text:
            values[name] = str(text)
    return values


def without_login(connector: Connector, config: dict[str, Any]) -> ConnectorConfig:
    """A configuration whose required login fields are blank: what is checked of a personal one."""
    fields = connector.Config.model_fields
    blank = {name: "-" for name in connector.Config.login_fields() if fields[name].is_required()}
    return validate(connector.Config, {**blank, **config}, "config")


def _require_secrets(secrets: dict[str, str], mode: CredentialMode) -> None:
    if mode == "personal":
        raise InvalidInput(
            "With personal credentials each user gives the date for their own.",
            code="personal_field",
            field="expires_at",
        )
    if not secrets:
        raise InvalidInput(
            "There is no password or key here that could end.", code="no_secret", field="expires_at"
        )


def _credential_missing(connection: Connection) -> Unprocessable:
    return Unprocessable(
        f"“{connection.name}” asks for your own sign-in, and you have not entered one: in Lab, in "
        f"the Connections panel, choose “My sign-in…” on {connection.name}.",
        code="credential_missing",
        connection=connection.name,
        connection_id=connection.id,
    )


def _credential_expired(connection: Connection, at: datetime) -> Unprocessable:
    whose, who = (
        ("Your sign-in", "Enter a new one: in Lab, in the Connections panel, choose “My sign-in…”.")
        if connection.credentials == "personal"
        else ("The sign-in", "Who manages the connection has to enter a new one.")
    )
    return Unprocessable(
        f"{whose} for “{connection.name}” ended on {at:%Y-%m-%d}. {who}",
        code="credential_expired",
        connection=connection.name,
        connection_id=connection.id,
    )


def _unknown() -> NotFound:
    return NotFound("There is no such connection, or none that you may see.", code="unknown_id")


def _either(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
