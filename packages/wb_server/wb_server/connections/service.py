"""The rules of connections: who sees, makes, changes and deletes them, and where secrets go."""

from __future__ import annotations

import builtins
import difflib
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..gate.dialects.spelling import SPELLINGS
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import validate
from ..kit.errors import Conflict, InvalidInput, NotFound
from ..kit.events import Bus
from .configurations import Configurations, split
from .credentials.safe import CredentialSafe, require_future
from .models import (
    Connection,
    ConnectionCreate,
    ConnectionUpdate,
    ConnectionView,
    ConnectorInfo,
    CredentialMode,
    Owner,
    SqlInfo,
    State,
)
from .store import ConnectionStore

if TYPE_CHECKING:
    from ..connectors.base import Connector

UNDO_DAYS = 30


class ConnectionService:
    """What other rooms and the handlers may ask of connections."""

    def __init__(
        self,
        store: ConnectionStore,
        safe: CredentialSafe,
        rights: Rights,
        configurations: Configurations,
        bus: Bus,
    ) -> None:
        self._store = store
        self._safe = safe
        self._rights = rights
        self._configurations = configurations
        self._bus = bus

    # --- reading ---------------------------------------------------------------------------

    def connectors(self) -> list[ConnectorInfo]:
        """The kinds of connectors, with the JSON schema that a form is made from."""
        return [_described(connector) for connector in self._configurations.connectors()]

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
        # What a run says is read by all who see it, and they may see fewer connections.
        names = [] if actor.via.startswith("run:") else [view.name for view in self.list(actor)]
        near = difflib.get_close_matches(name_or_id, names, n=3, cutoff=0.5)
        hint = f" Did you mean {_either(near)}?" if near else ""
        if not names and not actor.via.startswith("run:"):
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
            if not self._configurations.connector(connection.connector).supports_writes:
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
        connector = self._configurations.connector(request.connector)
        config = self._configurations.checked(connector, request.credentials, None, request.config)
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
        connector = self._configurations.connector(old.connector)
        mode = request.credentials or old.credentials
        stored = self._safe.get(old.id, None)
        secrets = stored.secrets if stored else {}
        leads_elsewhere = mode != old.credentials
        if request.config is not None or mode != old.credentials:
            given = request.config if request.config is not None else old.config
            if request.config is None and mode == "personal":
                given = {n: v for n, v in given.items() if n not in connector.Config.login_fields()}
            config = self._configurations.checked(connector, mode, old, given)
            connector.check(config)
            leads_elsewhere |= self._configurations.leads_elsewhere(connector, old, config)
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
        connector = self._configurations.connector(connection.connector)
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

    def _after_change(self, connection: Connection) -> None:
        self._configurations.forget(connection)
        self._bus.publish("connections")


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


def _unknown() -> NotFound:
    return NotFound("There is no such connection, or none that you may see.", code="unknown_id")


def _either(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _described(connector: Connector) -> ConnectorInfo:
    spelling = SPELLINGS[connector.dialect]
    return ConnectorInfo(
        kind=connector.kind,
        title=connector.title,
        description=connector.description,
        config_schema=connector.Config.model_json_schema(),
        capabilities=connector.capabilities(),
        sql=SqlInfo(
            dialect=connector.dialect,
            sqlalchemy=spelling.sqlalchemy,
            quote_mark=spelling.quote_mark,
            reserved_words=sorted(spelling.reserved_words),
            editor_language=spelling.editor_language,
            schemas=connector.supports_schemas,
        ),
        supports_writes=connector.supports_writes,
        supports_personal=bool(connector.Config.login_fields()),
    )
