"""The rules of connections: who sees, makes, changes and deletes them, and where secrets go."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from ..governance.rights import Rights
from ..governance.secrets.vault import Vault
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import validate
from ..kit.errors import Conflict, InvalidInput, NotFound
from ..kit.events import Bus
from .models import (
    Connection,
    ConnectionCreate,
    ConnectionUpdate,
    ConnectionView,
    ConnectorInfo,
    Owner,
    State,
)
from .store import ConnectionStore

if TYPE_CHECKING:
    from .connectors.base import Connector, ConnectorConfig

UNDO_DAYS = 30


class ConnectionService:
    """What other rooms and the handlers may ask of connections."""

    def __init__(
        self,
        store: ConnectionStore,
        vault: Vault,
        rights: Rights,
        connectors: Mapping[str, Connector],
        bus: Bus,
    ) -> None:
        self._store = store
        self._vault = vault
        self._rights = rights
        self._connectors = connectors
        self._bus = bus
        # Opened configurations by connection, each with its version: a small query would spend more
        # time on reading, decrypting and validating one than on its rows. The connectors' pools
        # hold the same secrets.
        self._configs: dict[str, tuple[int, ConnectorConfig]] = {}

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
        return [
            self.view(actor, row)
            for row in rows
            if self._rights.may(actor, right, row)
            and all(
                word in f"{row.name} {row.description} {row.connector}".casefold() for word in words
            )
        ]

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
        level = self._rights.level(actor, connection)
        assert level is not None
        actions = self._rights.allowed(actor, connection)
        if not self._connectors[connection.connector].supports_writes:
            actions = [action for action in actions if action != "connection.write"]
        return ConnectionView(**connection.model_dump(), level=level, actions=actions)

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
        config = validate(connector.Config, request.config, "config")
        connector.check(config)
        plain, secrets = split(config)
        moment = clock.now()
        connection = Connection(
            id=str(uuid.uuid4()),
            name=request.name,
            connector=connector.kind,
            description=request.description,
            config=plain,
            secrets_set=sorted(secrets),
            owner=owner,
            created_at=moment,
            updated_at=moment,
        )
        with self._store.database.write() as transaction:
            self._store.insert(transaction, connection)
            self._seal(transaction, connection, secrets)
        self._bus.publish("connections")
        return self.view(actor, connection)

    def update(self, actor: Actor, connection_id: str, request: ConnectionUpdate) -> ConnectionView:
        """Changes what the request names; a secret that it leaves out stays.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor may not change it.
            InvalidInput: a field is unknown or doesn't fit.
            Conflict: the name is taken, or somebody else changed it meanwhile.
        """
        old = self._visible(actor, connection_id)
        self._rights.require(actor, "connection.update", old)
        changes: dict[str, Any] = request.model_dump(
            exclude_unset=True, exclude={"config"}, exclude_none=True
        )
        secrets: dict[str, str] | None = None
        if request.config is not None:
            connector = self.connector(old.connector)
            config = self.complete(connector, old, request.config)
            connector.check(config)
            plain, secrets = split(config)
            changes |= {
                "config": plain,
                "secrets_set": sorted(secrets),
                "state": State(),
            }
        changed = old.model_copy(
            update={**changes, "version": old.version + 1, "updated_at": clock.now()}
        )
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, old.version)
            if secrets is not None:
                self._seal(transaction, changed, secrets)
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

    def config_of(self, connection: Connection) -> ConnectorConfig:
        """The configuration with its secrets, to open a session with. Never leaves the service."""
        known = self._configs.get(connection.id)
        if known is None or known[0] != connection.version:
            connector = self.connector(connection.connector)
            config = validate(connector.Config, {**connection.config, **self._secrets(connection)})
            known = self._configs[connection.id] = (connection.version, config)
        return known[1]

    def complete(
        self, connector: Connector, connection: Connection | None, config: dict[str, Any]
    ) -> ConnectorConfig:
        """A configuration from a request, with stored secrets for those that it leaves out.

        Stored secrets only go where they went before: when the request changes where the
        connection leads, they have to be entered again. Otherwise somebody who may edit a
        connection, but was never told its password, could send it to a machine of theirs.

        Raises:
            InvalidInput: a field is unknown or doesn't fit, or secrets must be entered again
                (``secret_needed``).
        """
        if connection is None:
            return validate(connector.Config, config, "config")
        stored = self._secrets(connection)
        missing = {name: value for name, value in stored.items() if name not in config}
        checked = validate(connector.Config, {**missing, **config}, "config")
        if missing:
            before = validate(connector.Config, {**connection.config, **stored})
            if connector.destination(before) != connector.destination(checked):
                name = next(iter(missing))
                raise InvalidInput(
                    f"The connection would lead elsewhere, so enter the {name} again.",
                    code="secret_needed",
                    field=f"config.{name}",
                )
        return checked

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

    def _secrets(self, connection: Connection) -> dict[str, str]:
        row = self._store.ciphertext(connection.id, None)
        if row is None:
            return {}
        return self._vault.open(_seal_name(row[0], connection.id, None), row[1])

    def _seal(self, transaction: Any, connection: Connection, secrets: dict[str, str]) -> None:
        if not secrets:
            self._store.drop_ciphertext(transaction, connection.id, None)
            return
        row = str(uuid.uuid4())
        ciphertext = self._vault.seal(_seal_name(row, connection.id, None), secrets)
        self._store.set_ciphertext(
            transaction, row, connection.id, None, ciphertext, connection.updated_at
        )

    def _after_change(self, connection: Connection) -> None:
        self._configs.pop(connection.id, None)
        self._connectors[connection.connector].forget(connection.id)
        self._bus.publish("connections")


def split(config: ConnectorConfig) -> tuple[dict[str, Any], dict[str, str]]:
    """A configuration as what may be shown, and its secrets."""
    secrets = {}
    for name in config.secret_fields():
        value = getattr(config, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            secrets[name] = value.get_secret_value()
    plain = config.model_dump(mode="json", exclude=set(config.secret_fields()))
    return plain, secrets


def _seal_name(row: str, connection_id: str, user: str | None) -> str:
    return f"credentials/{row}/{connection_id}/{user or ''}"


def _unknown() -> NotFound:
    return NotFound("There is no such connection, or none that you may see.", code="unknown_id")


def _either(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
