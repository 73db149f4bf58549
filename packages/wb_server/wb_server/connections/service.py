"""The rules of connections: who may see, add, change and delete them, and where secrets may go."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..gate.dialects.spelling import SPELLINGS
from ..gate.statement import routine_names
from ..governance.owned.service import OwnedService
from ..governance.people.service import PeopleService
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import validate
from ..kit.errors import InvalidInput, Unprocessable
from ..kit.events import Bus
from ..kit.reserved_names import why_reserved
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


class ConnectionService(OwnedService[Connection, ConnectionView]):
    """Connections, for the handlers and other rooms."""

    _store: ConnectionStore

    def __init__(
        self,
        store: ConnectionStore,
        safe: CredentialSafe,
        configurations: Configurations,
        rights: Rights,
        people: PeopleService,
        bus: Bus,
    ) -> None:
        super().__init__(store, ConnectionView, rights, people, bus)
        self._safe = safe
        self._configurations = configurations

    def connectors(self) -> list[ConnectorInfo]:
        """The kinds of connectors, with the JSON schemas for their forms."""
        return [_described(connector) for connector in self._configurations.connectors()]

    def create(self, actor: Actor, request: ConnectionCreate) -> ConnectionView:
        """Adds a connection, owned by the actor.

        Raises:
            InvalidInput: the connector or a field is unknown, or a field has the wrong type; or the
                name is reserved.
            Unprocessable: an address or a folder isn't allowed.
            Conflict: the name is taken.
        """
        self._rights.require(actor, "connection.create")
        return self.create_for(actor, request, Owner(kind="user", name=actor.name))

    def create_for(self, actor: Actor, request: ConnectionCreate, owner: Owner) -> ConnectionView:
        """Adds a connection for an owner; deployments call it to add a team's connection."""
        _require_free_word(request.name)
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
        with self._saving(connection) as transaction:
            self._safe.put(transaction, connection.id, None, secrets, request.expires_at)
        return self.view(actor, connection)

    def update(self, actor: Actor, connection_id: str, request: ConnectionUpdate) -> ConnectionView:
        """Changes the given fields; omitted secrets stay.

        A change of the configuration by someone else than the owner empties the list of allowed
        functions. Users' own credentials are dropped if the connection's destination changes or it becomes shared:
        they were entered for the previous destination.

        Raises:
            NotFound: there is none, or the actor may not see it.
            Forbidden: the actor may not change it.
            InvalidInput: a field is unknown or invalid.
            Conflict: the name is taken, or someone else changed it in the meantime.
        """
        old = self.require(actor, connection_id, "update")
        if request.name is not None and request.name != old.name:
            _require_free_word(request.name)
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
            if plain != old.config and not self._rights.owns(actor, old):
                # The owner allowed them in the database that the connection had then.
                changes["routines"] = []
        expires_at = stored.expires_at if stored and secrets else None
        if "expires_at" in request.model_fields_set:
            expires_at = request.expires_at
            require_future(expires_at)
        if expires_at is not None:
            _require_secrets(secrets, mode)
        changed = old.changed(**changes)
        with self._saving(changed, old) as transaction:
            self._safe.put(transaction, changed.id, None, secrets, expires_at)
            if leads_elsewhere:
                self._safe.drop_personal(transaction, changed.id)
                self._safe.put_rotation(transaction, changed.id, {})
        return self.view(actor, changed)

    def set_routines(self, actor: Actor, connection_id: str, names: list[str]) -> ConnectionView:
        """Sets which functions and procedures of the database's own statements may call.

        Only the owner may: such code runs with the connection's login.

        Raises:
            NotFound, Forbidden: as for ``require``.
            Unprocessable: the kind of source has none (``no_routines``).
            InvalidInput: a name isn't ``schema.name``, or is the database system's (``bad_routine``).
            Conflict: someone else changed the connection in the meantime.
        """
        old = self.require(actor, connection_id, "routines")
        connector = self._configurations.connector(old.connector)
        if not connector.supports_routines or connector.dialect is None:
            raise Unprocessable(
                f"A {connector.title} connection has no functions or procedures that could be "
                "allowed.",
                code="no_routines",
            )
        for name in names:
            routine_names([name], connector.dialect)
        return self._change(actor, old, old.changed(routines=sorted(set(names))))

    def replace_login(
        self,
        connection: Connection,
        login: Mapping[str, str],
        memory: dict[str, str],
    ) -> Connection:
        """Replaces the login of a shared connection, effective at once on running services too.

        Args:
            connection: its state when the new login was tested.
            login: the values of login fields to change.
            memory: what the connection's next rotation needs to know.

        Raises:
            Conflict: someone else changed the connection in the meantime (``changed_meanwhile``).
        """
        stored = self._safe.get(connection.id, None)
        secrets = stored.secrets if stored else {}
        connector = self._configurations.connector(connection.connector)
        config = validate(connector.Config, {**connection.config, **secrets, **login})
        plain, secrets = split(config, "shared")
        changed = connection.changed(config=plain, secrets_set=sorted(secrets), state=State())
        with self._saving(changed, connection) as transaction:
            expires_at = stored.expires_at if stored else None
            self._safe.put(transaction, changed.id, None, secrets, expires_at)
            self._safe.put_rotation(transaction, changed.id, memory)
        return changed

    def set_state(self, connection: Connection, state: State) -> None:
        """Records the result of a use; publishes an event only if the status has changed."""
        if not connection.id:
            return
        self._store.set_state(connection.id, state)
        if state.status != connection.state.status:
            self._bus.publish("connections")

    # --- what differs from other owned things ----------------------------------------------

    def _details(
        self, actor: Actor, things: Sequence[Connection]
    ) -> Mapping[str, Mapping[str, Any]]:
        states = self._safe.states(actor.name, things)
        return {thing.id: {"credential": states[thing.id]} for thing in things}

    def _impossible(self, thing: Connection) -> set[str]:
        without = set()
        connector = self._configurations.connector(thing.connector)
        if not connector.supports_routines:
            without.add("connection.routines")
        if not connector.supports_writes:
            without.add("connection.write")
        if "browse" not in connector.capabilities():
            without.add("connection.browse")
        if thing.credentials == "shared":
            without.add("credential.own")
        return without

    def _after_change(self, thing: Connection) -> None:
        self._configurations.forget(thing)


def _require_secrets(secrets: dict[str, str], mode: CredentialMode) -> None:
    if mode == "personal":
        raise InvalidInput(
            "With personal credentials each user sets the expiry of their own.",
            code="personal_field",
            field="expires_at",
        )
    if not secrets:
        raise InvalidInput(
            "There is no password or key here that could expire.",
            code="no_secret",
            field="expires_at",
        )


def _described(connector: Connector) -> ConnectorInfo:
    return ConnectorInfo(
        kind=connector.kind,
        title=connector.title,
        description=connector.description,
        config_schema=connector.Config.model_json_schema(),
        capabilities=connector.capabilities(),
        sql=_sql(connector),
        supports_writes=connector.supports_writes,
        supports_routines=connector.supports_routines,
        supports_personal=bool(connector.Config.login_fields()),
    )


def _require_free_word(name: str) -> None:
    """Refuses a name that means something else after ``%sql``; existing connections keep theirs."""
    if why := why_reserved(name):
        message = f"name: {why}"
        raise InvalidInput(message, code="reserved_name", field="name", fields={"name": why})


def _sql(connector: Connector) -> SqlInfo | None:
    if connector.dialect is None:
        return None
    spelling = SPELLINGS[connector.dialect]
    return SqlInfo(
        dialect=connector.dialect,
        sqlalchemy=spelling.sqlalchemy,
        quote_mark=spelling.quote_mark,
        reserved_words=sorted(spelling.reserved_words),
        editor_language=spelling.editor_language,
        backslash_escapes=spelling.backslash_escapes,
        hash_comments=spelling.hash_comments,
        nested_comments=spelling.nested_comments,
        schemas=connector.supports_schemas,
    )
