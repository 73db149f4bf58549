"""The configurations of connections: validates them, and combines them with their secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from ..connectors.target import ConnectorConfig, Target
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import validate
from ..kit.errors import InvalidInput, Unprocessable
from .credentials.safe import CredentialSafe
from .models import Connection, CredentialMode
from .store import ConnectionStore

if TYPE_CHECKING:
    from ..connectors.base import Connector


class Configurations:
    """Combines a connection's fields and secrets, for callers that store or open it.

    It checks no rights: the connection service and the gate have done so before.
    """

    def __init__(
        self, store: ConnectionStore, safe: CredentialSafe, connectors: Mapping[str, Connector]
    ) -> None:
        self._store = store
        self._safe = safe
        self._connectors = connectors
        # A cache by connection and user: a small query would spend more time on decrypting and
        # validating a configuration than on its rows. The connectors' pools hold the same secrets.
        self._targets: dict[tuple[str, str | None], tuple[Target, datetime | None]] = {}

    def connectors(self) -> list[Connector]:
        """All kinds of connectors."""
        return list(self._connectors.values())

    def connector(self, kind: str) -> Connector:
        """A connector by its kind.

        Raises:
            InvalidInput: there is no such kind (``unknown_connector``).
        """
        connector = self._connectors.get(kind)
        if connector is None:
            raise InvalidInput(
                f"There is no connector “{kind[:100]}”. Available: {', '.join(self._connectors)}.",
                code="unknown_connector",
                field="connector",
                known=list(self._connectors),
            )
        return connector

    def target(self, connection: Connection, actor: Actor) -> Target:
        """The target that a session opens, secrets included. It must never leave the service.

        Raises:
            Unprocessable: the actor must enter their own credential first (``credential_missing``),
                or the credential has expired (``credential_expired``).
        """
        user = actor.name if connection.credentials == "personal" else None
        version = connection.version
        if user is not None:
            revision = self._safe.revision(connection.id, user)
            if revision is None:
                raise _credential_missing(connection)
            version += revision
        cached = self._targets.get((connection.id, user))
        if cached is None or cached[0].version != version:
            connector = self.connector(connection.connector)
            credential = self._safe.get(connection.id, user)
            now = self._store.by_id(connection.id)
            if now is not None and now.version != connection.version:
                # The login was replaced between the two reads: the old name and the new password.
                return self.target(now, actor)
            secrets = credential.secrets if credential else {}
            config = validate(connector.Config, {**connection.config, **secrets})
            target = Target(connection.id, version, config, user)
            cached = (target, credential.expires_at if credential else None)
            self._targets[connection.id, user] = cached
        target, expires_at = cached
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
        """A configuration to test, completed from what is stored.

        Omitted fields come from a shared connection's secrets, or from the actor's own credentials for a
        personal one.

        Raises:
            InvalidInput: a field is unknown or invalid, or secrets must be entered again
                (``secret_needed``).
        """
        user = actor.name if mode == "personal" else None
        return self._filled(connector, connection, user, config)

    def with_login(self, connection: Connection, login: dict[str, Any]) -> ConnectorConfig:
        """A personal connection's configuration with a user's credentials.

        Raises:
            Unprocessable: the connection has shared credentials (``shared_credentials``).
            InvalidInput: a field isn't one of the credentials, or is invalid.
        """
        if connection.credentials != "personal":
            raise Unprocessable(
                f"“{connection.name}” has shared credentials, so you can't enter your own.",
                code="shared_credentials",
            )
        connector = self.connector(connection.connector)
        fields = connector.Config.login_fields()
        if unknown := [name for name in login if name not in fields]:
            raise InvalidInput(
                f"login.{unknown[0][:100]}: the credentials here are {', '.join(fields)}.",
                code="unknown_field",
                field=f"login.{unknown[0][:100]}",
            )
        return validate(connector.Config, {**connection.config, **login}, "login")

    def checked(
        self,
        connector: Connector,
        mode: CredentialMode,
        saved: Connection | None,
        config: dict[str, Any],
    ) -> ConnectorConfig:
        """A validated configuration to store, with omitted secrets filled in.

        Raises:
            InvalidInput: a field is unknown or invalid, is for each user to enter
                (``personal_field``), or must be entered again (``secret_needed``).
            Unprocessable: the connector has no credentials that could be personal (``no_sign_in``).
        """
        login = connector.Config.login_fields()
        if mode == "shared":
            kept = saved if saved is not None and saved.credentials == "shared" else None
            return self._filled(connector, kept, None, config)
        if not login:
            raise Unprocessable(
                f"A connection to {connector.title} has no credentials that could be personal.",
                code="no_sign_in",
                field="credentials",
            )
        if given := [name for name in login if config.get(name) is not None]:
            raise InvalidInput(
                f"With personal credentials each user enters their own {given[0]}. Leave it empty.",
                code="personal_field",
                field=f"config.{given[0]}",
            )
        return without_login(connector, config)

    @staticmethod
    def leads_elsewhere(connector: Connector, saved: Connection, config: ConnectorConfig) -> bool:
        """Whether a configuration has another destination than the saved connection."""
        login = connector.Config.login_fields()
        kept = {name: value for name, value in saved.config.items() if name not in login}
        now = {n: v for n, v in config.model_dump(mode="json").items() if n not in login}
        before, after = without_login(connector, kept), without_login(connector, now)
        return connector.destination(before) != connector.destination(after)

    def forget(self, connection: Connection) -> None:
        """Drops the cached targets and closes the sessions of a connection that has changed."""
        for key in [key for key in self._targets if key[0] == connection.id]:
            self._targets.pop(key, None)
        self._connectors[connection.connector].forget(connection.id)

    def _filled(
        self,
        connector: Connector,
        saved: Connection | None,
        user: str | None,
        config: dict[str, Any],
    ) -> ConnectorConfig:
        """A configuration completed with stored secrets.

        Stored secrets are only ever sent to the destination that they were entered for: if the
        configuration points somewhere else, they must be entered again. Otherwise a user who may edit a
        connection without knowing its password could have it sent to a machine of their own.
        """
        credential = self._safe.get(saved.id, user) if saved is not None else None
        stored = credential.secrets if credential else {}
        missing = {name: value for name, value in stored.items() if name not in config}
        checked = validate(connector.Config, {**missing, **config}, "config")
        if missing and saved is not None and self.leads_elsewhere(connector, saved, checked):
            name = next(iter(missing))
            raise InvalidInput(
                f"The connection now points somewhere else, so enter the {name} again.",
                code="secret_needed",
                field=f"config.{name}",
            )
        return checked


def split(config: ConnectorConfig, mode: CredentialMode) -> tuple[dict[str, Any], dict[str, str]]:
    """Splits a configuration into the fields that may be shown, and the secrets.

    For a personal connection, neither part contains login fields.
    """
    hidden = config.secret_fields() if mode == "shared" else config.login_fields()
    plain = config.model_dump(mode="json", exclude=set(hidden))
    return plain, secrets_of(config, config.secret_fields()) if mode == "shared" else {}


def secrets_of(config: ConnectorConfig, names: Sequence[str]) -> dict[str, str]:
    """The values of those of the named fields that are set, as text."""
    values = {}
    for name in names:
        value = getattr(config, name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text:
            values[name] = str(text)
    return values


def without_login(connector: Connector, config: dict[str, Any]) -> ConnectorConfig:
    """Validates a configuration with placeholders for required login fields, as for a personal one."""
    fields = connector.Config.model_fields
    blank = {name: "-" for name in connector.Config.login_fields() if fields[name].is_required()}
    return validate(connector.Config, {**blank, **config}, "config")


def _credential_missing(connection: Connection) -> Unprocessable:
    return Unprocessable(
        f"“{connection.name}” needs your own credentials, and you haven't entered them: in Lab, in "
        f"the Connections panel, choose “My Credentials…” on {connection.name}.",
        code="credential_missing",
        connection=connection.name,
        connection_id=connection.id,
    )


def _credential_expired(connection: Connection, at: datetime) -> Unprocessable:
    what, advice = (
        (
            "Your credentials",
            "Enter new ones: in Lab, in the Connections panel, choose “My Credentials…”.",
        )
        if connection.credentials == "personal"
        else ("The credentials", "Ask someone who manages the connection to enter new ones.")
    )
    return Unprocessable(
        f"{what} for “{connection.name}” expired on {at:%Y-%m-%d}. {advice}",
        code="credential_expired",
        connection=connection.name,
        connection_id=connection.id,
    )
