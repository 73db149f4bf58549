"""The safe for credentials: seals each with the vault, bound to its row, and opens it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from ...governance.secrets.vault import Vault, WrongKey
from ...kit import clock
from ...kit.errors import InvalidInput
from ..models import Connection, CredentialState
from .store import CredentialStore, SealedCredential

WARNING = timedelta(days=14)


@dataclass(frozen=True)
class Credential:
    """An opened credential.

    Attributes:
        revision: grows each time a credential is stored for the same connection and user.
    """

    secrets: dict[str, str]
    revision: int
    expires_at: datetime | None


class CredentialSafe:
    """Stores and opens credentials; checks no rights."""

    def __init__(self, store: CredentialStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault

    def get(self, connection_id: str, user: str | None) -> Credential | None:
        """A connection's credential: a user's own, or the shared one if ``user`` is ``None``."""
        row = self._store.get(connection_id, user)
        if row is None:
            return None
        try:
            secrets = self._open(row, connection_id, user)
        except WrongKey:
            # Read before a key rotation reached the row, opened after the rotation had ended.
            row = self._store.get(connection_id, user)
            if row is None:
                return None
            secrets = self._open(row, connection_id, user)
        return Credential(secrets, _revision(row.updated_at), row.expires_at)

    def revision(self, connection_id: str, user: str) -> int | None:
        """The revision of a user's own credential, without opening it; ``None`` if there is none."""
        row = self._store.get(connection_id, user)
        return None if row is None else _revision(row.updated_at)

    def put(
        self,
        transaction: sa.Connection,
        connection_id: str,
        user: str | None,
        secrets: dict[str, str],
        expires_at: datetime | None,
    ) -> None:
        """Replaces a credential; without secrets, removes it."""
        if not secrets:
            self._store.drop(transaction, connection_id, user)
            return
        row = str(uuid.uuid4())
        ciphertext = self._vault.seal(transaction, _seal_name(row, connection_id, user), secrets)
        self._store.put(transaction, row, connection_id, user, ciphertext, clock.now(), expires_at)

    def drop(self, transaction: sa.Connection, connection_id: str, user: str) -> bool:
        """Removes a user's own credential, and returns whether there was one."""
        return self._store.drop(transaction, connection_id, user)

    def drop_personal(self, transaction: sa.Connection, connection_id: str) -> None:
        """Removes all users' own credentials of a connection."""
        self._store.drop_personal(transaction, connection_id)

    def rotation(self, transaction: sa.Connection, connection_id: str) -> dict[str, str]:
        """The memory of a shared credential's rotation; empty if there is none."""
        ciphertext = self._store.rotation(transaction, connection_id)
        if ciphertext is None:
            return {}
        return self._vault.open(_rotation_name(connection_id), ciphertext)

    def put_rotation(
        self, transaction: sa.Connection, connection_id: str, memory: dict[str, str]
    ) -> None:
        """Replaces the memory of a rotation; an empty one removes it."""
        ciphertext = None
        if memory:
            name = _rotation_name(connection_id)
            ciphertext = self._vault.seal(transaction, name, memory)
        self._store.put_rotation(transaction, connection_id, ciphertext, clock.now())

    def _open(self, row: SealedCredential, connection_id: str, user: str | None) -> dict[str, str]:
        return self._vault.open(_seal_name(row.id, connection_id, user), row.ciphertext)

    def states(self, user: str, connections: Sequence[Connection]) -> dict[str, CredentialState]:
        """The states of the credentials that a user's queries on these connections would use."""
        own = self._store.of_user(user)
        shared = self._store.shared_ends()
        now = clock.now()
        states = {}
        for connection in connections:
            if connection.credentials == "shared":
                states[connection.id] = _state(shared.get(connection.id), None, now)
            elif connection.id in own:
                updated_at, expires_at = own[connection.id]
                states[connection.id] = _state(expires_at, updated_at, now)
            else:
                states[connection.id] = CredentialState(status="missing")
        return states


def require_future(expires_at: datetime | None) -> None:
    """Raises ``InvalidInput`` for a date that is in the past or has no time zone."""
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= clock.now()):
        raise InvalidInput(
            "The expiry must be in the future and have a time zone.",
            code="past_date",
            field="expires_at",
        )


def _state(
    expires_at: datetime | None, updated_at: datetime | None, now: datetime
) -> CredentialState:
    status = "ok"
    if expires_at is not None and expires_at <= now:
        status = "expired"
    elif expires_at is not None and expires_at - now <= WARNING:
        status = "expiring"
    return CredentialState.model_validate(
        {"status": status, "expires_at": expires_at, "updated_at": updated_at}
    )


def _revision(updated_at: datetime) -> int:
    return int(updated_at.timestamp() * 1_000_000)


def _seal_name(row: str, connection_id: str, user: str | None) -> str:
    return f"credentials/{row}/{connection_id}/{user or ''}"


def _rotation_name(connection_id: str) -> str:
    return f"credential_rotations/{connection_id}"
