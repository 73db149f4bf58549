"""What a connection points to: its configuration, and the target that a session is opened on."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, SecretStr


class ConnectorConfig(BaseModel):
    """Base of the connectors' configurations: unknown fields are an error.

    Secret fields are of type ``SecretStr | None``; pydantic marks them ``writeOnly`` in the JSON
    schema. The service removes and encrypts them, and passes them to ``open`` in the target.
    """

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def secret_fields(cls) -> list[str]:
        """The names of the fields that hold secrets."""
        return [
            name
            for name, info in cls.model_fields.items()
            if info.annotation in (SecretStr, SecretStr | None)
        ]

    @classmethod
    def login_fields(cls) -> list[str]:
        """The names of the fields that are credentials: secrets, and those marked ``login``.

        With personal credentials, each user enters these for themselves.
        """
        secret = cls.secret_fields()
        return [
            name
            for name, info in cls.model_fields.items()
            if name in secret
            or (isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("login"))
        ]


@dataclass(frozen=True)
class Target:
    """What a session is opened on.

    Attributes:
        connection_id: empty for a connection that is only tested and not saved.
        version: grows with every change of the configuration or the credential; pooled resources of
            an older version are dropped.
        config: the validated configuration, including secrets (as ``SecretStr``).
        user: the user whose personal credential is in the configuration; ``None`` for a shared one.
            Pooled resources are never shared between users.
        temp_bytes: the size of temporary files that this use may write, for connectors that can
            enforce it; 0 for none.
    """

    connection_id: str
    version: int
    config: ConnectorConfig = field(repr=False)
    user: str | None = None
    temp_bytes: int = 0
